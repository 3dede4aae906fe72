/**
 * Requests to the authorize endpoint, checked
 * (https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html).
 */
import type { Client, Pool } from "../pool.ts";

export interface AuthorisationRequest {
  client: Client;
  redirectUri: string;
  scopes: string[];
  state: string | undefined;
  nonce: string | undefined;
  /** Of PKCE (RFC 7636), method S256. */
  codeChallenge: string | undefined;
}
export type Checked =
  | { kind: "good"; request: AuthorisationRequest }
  /** The client or its redirect URI cannot be trusted: the user is told, the app is not. */
  | { kind: "page"; message: string }
  | { kind: "redirect"; location: string };

export function checkRequest(pool: Pool, query: URLSearchParams): Checked {
  const client = pool.spec.clients.find((one) => one.id === query.get("client_id"));
  if (!client) return { kind: "page", message: "Client does not exist." };
  const redirectUri = query.get("redirect_uri") ?? "";
  if (!client.callbackUrls.includes(redirectUri))
    return {
      kind: "page",
      message: "redirect_mismatch: redirect_uri is not one of the client's callback URLs.",
    };
  const state = query.get("state") ?? undefined;
  const refuse = (error: string, description: string): Checked => ({
    kind: "redirect",
    location: withParameters(redirectUri, { error, error_description: description, state }),
  });

  const type = query.get("response_type");
  if (type !== "code" && type !== "token")
    return refuse("unsupported_response_type", "response_type must be code");
  if (type === "token")
    return refuse("unauthorized_client", "the implicit grant does not run here: use response_type=code");
  if (!client.flows.includes("code"))
    return refuse("unauthorized_client", "the client does not allow the code grant");
  const asked = (query.get("scope") ?? "").split(" ").filter(Boolean);
  if (!asked.every((scope) => client.scopes.includes(scope)))
    return refuse("invalid_scope", "the client does not allow all of the scopes");
  const codeChallenge = query.get("code_challenge") ?? undefined;
  if (codeChallenge === undefined && client.secret === undefined)
    return refuse("invalid_request", "a client without a secret must send code_challenge (PKCE)");
  if (codeChallenge !== undefined && query.get("code_challenge_method") !== "S256")
    return refuse("invalid_request", "code_challenge_method must be S256");
  if (codeChallenge !== undefined && !/^[A-Za-z0-9_-]{43}$/.test(codeChallenge))
    return refuse("invalid_request", "code_challenge must be the base64url of a SHA-256");
  return {
    kind: "good",
    request: {
      client,
      redirectUri,
      scopes: asked.length > 0 ? asked : client.scopes,
      state,
      nonce: query.get("nonce") ?? undefined,
      codeChallenge,
    },
  };
}

export function withParameters(uri: string, parameters: Record<string, string | undefined>): string {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}
