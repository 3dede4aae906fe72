import * as actor from "@frontdesk/core/actor";
import { VisibleError } from "@frontdesk/core/error";
import { signIn } from "@frontdesk/core/identity";
import * as trace from "@frontdesk/core/trace";
import { createMiddleware } from "hono/factory";
import type { Environment } from "./environment.ts";

/** API Gateway checked the token; what it says of somebody becomes the actor of everything below. */
export const authenticated = createMiddleware<Environment>(async (c, next) => {
  const claims = c.env?.event?.requestContext.authorizer?.jwt?.claims;
  // The route was deployed without its authorizer, or is called around it: nobody gets in.
  if (!claims) throw new VisibleError("unauthenticated", "no_token", "Sign in first.");
  const context = {
    requestId: c.get("requestId"),
    trace: trace.ofTraceparent(c.req.header("traceparent")) ?? trace.create(),
  };
  const user = await actor.provide({ actor: { kind: "system", name: "sign-in" }, ...context }, () =>
    signIn(readClaims(claims)),
  );
  await actor.provide({ actor: user, ...context }, next);
});

/** API Gateway writes lists among the claims as text: `[admin recruiter]`. */
function readClaims(claims: Record<string, unknown>): Parameters<typeof signIn>[0] {
  const groups = claims["cognito:groups"];
  return {
    sub: String(claims.sub ?? ""),
    email: String(claims.email ?? ""),
    "cognito:groups": Array.isArray(groups)
      ? groups.map(String)
      : String(groups ?? "")
          .replace(/^\[|\]$/g, "")
          .split(/[\s,]+/)
          .filter((group) => group !== ""),
  };
}
