/**
 * The token, userInfo and revoke endpoints
 * (https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html).
 */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "../../cloud/errors.ts";
import { readBody, sendJson } from "../http.ts";
import { sameText } from "../passwords.ts";
import type { Client, Pool } from "../pool.ts";
import { newGrant, refreshed } from "../sign-in.ts";
import type { User } from "../store.ts";
import type { IssuedTokens } from "../tokens.ts";
import type { TokenChanges } from "../triggers.ts";
import type { AuthorisationRequest } from "./authorise.ts";

/** What an authorisation code stands for; it is good once and for five minutes. */
export interface Code {
  request: AuthorisationRequest;
  user: User;
  changes: TokenChanges;
  /** Milliseconds. */
  expiresAt: number;
}

/** An OAuth error (RFC 6749 section 5.2). */
class OAuthError extends Error {
  readonly status: number;
  constructor(error: string, status = 400) {
    super(error);
    this.status = status;
  }
}

export async function tokenEndpoint(
  pool: Pool,
  codes: Map<string, Code>,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const form = new URLSearchParams(await readBody(incoming));
    const client = authenticate(pool, incoming, form);
    const grantType = form.get("grant_type");
    if (grantType === "authorization_code")
      sendJson(response, 200, await exchange(pool, codes, client, form));
    else if (grantType === "refresh_token") sendJson(response, 200, await renew(pool, client, form));
    else throw new OAuthError(grantType === null ? "invalid_request" : "unsupported_grant_type");
  } catch (error) {
    answerError(response, error);
  }
}

async function exchange(pool: Pool, codes: Map<string, Code>, client: Client, form: URLSearchParams) {
  const value = form.get("code") ?? "";
  const code = codes.get(value);
  codes.delete(value);
  if (!code || code.expiresAt <= pool.cloud.clock.now()) throw new OAuthError("invalid_grant");
  const { request, user, changes } = code;
  if (request.client.id !== client.id || request.redirectUri !== form.get("redirect_uri"))
    throw new OAuthError("invalid_grant");
  const verifier = form.get("code_verifier");
  if (request.codeChallenge !== undefined) {
    const challenge = createHash("sha256")
      .update(verifier ?? "")
      .digest("base64url");
    if (!sameText(challenge, request.codeChallenge)) throw new OAuthError("invalid_grant");
  }
  const grant = newGrant(pool, user, client, request.scopes, true);
  const tokens = await pool.tokens.issue({ user, client, grant, changes, nonce: request.nonce });
  return { ...body(tokens, request.scopes), refresh_token: pool.store.grant(grant) };
}

async function renew(pool: Pool, client: Client, form: URLSearchParams) {
  const fresh = await refreshed(pool, client, form.get("refresh_token") ?? "");
  if (!fresh) throw new OAuthError("invalid_grant");
  return body(fresh.tokens, fresh.grant.scopes);
}

/** Only an OpenID request gets an id token. */
function body({ idToken, accessToken, expiresIn }: IssuedTokens, scopes: string[]) {
  const open = scopes.includes("openid") || scopes.includes("aws.cognito.signin.user.admin");
  return {
    ...(open && { id_token: idToken }),
    access_token: accessToken,
    expires_in: expiresIn,
    token_type: "Bearer",
  };
}

export async function userInfoEndpoint(
  pool: Pool,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, token] = /^Bearer +(\S+)$/i.exec(incoming.headers.authorization ?? "") ?? [];
  const refuse = (description: string) =>
    sendJson(
      response,
      401,
      { error: "invalid_token", error_description: description },
      {
        "www-authenticate": `Bearer error="invalid_token", error_description="${description}"`,
      },
    );
  if (token === undefined) return refuse("The access token is missing");
  try {
    const { user, scopes } = await pool.tokens.checkAccess(token);
    if (!scopes.includes("openid")) return refuse("The access token does not have the scope openid");
    // Values are text here, email_verified too.
    sendJson(response, 200, { sub: user.sub, ...user.attributes, username: user.username });
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    refuse(error.message);
  }
}

export async function revokeEndpoint(
  pool: Pool,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const form = new URLSearchParams(await readBody(incoming));
    const client = authenticate(pool, incoming, form);
    const grant = pool.store.grantOf(form.get("token") ?? "");
    if (grant && grant.clientId !== client.id) throw new OAuthError("unauthorized_client");
    if (grant) pool.store.revoke((one) => one.originJti === grant.originJti);
    response.writeHead(200, { "access-control-allow-origin": "*" }).end();
  } catch (error) {
    answerError(response, error);
  }
}

/** By Basic authorisation or in the form; a client with a secret must show it. */
function authenticate(pool: Pool, incoming: IncomingMessage, form: URLSearchParams): Client {
  const [, basic] = /^Basic +(\S+)$/i.exec(incoming.headers.authorization ?? "") ?? [];
  const [id, secret] =
    basic === undefined
      ? [form.get("client_id"), form.get("client_secret")]
      : Buffer.from(basic, "base64").toString("utf8").split(/:(.*)/s);
  const client = pool.spec.clients.find((one) => one.id === id);
  if (!client || (client.secret !== undefined && !sameText(client.secret, secret ?? "")))
    throw new OAuthError("invalid_client");
  return client;
}

function answerError(response: ServerResponse, error: unknown) {
  if (error instanceof OAuthError) return sendJson(response, error.status, { error: error.message });
  // A trigger that refuses the refresh.
  if (error instanceof AwsError)
    return sendJson(response, 400, { error: "invalid_grant", error_description: error.message });
  throw error;
}
