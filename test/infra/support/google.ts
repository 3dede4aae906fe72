/**
 * Google on loopback, with Google's rules: what is not registered, not signed in, not enabled or not within its scope is
 * refused as Google refuses it. Every host is a first path segment: `/accounts.google.com/…`.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface FakeGoogle {
  clients: Record<string, { secret: string; redirectUris: string[] }>;
  /** Refresh tokens of people, and what each has allowed. */
  consents: Record<string, { clientId: string; scopes: string[] }>;
  /** Access tokens of people who may see the project. */
  operators: string[];
  projects: Record<string, { enabled: string[] }>;
  /** `name type` -> records, as dns.google writes them. */
  dns: Record<string, string[]>;
}

export interface RunningGoogle {
  origin: string;
  state: FakeGoogle;
  /** Every request line, to see that nothing else was asked. */
  asked: string[];
  stop(): Promise<void>;
}

interface Reply {
  status: number;
  body?: unknown;
  location?: string;
}

export async function startGoogle(state: FakeGoogle): Promise<RunningGoogle> {
  const asked: string[] = [];
  /** Access tokens given for refresh tokens. */
  const issued = new Map<string, { clientId: string; scopes: string[] }>();

  const server = createServer(async (request, response) => {
    const [, host = "", ...path] = (request.url ?? "").split("?")[0]?.split("/") ?? [];
    const query = new URLSearchParams(request.url?.split("?")[1]);
    asked.push(`${request.method} ${host}/${path.join("/")}`);
    const reply = await answer(host, `/${path.join("/")}`, query, request);
    response.writeHead(reply.status, {
      "content-type": reply.body === undefined ? "text/html" : "application/json; charset=UTF-8",
      ...(reply.location && { location: reply.location }),
    });
    response.end(reply.body === undefined ? "<html></html>" : JSON.stringify(reply.body));
  });

  async function answer(
    host: string,
    path: string,
    query: URLSearchParams,
    request: IncomingMessage,
  ): Promise<Reply> {
    const key = `${host}${path}`;
    if (key === "accounts.google.com/.well-known/openid-configuration")
      return { status: 200, body: { issuer: "https://accounts.google.com" } };
    if (key === "accounts.google.com/o/oauth2/v2/auth") return authorise(query);
    if (key === "oauth2.googleapis.com/token")
      return token(request, new URLSearchParams(await text(request)));
    if (key === "dns.google/resolve") return resolve(query);
    if (key === "www.googleapis.com/calendar/v3/calendars/primary/events") return events(request);
    if (host === "serviceusage.googleapis.com") return service(path, request);
    return { status: 404, body: { error: { code: 404, status: "NOT_FOUND" } } };
  }

  function authorise(query: URLSearchParams): Reply {
    const refuse = (code: string): Reply => ({
      status: 302,
      // A protocol buffer whose first field is the error's name, in base64.
      location: `https://accounts.google.com/signin/oauth/error?${new URLSearchParams({
        authError: Buffer.from(`\n${String.fromCharCode(code.length)}${code}\u0012\u0004more`).toString(
          "base64",
        ),
      })}`,
    });
    const client = state.clients[query.get("client_id") ?? ""];
    if (!client) return refuse("invalid_client");
    if (!client.redirectUris.includes(query.get("redirect_uri") ?? ""))
      return refuse("redirect_uri_mismatch");
    if (query.get("response_type") !== "code") return refuse("unsupported_response_type");
    if (!query.get("scope")) return refuse("invalid_request");
    return { status: 302, location: `https://accounts.google.com/v3/signin/identifier?${query}` };
  }

  function token(request: IncomingMessage, form: URLSearchParams): Reply {
    const refuse = (status: number, error: string): Reply => ({ status, body: { error } });
    if (request.method !== "POST") return refuse(405, "method_not_allowed");
    if (!request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded"))
      return refuse(400, "invalid_request");
    const clientId = form.get("client_id") ?? "";
    const client = state.clients[clientId];
    if (!client || client.secret !== form.get("client_secret")) return refuse(401, "invalid_client");
    // A code is only ever given to a browser, and there is none here.
    if (form.get("grant_type") === "authorization_code") return refuse(400, "invalid_grant");
    if (form.get("grant_type") !== "refresh_token") return refuse(400, "unsupported_grant_type");
    const consent = state.consents[form.get("refresh_token") ?? ""];
    if (consent?.clientId !== clientId) return refuse(400, "invalid_grant");
    const access = `ya29.${issued.size}`;
    issued.set(access, consent);
    return {
      status: 200,
      body: { access_token: access, expires_in: 3599, scope: consent.scopes.join(" "), token_type: "Bearer" },
    };
  }

  function resolve(query: URLSearchParams): Reply {
    const number = { MX: 15, TXT: 16 }[query.get("type") ?? ""];
    const name = query.get("name") ?? "";
    if (number === undefined) return { status: 400, body: { error: "Invalid DNS type" } };
    const records = state.dns[`${name} ${query.get("type")}`];
    return {
      status: 200,
      body: records
        ? { Status: 0, Answer: records.map((data) => ({ name: `${name}.`, type: number, TTL: 300, data })) }
        : { Status: 3 },
    };
  }

  const bearer = (request: IncomingMessage) =>
    /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";

  function events(request: IncomingMessage): Reply {
    const consent = issued.get(bearer(request));
    const refuse = (code: number, reason: string): Reply => ({
      status: code,
      body: { error: { code, errors: [{ domain: "usageLimits", reason }] } },
    });
    if (!consent) return refuse(401, "authError");
    const project = Object.values(state.projects)[0];
    if (!project?.enabled.includes("calendar-json.googleapis.com")) return refuse(403, "accessNotConfigured");
    if (!consent.scopes.some((scope) => scope.startsWith("https://www.googleapis.com/auth/calendar")))
      return refuse(403, "insufficientPermissions");
    return { status: 200, body: { kind: "calendar#events", items: [] } };
  }

  function service(path: string, request: IncomingMessage): Reply {
    const [, project = "", api = ""] = /^\/v1\/projects\/([^/]+)\/services\/([^/]+)$/.exec(path) ?? [];
    const refuse = (code: number, status: string): Reply => ({
      status: code,
      body: { error: { code, status } },
    });
    if (!state.operators.includes(bearer(request))) return refuse(401, "UNAUTHENTICATED");
    const found = state.projects[project];
    if (!found) return refuse(403, "PERMISSION_DENIED");
    return {
      status: 200,
      body: {
        name: `projects/1/services/${api}`,
        state: found.enabled.includes(api) ? "ENABLED" : "DISABLED",
      },
    };
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    asked,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
