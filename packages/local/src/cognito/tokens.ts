/**
 * Tokens of a user pool, with the claims that Cognito gives them
 * (https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html).
 */
import { createHash, createPrivateKey, randomUUID } from "node:crypto";
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from "jose";
import type { Clock } from "../cloud/clock.ts";
import type { UserPoolSpec } from "../plan/types.ts";
import { notAuthorized } from "./errors.ts";
import type { Grant, PoolStore, SigningKeys, User } from "./store.ts";
import type { TokenChanges } from "./triggers.ts";

type Client = UserPoolSpec["clients"][number];

/** What a sign-in outside the hosted pages may do: Cognito's own API, on the user's behalf. */
export const USER_API_SCOPE = "aws.cognito.signin.user.admin";

export interface IssuedTokens {
  idToken: string;
  accessToken: string;
  /** Seconds that the access token lives. */
  expiresIn: number;
}
export interface TokenRequest {
  user: User;
  client: Client;
  grant: Grant;
  changes: TokenChanges;
  /** Claim `nonce` of an OpenID request. */
  nonce?: string | undefined;
}
export interface Tokens {
  readonly jwks: { keys: Record<string, unknown>[] };
  issue(request: TokenRequest): Promise<IssuedTokens>;
  /** Throws NotAuthorizedException for a token that is not the pool's, has expired, or whose sign-in was revoked. */
  checkAccess(token: string): Promise<{ user: User; grant: Grant; scopes: string[] }>;
}

/** Claims that no trigger can change (user-pool-lambda-pre-token-generation.html). */
const protectedClaims = {
  id: new Set(
    "acr amr at_hash aud auth_time azp cognito:username exp iat identities iss jti nbf nonce origin_jti sub token_use".split(
      " ",
    ),
  ),
  access: new Set(
    "acr amr at_hash auth_time azp client_id device_key event_id exp iat iss jti nbf nonce origin_jti scope sub token_use username version".split(
      " ",
    ),
  ),
};

export async function makeSigningKeys(): Promise<SigningKeys> {
  const make = async (): Promise<JWK> => {
    const { privateKey } = await generateKeyPair("RS256", { modulusLength: 2048, extractable: true });
    return {
      ...(await exportJWK(privateKey)),
      kid: createHash("sha256").update(randomUUID()).digest("base64"),
    };
  };
  const [id, access] = await Promise.all([make(), make()]);
  return { id, access };
}

export function createTokens(clock: Clock, spec: UserPoolSpec, store: PoolStore, keys: SigningKeys): Tokens {
  const jwks = { keys: [publicKey(keys.id), publicKey(keys.access)] };
  const keySet = createLocalJWKSet({ keys: jwks.keys as unknown as JWK[] });
  const signers = {
    id: createPrivateKey({ key: keys.id as unknown as Record<string, string>, format: "jwk" }),
    access: createPrivateKey({ key: keys.access as unknown as Record<string, string>, format: "jwk" }),
  };
  const sign = (use: "id" | "access", claims: Record<string, unknown>) =>
    new SignJWT(claims).setProtectedHeader({ kid: keys[use].kid ?? "", alg: "RS256" }).sign(signers[use]);

  return {
    jwks,
    async issue({ user, client, grant, changes, nonce }) {
      const now = Math.floor(clock.now() / 1000);
      const common = {
        sub: user.sub,
        ...(changes.groups.length > 0 && { "cognito:groups": changes.groups }),
        iss: spec.issuer,
        origin_jti: grant.originJti,
        event_id: randomUUID(),
        auth_time: grant.authTime,
        iat: now,
      };
      const expiresIn = Math.round(client.accessTokenMinutes * 60);
      const scopes = [...grant.scopes, ...changes.access.addScopes].filter(
        (scope, at, all) => !changes.access.suppressScopes.includes(scope) && all.indexOf(scope) === at,
      );
      const accessToken = await sign("access", {
        ...change("access", changes.access.add, changes.access),
        ...common,
        client_id: client.id,
        token_use: "access",
        scope: scopes.join(" "),
        exp: now + expiresIn,
        jti: randomUUID(),
        username: user.username,
        ...(grant.hosted && { version: 2 }),
      });
      const idToken = await sign("id", {
        ...change("id", { ...profile(user), ...changes.id.add }, changes.id),
        ...common,
        "cognito:username": user.username,
        ...(changes.roles.length > 0 && { "cognito:roles": changes.roles }),
        ...(changes.preferredRole !== undefined && { "cognito:preferred_role": changes.preferredRole }),
        aud: client.id,
        token_use: "id",
        exp: now + Math.round(client.idTokenMinutes * 60),
        jti: randomUUID(),
        ...(grant.hosted && { at_hash: halfHash(accessToken) }),
        ...(nonce !== undefined && { nonce }),
      });
      return { idToken, accessToken, expiresIn };
    },
    async checkAccess(token) {
      const payload = await jwtVerify(token, keySet, {
        issuer: spec.issuer,
        algorithms: ["RS256"],
        requiredClaims: ["exp"],
        currentDate: new Date(clock.now()),
      }).then(
        (result) => result.payload,
        (error: { code?: string }) => {
          throw notAuthorized(
            error.code === "ERR_JWT_EXPIRED" ? "Access Token has expired" : "Invalid Access Token",
          );
        },
      );
      if (payload.token_use !== "access") throw notAuthorized("Invalid Access Token");
      const grant = store.grantByOrigin(String(payload.origin_jti));
      const user = grant && store.find(grant.username);
      if (!user) throw notAuthorized("Access Token has been revoked");
      return { user, grant, scopes: String(payload.scope ?? "").split(" ") };
    },
  };
}

/** Adds and drops what a trigger may; what the pool sets itself is set after. */
function change(
  use: "id" | "access",
  claims: Record<string, unknown>,
  { suppress }: { suppress: string[] },
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(claims).filter(([name]) => !protectedClaims[use].has(name) && !suppress.includes(name)),
  );
}

/** User attributes as claims: text, but for the two that say whether an address was verified. */
function profile(user: User): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(user.attributes).map(([name, value]) => [
      name,
      name.endsWith("_verified") ? value === "true" : value,
    ]),
  );
}

/** `at_hash` (OpenID Connect Core section 3.1.3.6). */
function halfHash(token: string): string {
  return createHash("sha256").update(token).digest().subarray(0, 16).toString("base64url");
}

function publicKey({ kty, n, e, kid }: JWK): Record<string, unknown> {
  return { alg: "RS256", e, kid, kty, n, use: "sig" };
}
