/**
 * Who may sign in to the user pool: people whom an administrator made, and people whom Google vouches for as members of
 * the company's Workspace. A folder of its own, so that Cognito's triggers load neither database nor cache.
 */
import { VisibleError } from "../../error/index.ts";

/** A user's attributes as Cognito gives them to its triggers: text, all of them. */
export type Attributes = Readonly<Record<string, string | undefined>>;

/** The attribute that Google's `hd` claim is mapped to (infra/auth.ts). */
const hostedDomain = "custom:hd";

/**
 * Demands that Google vouches for a member of the Workspace. The address alone would not do: anybody can make a Google
 * account on an address of another provider, and keep it when the address is no longer theirs. `hd` is there only for
 * accounts that the Workspace itself manages
 * (https://developers.google.com/identity/gsi/web/guides/verify-google-id-token).
 *
 * @throws VisibleError `forbidden`; Cognito shows its message on the sign-in page.
 */
function requireMember(attributes: Attributes, workspaceDomain: string): void {
  const domain = workspaceDomain.toLowerCase();
  const email = (attributes.email ?? "").toLowerCase();
  const member =
    attributes[hostedDomain]?.toLowerCase() === domain &&
    attributes.email_verified === "true" &&
    email.slice(email.lastIndexOf("@") + 1) === domain;
  if (!member)
    throw new VisibleError(
      "forbidden",
      "not_in_workspace",
      `Sign in with your Google account of ${domain}: no other account is let in.`,
    );
}

/**
 * Before a user is made.
 * @param source Why: `PreSignUp_AdminCreateUser`, `PreSignUp_ExternalProvider` (first sign-in by Google) or
 *   `PreSignUp_SignUp` (somebody by themselves).
 * @throws VisibleError `forbidden`.
 */
export function checkSignUp(source: string, attributes: Attributes, workspaceDomain: string): void {
  if (source === "PreSignUp_AdminCreateUser") return;
  if (source !== "PreSignUp_ExternalProvider")
    throw new VisibleError("forbidden", "by_invitation", "Ask an administrator to invite you.");
  requireMember(attributes, workspaceDomain);
}

/**
 * Before each token, refreshed ones included: the only trigger that a returning federated user passes. Cognito has
 * brought the mapped attributes up to date by then, from what Google said at this sign-in.
 * @throws VisibleError `forbidden`.
 */
export function checkSignIn(attributes: Attributes, workspaceDomain: string): void {
  if (isFederated(attributes)) requireMember(attributes, workspaceDomain);
}

/** Users made by a provider have the status; users whom an administrator linked to one have `identities` alone. */
function isFederated(attributes: Attributes): boolean {
  const { identities, "cognito:user_status": status } = attributes;
  return (
    status === "EXTERNAL_PROVIDER" || (identities !== undefined && identities !== "" && identities !== "[]")
  );
}
