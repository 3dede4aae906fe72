/**
 * The JWT authorizer of HTTP APIs
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html).
 * Keys come from the run's own user pools: nothing is fetched.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import type { CognitoPort } from "../cloud/types.ts";
import type { AuthorizerSpec } from "../plan/types.ts";
import type { Authorisation } from "./payload.ts";
import { Refusal } from "./refusal.ts";

type Jwks = ReturnType<CognitoPort["jwks"]>;
type KeySet = ReturnType<typeof createLocalJWKSet>;
const keySets = new WeakMap<NonNullable<Jwks>, KeySet>();

export interface JwtCheck {
  spec: NonNullable<AuthorizerSpec["jwt"]>;
  /** Scopes of the route; any one of them suffices. */
  scopes: string[];
  /** Value of the identity source. */
  token: string | undefined;
  jwks: Jwks;
  /** Milliseconds. */
  now: number;
}

/** Throws Refusal 401 for a token that does not hold, 403 for one that lacks the scope. */
export async function checkJwt(check: JwtCheck): Promise<Authorisation> {
  const token = check.token?.replace(/^Bearer +/i, "");
  if (token === undefined || token === "") throw new Refusal(401, "no token", "Bearer");
  if (!check.jwks)
    throw invalid(
      check,
      `no user pool of this run has the issuer ${check.spec.issuer}, and keys are not fetched`,
    );
  const payload = await verify(check, token, check.jwks);

  // `client_id` counts only where there is no `aud`: Cognito's access tokens.
  const audiences = payload.aud === undefined ? [payload.client_id] : [payload.aud].flat();
  if (!audiences.some((one) => typeof one === "string" && check.spec.audiences.includes(one)))
    throw invalid(check, "the token does not have a valid audience");
  if (payload.iat !== undefined && payload.iat > Math.floor(check.now / 1000))
    throw invalid(check, "the token is used before issued");

  if (check.scopes.length > 0 && !scopesOf(payload).some((scope) => check.scopes.includes(scope)))
    throw new Refusal(
      403,
      `the token has none of the scopes ${check.scopes.join(" ")}`,
      `Bearer scope="${check.scopes.join(" ")}" error="insufficient_scope" error_description="the token does not have the required scope"`,
    );
  return {
    kind: "jwt",
    claims: Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, claimText(value)])),
    scopes: check.scopes.length > 0 ? check.scopes : null,
  };
}

async function verify(check: JwtCheck, token: string, jwks: NonNullable<Jwks>): Promise<JWTPayload> {
  let keys = keySets.get(jwks);
  if (!keys) {
    keys = createLocalJWKSet(jwks as unknown as JSONWebKeySet);
    keySets.set(jwks, keys);
  }
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: check.spec.issuer,
      algorithms: ["RS256", "RS384", "RS512"],
      requiredClaims: ["exp"],
      currentDate: new Date(check.now),
    });
    if (protectedHeader.kid === undefined) throw invalid(check, "the token has no kid");
    return payload;
  } catch (error) {
    throw error instanceof Refusal ? error : invalid(check, reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "iss") return "the token does not have a valid issuer";
    if (error.claim === "nbf") return "the token is not valid yet";
    return `the token has no valid ${error.claim}`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token's signing algorithm is not RSA";
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return "no key of the issuer has the token's kid";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature does not match";
  return "the token is malformed";
}

function invalid(check: JwtCheck, description: string): Refusal {
  const scope = check.scopes.join(" ");
  return new Refusal(
    401,
    description,
    `Bearer scope="${scope}" error="invalid_token" error_description="${description}"`,
  );
}

function scopesOf(payload: JWTPayload): string[] {
  const claim = payload.scope ?? payload.scp;
  if (typeof claim === "string") return claim.split(" ").filter(Boolean);
  return Array.isArray(claim) ? claim.filter((scope) => typeof scope === "string") : [];
}

/**
 * Every claim reaches the function as text, in the notation of Go: `[admin recruiter]`, `map[a:1 b:2]`
 * (seen on AWS: aws-solutions-library-samples/guidance-for-claude-code-with-amazon-bedrock#803).
 */
export function claimText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(claimText).join(" ")}]`;
  if (typeof value === "object" && value !== null)
    return `map[${Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${key}:${claimText(item)}`)
      .join(" ")}]`;
  return value === null ? "<nil>" : String(value);
}
