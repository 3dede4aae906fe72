/** What a pool answers over plain HTTP: discovery, keys, the hosted UI, and the operations that need no signature. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "../cloud/errors.ts";
import type { HostedUi } from "./hosted/index.ts";
import { readBody, sendJson, sendPreflight } from "./http.ts";
import { isOpen, perform } from "./operations.ts";
import type { Pool } from "./pool.ts";

export interface PoolEndpoint {
  pool: Pool;
  hosted: HostedUi;
}

/**
 * `/<pool id>/.well-known/jwks.json` and `openid-configuration`.
 * @param origin Where the hosted UI is reached from where the request came.
 * @returns false when the path is neither.
 */
export function discovery(pool: Pool, path: string, origin: string, response: ServerResponse): boolean {
  const { spec } = pool;
  if (path === `/${spec.id}/.well-known/jwks.json`) {
    sendJson(response, 200, pool.tokens.jwks, { "cache-control": "public, max-age=86400" });
    return true;
  }
  if (path !== `/${spec.id}/.well-known/openid-configuration`) return false;
  sendJson(response, 200, {
    authorization_endpoint: `${origin}/oauth2/authorize`,
    end_session_endpoint: `${origin}/logout`,
    id_token_signing_alg_values_supported: ["RS256"],
    issuer: spec.issuer,
    jwks_uri: `${spec.issuer}/.well-known/jwks.json`,
    response_types_supported: ["code"],
    revocation_endpoint: `${origin}/oauth2/revoke`,
    scopes_supported: ["openid", "email", "phone", "profile"],
    subject_types_supported: ["public"],
    token_endpoint: `${origin}/oauth2/token`,
    token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
    userinfo_endpoint: `${origin}/oauth2/userInfo`,
  });
  return true;
}

/** `POST /` with `X-Amz-Target`, unsigned: what a browser's SDK sends. */
export async function openApi(
  pools: Pool[],
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const requestId = randomUUID();
  const answer = (status: number, body: unknown, type?: string) =>
    sendJson(response, status, body, {
      "content-type": "application/x-amz-json-1.1",
      "x-amzn-requestid": requestId,
      ...(type !== undefined && { "x-amzn-errortype": type }),
    });
  if (incoming.method === "OPTIONS") return sendPreflight(response);
  const operation = String(incoming.headers["x-amz-target"] ?? "").replace(
    "AWSCognitoIdentityProviderService.",
    "",
  );
  try {
    if (!isOpen(operation))
      throw new AwsError(
        "MissingAuthenticationTokenException",
        `${operation || "the request"} must be signed`,
        400,
      );
    const input: unknown = JSON.parse(await readBody(incoming));
    if (typeof input !== "object" || input === null) throw new SyntaxError("the body is not an object");
    answer(200, await perform(pools, operation, input as Record<string, unknown>, () => {}));
  } catch (error) {
    if (error instanceof SyntaxError)
      return answer(
        400,
        { __type: "SerializationException", message: error.message },
        "SerializationException",
      );
    if (!(error instanceof AwsError)) throw error;
    answer(error.status, { __type: error.code, message: error.message }, error.code);
  }
}
