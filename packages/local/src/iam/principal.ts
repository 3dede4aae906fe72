/**
 * Who a request comes from, and whether a policy's `Principal` means them.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 */
import { createHash } from "node:crypto";
import type { Principal } from "../cloud/types.ts";
import type { PolicyStatement } from "../plan/types.ts";

/** The names that a principal goes by. */
export interface Identity {
  kind: Principal["kind"];
  /** Assumed-role ARN, service name or `anonymous`: what a denial calls the user. */
  display: string;
  account?: string;
  roleArn?: string;
  sessionArn?: string;
  /** `AROA...`, stable for a role's ARN. */
  roleId?: string;
  service?: string;
}

export function identify(principal: Principal): Identity {
  switch (principal.kind) {
    case "role": {
      const account = principal.roleArn.split(":")[4] ?? "";
      const partition = principal.roleArn.split(":")[1] ?? "aws";
      const sessionArn = `arn:${partition}:sts::${account}:assumed-role/${roleName(principal.roleArn)}/${principal.sessionName}`;
      return {
        kind: "role",
        display: sessionArn,
        account,
        roleArn: principal.roleArn,
        sessionArn,
        roleId: uniqueId("AROA", principal.roleArn),
      };
    }
    case "service":
      return { kind: "service", display: principal.service, service: principal.service };
    default:
      return { kind: principal.kind, display: principal.kind };
  }
}

/** The last part of a role's ARN; its path is no part of the name. */
function roleName(roleArn: string): string {
  return roleArn.slice(roleArn.lastIndexOf("/") + 1);
}

const ids = new Map<string, string>();

/** An identifier of the form that IAM gives, derived from a name so that it stays the same between runs. */
export function uniqueId(prefix: "AROA" | "AIDA", name: string): string {
  const known = ids.get(prefix + name);
  if (known) return known;
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const digest = createHash("sha256").update(name).digest();
  const id = prefix + Array.from(digest.subarray(0, 17), (byte) => alphabet[byte % 32]).join("");
  ids.set(prefix + name, id);
  return id;
}

/**
 * `direct`: the statement names this principal or everybody. `account`: it names the account, which hands the
 * decision to the account's own identity policies.
 */
export type PrincipalMatch = "none" | "account" | "direct";

export interface CompiledPrincipal {
  match(identity: Identity): PrincipalMatch;
}

export function compilePrincipal(
  principal: PolicyStatement["Principal"],
  notPrincipal: PolicyStatement["NotPrincipal"],
  effect: "Allow" | "Deny",
): CompiledPrincipal {
  if (principal !== undefined) {
    const names = collect(principal);
    return { match: (identity) => matchNames(names, identity) };
  }
  const names = collect(notPrincipal ?? {});
  return {
    match(identity) {
      const listed = levelsListed(names, identity);
      // A session is spared by a Deny only when account, role and session are all listed; an Allow leaves it
      // out when any of them is.
      // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
      const excepted = effect === "Deny" ? listed.every(Boolean) : listed.some(Boolean);
      return excepted ? "none" : "direct";
    },
  };
}

interface Names {
  everybody: boolean;
  aws: ReadonlySet<string>;
  services: ReadonlySet<string>;
}

function collect(element: "*" | Record<string, string | string[]>): Names {
  if (element === "*") return { everybody: true, aws: new Set(), services: new Set() };
  const values = (key: string) => {
    const found = element[key];
    return found === undefined ? [] : typeof found === "string" ? [found] : found;
  };
  const aws = values("AWS");
  // Wildcards stand for everybody or for nothing: `role/*` in a principal is compared as text.
  return { everybody: aws.includes("*"), aws: new Set(aws), services: new Set(values("Service")) };
}

function matchNames(names: Names, identity: Identity): PrincipalMatch {
  if (names.everybody) return "direct";
  if (identity.service !== undefined)
    return names.services.has(identity.service) || names.services.has("*") ? "direct" : "none";
  if (identity.kind !== "role") return "none";
  if (lists(names, identity.sessionArn) || lists(names, identity.roleArn) || lists(names, identity.roleId))
    return "direct";
  return listsAccount(names, identity.account) ? "account" : "none";
}

/** For a role's session: account, role, session. For others, their one name. */
function levelsListed(names: Names, identity: Identity): boolean[] {
  if (names.everybody) return [true];
  if (identity.service !== undefined) return [names.services.has(identity.service)];
  if (identity.kind !== "role") return [false];
  return [
    listsAccount(names, identity.account),
    lists(names, identity.roleArn),
    lists(names, identity.sessionArn),
  ];
}

function lists(names: Names, name: string | undefined): boolean {
  return name !== undefined && names.aws.has(name);
}
function listsAccount(names: Names, account: string | undefined): boolean {
  if (account === undefined) return false;
  return (
    names.aws.has(account) ||
    names.aws.has(`arn:aws:iam::${account}:root`) ||
    names.aws.has(`arn:aws-us-gov:iam::${account}:root`) ||
    names.aws.has(`arn:aws-cn:iam::${account}:root`)
  );
}
