import * as actor from "@frontdesk/core/actor";
import { VisibleError } from "@frontdesk/core/error";
import { signIn } from "@frontdesk/core/identity";
import { createMiddleware } from "hono/factory";
import type { Environment } from "./environment.ts";

/** API Gateway checked the token; what it says of somebody becomes the actor of everything below. */
export const authenticated = createMiddleware<Environment>(async (c, next) => {
  const claims = c.env?.event?.requestContext.authorizer?.jwt?.claims;
  // The route was deployed without its authorizer, or is called around it: nobody gets in.
  if (!claims) throw new VisibleError("unauthenticated", "no_token", "Sign in first.");
  const context = { requestId: c.get("requestId"), trace: c.get("trace") };
  const user = await actor.provide({ actor: { kind: "system", name: "sign-in" }, ...context }, () =>
    signIn(readClaims(claims)),
  );
  await actor.provide({ actor: user, ...context }, next);
});

/**
 * Claims as API Gateway writes them: all text, lists as `[admin recruiter]`. The authorizer lets any token of our client
 * pass, an access token too, which does not say who somebody is.
 */
function readClaims(claims: Record<string, unknown>): Parameters<typeof signIn>[0] {
  const { sub, email, token_use: use } = claims;
  if (use !== "id" || typeof sub !== "string" || typeof email !== "string")
    throw new VisibleError("unauthenticated", "not_an_id_token", "Send the id token, not the access token.");
  // Mailboxes go by address, and the user pool lets people change theirs: an unverified one may be somebody else's.
  if (String(claims.email_verified) !== "true")
    throw new VisibleError("forbidden", "email_not_verified", "Verify your e-mail address first.");
  const groups = claims["cognito:groups"];
  return {
    sub,
    email,
    "cognito:groups": Array.isArray(groups)
      ? groups.map(String)
      : String(groups ?? "")
          .replace(/^\[|\]$/g, "")
          .split(/\s+/)
          .filter((group) => group !== ""),
  };
}
