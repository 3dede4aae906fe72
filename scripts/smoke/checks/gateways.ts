/** The HTTP API, the websocket API and the sign-in page, as strangers and as a person meet them. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { ask } from "../ask.ts";
import { Broken, type Smoke, text, Unable } from "../context.ts";

const OPEN_MS = 10_000;

export async function answersHealth({ api }: Smoke): Promise<string> {
  const { status } = await ask(`${api}/health`);
  if (status !== 200) throw new Broken(`GET /health answered ${status}`);
  return "GET /health answered 200";
}

export async function describesItself({ api }: Smoke): Promise<string> {
  const { status, body } = await ask(`${api}/openapi.json`);
  const openapi = status === 200 && (JSON.parse(body) as { openapi?: unknown; paths?: object });
  if (!openapi || typeof openapi.openapi !== "string")
    throw new Broken(`GET /openapi.json answered ${status}, and no OpenAPI document`);
  return `${Object.keys(openapi.paths ?? {}).length} paths described`;
}

/** Claims of nobody, signed by nobody. */
const forged = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url")}.${Buffer.from('{"sub":"nobody"}').toString("base64url")}.`;

export async function refusesStrangers({ api }: Smoke): Promise<string> {
  for (const [who, headers] of [
    ["without a token", {}],
    ["with a forged token", { authorization: `Bearer ${forged}` }],
  ] as const) {
    const { status } = await ask(`${api}/threads`, { headers: { ...headers } });
    if (status !== 401) throw new Broken(`GET /threads ${who} answered ${status}, not 401`);
  }
  return "401 without a token and with a forged one";
}

/** @throws Unable without a token. */
export async function asPerson(smoke: Smoke, path: string, method = "GET"): Promise<unknown> {
  if (!smoke.token)
    throw new Unable("needs an id token: sign in and give it as FRONTDESK_TOKEN in the environment");
  const { status, body } = await ask(smoke.api + path, {
    method,
    headers: { authorization: `Bearer ${smoke.token}` },
  });
  if (status < 200 || status > 299) throw new Broken(`${method} ${path} with a token answered ${status}`);
  return JSON.parse(body);
}

export async function answersPeople(smoke: Smoke): Promise<string> {
  await asPerson(smoke, "/me");
  await asPerson(smoke, "/mailboxes");
  return "GET /me and /mailboxes answered";
}

export async function refusesSockets({ websocket, origin }: Smoke): Promise<string> {
  for (const [how, address] of [
    ["without a ticket", websocket],
    ["with an invented ticket", `${websocket}?ticket=invented`],
  ] as const) {
    const answer = await connect(address, origin);
    if (answer instanceof WebSocket) {
      answer.terminate();
      throw new Broken(`a socket ${how} was opened`);
    }
    if (![401, 403].includes(answer)) throw new Broken(`a socket ${how} was answered with ${answer}`);
  }
  return "refused without a ticket and with an invented one";
}

export async function opensSockets(smoke: Smoke): Promise<string> {
  const { ticket } = (await asPerson(smoke, "/realtime/tickets", "POST")) as { ticket?: unknown };
  if (typeof ticket !== "string") throw new Broken("POST /realtime/tickets gave no ticket");
  const socket = await connect(`${smoke.websocket}?ticket=${encodeURIComponent(ticket)}`, smoke.origin);
  if (!(socket instanceof WebSocket)) throw new Broken(`a socket with a ticket was answered with ${socket}`);
  try {
    socket.send(JSON.stringify({ action: "ping" }));
    const [data] = (await once(socket, "message", { signal: AbortSignal.timeout(OPEN_MS) })) as [Buffer];
    if (
      (JSON.parse(data.toString()) as { action?: string; type?: string }).type !== "pong" &&
      !/pong/.test(data.toString())
    )
      throw new Broken("a ping was not answered with a pong");
  } finally {
    socket.terminate();
  }
  return "opened with a ticket; ping, pong";
}

/** @returns The open socket, or the status that it was refused with. */
async function connect(address: string, origin: string): Promise<WebSocket | number> {
  const socket = new WebSocket(address, { origin, handshakeTimeout: OPEN_MS });
  return new Promise((resolve, reject) => {
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      resolve(response.statusCode ?? 0);
      socket.terminate();
    });
    socket.on("open", () => resolve(socket));
    socket.on("error", (error) => reject(new Error(`${new URL(address).host}: ${error.message}`)));
  });
}

export async function showsSignIn(smoke: Smoke): Promise<string> {
  const { status, headers } = await smoke.stranger(signInAddress(smoke, "/login", "code"));
  if (status !== 200 || !String(headers["content-type"]).startsWith("text/html"))
    throw new Broken(`the sign-in page answered ${status} ${reason(headers.location)}`);
  return "the sign-in page answered 200";
}

export async function refusesImplicitFlow(smoke: Smoke): Promise<string> {
  const { status, headers } = await smoke.stranger(signInAddress(smoke, "/oauth2/authorize", "token"));
  if (status !== 400 && !reason(headers.location))
    throw new Broken(`the implicit flow was answered with ${status} and no error`);
  return "the implicit flow is refused";
}

/** `error=…` of an address that somebody is sent back to. */
function reason(location: string | undefined): string {
  return /[?&#](error=[^&]*(?:&error_description=[^&]*)?)/.exec(location ?? "")?.[1] ?? "";
}

/** What a browser is sent to, with a PKCE challenge as our client makes them (RFC 7636 §4.2). */
function signInAddress(smoke: Smoke, path: string, responseType: string): string {
  const { host, client, callback } = signIn(smoke);
  const query = new URLSearchParams({
    client_id: client,
    response_type: responseType,
    scope: "openid email profile",
    redirect_uri: callback,
    state: "smoke",
    code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(randomBytes(32)).digest("base64url"),
  });
  return `https://${host}${path}?${query}`;
}

function signIn(smoke: Smoke): { host: string; client: string; callback: string } {
  const domain = smoke.one("aws:cognito/userPoolDomain:UserPoolDomain");
  const client = smoke.one("aws:cognito/userPoolClient:UserPoolClient");
  const [callback] = (client.outputs.callbackUrls ?? []) as string[];
  if (!callback) throw new Broken("the app client has no callback URL");
  const name = text(domain, "domain");
  return {
    host: name.includes(".") ? name : `${name}.auth.${domain.region}.amazoncognito.com`,
    client: text(client, "id"),
    callback,
  };
}
