/**
 * The hosted UI of a pool: sign-in pages for local users and the OAuth 2.0 endpoints
 * (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html).
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "../../cloud/errors.ts";
import { cookies, readBody, redirect, sendJson, sendPreflight } from "../http.ts";
import { sameText } from "../passwords.ts";
import type { Pool } from "../pool.ts";
import { checkPassword, demandNewPassword, takeNewPassword } from "../sign-in.ts";
import type { User } from "../store.ts";
import { type AuthorisationRequest, checkRequest, withParameters } from "./authorise.ts";
import { errorPage, type FormPage, loginPage, newPasswordPage, sendPage } from "./pages.ts";
import { type Code, revokeEndpoint, tokenEndpoint, userInfoEndpoint } from "./token.ts";

const CODE_MS = 5 * 60_000;
/** How long the pages remember who signed in. */
const SESSION_MS = 60 * 60_000;

export interface HostedUi {
  /** False: the path is not one of its own, and nothing was answered. */
  handle(incoming: IncomingMessage, response: ServerResponse): Promise<boolean>;
}

export function createHostedUi(pool: Pool): HostedUi {
  const codes = new Map<string, Code>();
  const sessions = new Map<string, { username: string; expiresAt: number }>();
  const { clock } = pool.cloud;

  function userOfSession(incoming: IncomingMessage): User | undefined {
    const session = sessions.get(cookies(incoming).cognito ?? "");
    const user = session && session.expiresAt > clock.now() ? pool.store.find(session.username) : undefined;
    return user?.enabled ? user : undefined;
  }

  /** Sends the user back to the app with a code, or with why there is none. */
  async function finish(
    response: ServerResponse,
    request: AuthorisationRequest,
    user: User,
    cookie?: string,
  ): Promise<void> {
    const { redirectUri, state } = request;
    const headers: Record<string, string> = cookie === undefined ? {} : { "set-cookie": cookie };
    try {
      await pool.triggers.postAuthentication(user, request.client.id);
      const source = "TokenGeneration_HostedAuth";
      const changes = await pool.triggers.preTokenGeneration(source, user, request.client.id, request.scopes);
      const code = randomBytes(32).toString("base64url");
      for (const [old, { expiresAt }] of codes) if (expiresAt <= clock.now()) codes.delete(old);
      codes.set(code, { request, user, changes, expiresAt: clock.now() + CODE_MS });
      redirect(response, withParameters(redirectUri, { code, state }), headers);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const refusal = { error: "invalid_request", error_description: error.message, state };
      redirect(response, withParameters(redirectUri, refusal));
    }
  }

  async function authorise(incoming: IncomingMessage, response: ServerResponse, url: URL) {
    const checked = checkRequest(pool, url.searchParams);
    if (checked.kind === "page") return sendPage(response, 400, errorPage(checked.message));
    if (checked.kind === "redirect") return redirect(response, checked.location);
    const user = userOfSession(incoming);
    if (user && url.searchParams.get("prompt") !== "login") return finish(response, checked.request, user);
    redirect(response, `/login${url.search}`);
  }

  async function login(incoming: IncomingMessage, response: ServerResponse, url: URL) {
    const checked = checkRequest(pool, url.searchParams);
    if (checked.kind === "page") return sendPage(response, 400, errorPage(checked.message));
    if (checked.kind === "redirect") return redirect(response, checked.location);
    const { request } = checked;
    const kept = cookies(incoming)["XSRF-TOKEN"] ?? "";
    const csrf = /^[\w-]{43}$/.test(kept) ? kept : randomBytes(32).toString("base64url");
    const form: FormPage = { pool: pool.spec.name, action: `/login${url.search}`, csrf };
    const headers = { "set-cookie": `XSRF-TOKEN=${csrf}; Path=/; HttpOnly; SameSite=Lax` };
    if (incoming.method === "GET") return sendPage(response, 200, loginPage(form), headers);

    const fields = new URLSearchParams(await readBody(incoming));
    if (kept === "" || !sameText(fields.get("_csrf") ?? "", kept))
      return sendPage(
        response,
        403,
        loginPage({ ...form, error: "The form was too old. Try again." }),
        headers,
      );
    const session = fields.get("session");
    try {
      const user =
        session === null
          ? await checkPassword(pool, fields.get("username") ?? "", fields.get("password") ?? "")
          : await takeNewPassword(pool, request.client, session, fields.get("new_password") ?? "");
      if (user.status === "FORCE_CHANGE_PASSWORD") {
        const page = newPasswordPage(form, demandNewPassword(pool, request.client, user));
        return sendPage(response, 200, page, headers);
      }
      const id = randomBytes(32).toString("base64url");
      sessions.set(id, { username: user.username, expiresAt: clock.now() + SESSION_MS });
      await finish(response, request, user, `cognito=${id}; Path=/; HttpOnly; SameSite=Lax`);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const again = { ...form, error: error.message };
      const page =
        session !== null && error.code === "InvalidPasswordException"
          ? newPasswordPage(again, session)
          : loginPage(again);
      sendPage(response, 400, page, headers);
    }
  }

  function logout(incoming: IncomingMessage, response: ServerResponse, url: URL) {
    const query = url.searchParams;
    const client = pool.spec.clients.find((one) => one.id === query.get("client_id"));
    if (!client) return sendPage(response, 400, errorPage("Client does not exist."));
    const target = query.get("logout_uri");
    if (target === null && query.has("redirect_uri")) {
      forget(incoming);
      return redirect(response, `/login${url.search}`, { "set-cookie": "cognito=; Path=/; Max-Age=0" });
    }
    if (target === null || !client.logoutUrls.includes(target))
      return sendPage(response, 400, errorPage("logout_uri is not one of the client's sign-out URLs."));
    forget(incoming);
    const location = withParameters(target, { state: query.get("state") ?? undefined });
    redirect(response, location, { "set-cookie": "cognito=; Path=/; Max-Age=0" });
  }
  const forget = (incoming: IncomingMessage) => sessions.delete(cookies(incoming).cognito ?? "");

  return {
    async handle(incoming, response) {
      const url = new URL(incoming.url ?? "/", "http://pool");
      const { method = "GET" } = incoming;
      const known = endpoints[url.pathname];
      if (!known) return false;
      if (method === "OPTIONS") sendPreflight(response);
      else if (!known.includes(method))
        sendJson(response, 405, { error: "invalid_request" }, { allow: known.join(", ") });
      else if (url.pathname === "/oauth2/authorize") await authorise(incoming, response, url);
      else if (url.pathname === "/login") await login(incoming, response, url);
      else if (url.pathname === "/logout") logout(incoming, response, url);
      else if (url.pathname === "/oauth2/token") await tokenEndpoint(pool, codes, incoming, response);
      else if (url.pathname === "/oauth2/revoke") await revokeEndpoint(pool, incoming, response);
      else await userInfoEndpoint(pool, incoming, response);
      return true;
    },
  };
}

const endpoints: Record<string, string[]> = {
  "/oauth2/authorize": ["GET"],
  "/login": ["GET", "POST"],
  "/logout": ["GET"],
  "/oauth2/token": ["POST"],
  "/oauth2/userInfo": ["GET", "POST"],
  "/oauth2/revoke": ["POST"],
};
