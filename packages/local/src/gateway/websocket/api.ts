/**
 * A WebSocket API: authorises and accepts connections, hands their messages to routes, and writes to them
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api.html).
 * Connections live in this process only: after a restart they are gone.
 */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Cloud, Ports } from "../../cloud/types.ts";
import type { GatewaySpec, RouteSpec } from "../../plan/types.ts";
import { type Authenticate, authoriseSigned } from "../authorizers.ts";
import { newId, traceHeader } from "../identifiers.ts";
import { identityValues } from "../identity-source.ts";
import { callFunction } from "../invoke.ts";
import { createLambdaAuthorizer, type LambdaAuthorizer } from "../lambda-authorizer.ts";
import { Refusal } from "../refusal.ts";
import { BadRequest, type Door, type GatewayRequest, readRequest } from "../request.ts";
import { type Connection, disconnectReason, openConnection } from "./connection.ts";
import {
  authorizerEvent,
  type ConnectionFacts,
  connectEvent,
  disconnectEvent,
  messageEvent,
} from "./events.ts";
import { frameText, MAX_MESSAGE_BYTES } from "./frames.ts";
import { selectRoute } from "./selection.ts";

/** The longest a WebSocket API waits for an integration. */
const INTEGRATION_TIMEOUT_MS = 29_000;

export interface WebSocketApi {
  readonly gateway: GatewaySpec;
  /** Open connections by id; one that was closed or lost is not among them. */
  readonly connections: ReadonlyMap<string, Connection>;
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer, door: Door): Promise<void>;
  /** Cuts every connection; `$disconnect` is not sent. */
  stop(): void;
}

/** An upgrade that is answered with an HTTP status instead. */
class UpgradeRefused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function createWebSocketApi(
  cloud: Cloud,
  ports: Ports,
  gateway: GatewaySpec,
  authenticate: Authenticate,
): WebSocketApi {
  const connections = new Map<string, Connection>();
  const authorizers = new Map<string, LambdaAuthorizer>();
  for (const spec of gateway.authorizers)
    if (spec.kind === "lambda")
      authorizers.set(spec.id, createLambdaAuthorizer(cloud, ports, spec, gateway.executionArn));
  /** The subprotocol that `$connect` chose, until the upgrade is written. */
  const subprotocols = new WeakMap<IncomingMessage, string>();
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: (offered, incoming) => {
      const chosen = subprotocols.get(incoming);
      return chosen !== undefined && offered.has(chosen) ? chosen : false;
    },
  });
  let stopped = false;
  const route = (key: string) => gateway.routes.find((one) => one.key === key);

  function call(to: RouteSpec, event: unknown, trace: string) {
    return callFunction(cloud, ports, {
      functionArn: to.functionArn,
      by: { sourceArn: `${gateway.executionArn}/${gateway.stage}/${to.key}` },
      event,
      trace,
      timeoutMs: INTEGRATION_TIMEOUT_MS,
    });
  }

  async function authorise(
    connect: RouteSpec,
    facts: ConnectionFacts,
    requestId: string,
    incoming: IncomingMessage,
  ): Promise<ConnectionFacts["authorizer"]> {
    if (connect.authorizerId === undefined) return undefined;
    const resourceArn = `${gateway.executionArn}/${gateway.stage}/$connect`;
    const spec = gateway.authorizers.find((one) => one.id === connect.authorizerId);
    if (spec?.kind === "iam") {
      authoriseSigned(cloud, authenticate, incoming, Buffer.alloc(0), resourceArn);
      return undefined;
    }
    const authorizer = authorizers.get(connect.authorizerId);
    if (!spec || !authorizer)
      throw new Refusal(
        500,
        `authorizer "${spec?.name ?? connect.authorizerId}" is no Lambda authorizer: WebSocket APIs know no other but IAM`,
      );
    const asked = performance.now();
    const verdict = await authorizer.ask({
      identity: identityValues(spec.identitySources, facts.request, gateway, "$connect"),
      resourceArn,
      event: () => authorizerEvent(facts, requestId),
      trace: facts.request.trace,
      sourceIp: facts.request.sourceIp,
    });
    // Values of the context reach the functions of a WebSocket API as text.
    const context = Object.entries(verdict.context).map(([name, value]) => [name, String(value)]);
    return {
      ...Object.fromEntries(context),
      ...(verdict.principalId !== undefined && { principalId: verdict.principalId }),
      integrationLatency: Math.round(performance.now() - asked),
    };
  }

  /** Runs `$connect`; gives the subprotocol that it chose. */
  async function connect(
    facts: ConnectionFacts,
    requestId: string,
    incoming: IncomingMessage,
  ): Promise<string | undefined> {
    const to = route("$connect");
    if (!to) return undefined;
    facts.authorizer = await authorise(to, facts, requestId, incoming);
    const outcome = await call(to, connectEvent(facts, requestId), facts.request.trace);
    if (outcome.kind === "timeout") throw new UpgradeRefused(504, "Endpoint request timed out");
    if (outcome.kind === "refused") throw new UpgradeRefused(500, "Internal server error");
    const answer = outcome.kind === "answered" ? readResult(outcome.payload) : undefined;
    if (!answer) throw new UpgradeRefused(502, "Internal server error");
    if (answer.status < 200 || answer.status > 299)
      throw new UpgradeRefused(answer.status, STATUS_CODES[answer.status] ?? "Refused");
    return answer.headers["sec-websocket-protocol"];
  }

  function disconnect(facts: ConnectionFacts, code: number, reason: string) {
    const to = route("$disconnect");
    if (!to || stopped) return;
    const event = disconnectEvent(facts, { requestId: newId(), code, reason, now: cloud.clock.now() });
    // Best effort: whatever the function says, the client is gone.
    void call(to, event, facts.request.trace);
  }

  async function dispatch(connection: Connection, text: string) {
    const { facts } = connection;
    const requestId = newId();
    // Each message is a request of its own, as in X-Ray.
    const trace = traceHeader(undefined, cloud.clock.now());
    const tell = (message: string) => {
      if (connections.has(facts.connectionId))
        connection.send(
          frameText(Buffer.from(JSON.stringify({ message, connectionId: facts.connectionId, requestId }))),
        );
    };
    const to = selectRoute(gateway.routes, gateway.routeSelectionExpression, text);
    cloud.observer.record("ws.message", gateway.arn, trace, {
      connectionId: facts.connectionId,
      route: to?.key ?? null,
      bytes: Buffer.byteLength(text),
    });
    if (!to) return tell("Forbidden");
    const now = cloud.clock.now();
    const outcome = await call(
      to,
      messageEvent(facts, { routeKey: to.key, requestId, body: text, now }),
      trace,
    );
    if (outcome.kind === "timeout") return tell("Endpoint request timed out");
    const answer = outcome.kind === "answered" ? readResult(outcome.payload) : undefined;
    if (!answer) return tell("Internal server error");
    if (to.routeResponse && answer.body !== "" && connections.has(facts.connectionId))
      connection.send(frameText(Buffer.from(answer.body)));
  }

  function accept(facts: ConnectionFacts, websocket: WebSocket, socket: Duplex) {
    // One message at a time, so that a client's messages take effect in the order in which it sent them.
    let last = Promise.resolve();
    const connection = openConnection(cloud.clock, facts, websocket, socket, {
      message(text) {
        last = last
          .then(() => dispatch(connection, text))
          .catch((error: unknown) => cloud.log(`${gateway.name}: ${String(error)}`));
        return last;
      },
      gone(code, reason) {
        connections.delete(facts.connectionId);
        cloud.observer.record("ws.disconnect", gateway.arn, facts.request.trace, {
          connectionId: facts.connectionId,
          code,
        });
        disconnect(facts, code, reason);
      },
    });
    connections.set(facts.connectionId, connection);
    cloud.observer.record("ws.connect", gateway.arn, facts.request.trace, {
      connectionId: facts.connectionId,
    });
  }

  return {
    gateway,
    connections,
    async upgrade(incoming, socket, head, door) {
      const connectionId = newId();
      const requestId = newId();
      // Without a listener a reset during $connect would end the process.
      socket.on("error", () => socket.destroy());
      try {
        const request = readRequest(incoming, gateway, door, cloud.clock);
        checkHandshake(request);
        const facts: ConnectionFacts = {
          connectionId,
          connectedAt: request.receivedAt,
          gateway,
          request,
          authorizer: undefined,
        };
        const subprotocol = await connect(facts, requestId, incoming);
        if (subprotocol !== undefined) subprotocols.set(incoming, subprotocol);
        if (stopped) return void socket.destroy();
        let accepted = false;
        server.handleUpgrade(incoming, socket, head, (websocket) => {
          accepted = true;
          accept(facts, websocket, socket);
        });
        // The client left while $connect ran, which has counted it in.
        if (!accepted) disconnect(facts, 1006, disconnectReason(1006, ""));
      } catch (error) {
        if (error instanceof Refusal && error.status === 500) cloud.log(`${gateway.name}: ${error.message}`);
        const { status, message } = refusalOf(error);
        refuseUpgrade(socket, status, { message, connectionId, requestId });
      }
    },
    stop() {
      stopped = true;
      for (const connection of [...connections.values()]) connection.terminate();
      server.close();
    },
  };
}

/** What RFC 6455 section 4.1 demands; whoever does not meet it never reaches `$connect`. */
function checkHandshake(request: GatewayRequest) {
  const good =
    request.method === "GET" &&
    request.header("upgrade")?.toLowerCase() === "websocket" &&
    request.header("sec-websocket-version") === "13" &&
    /^[+/0-9A-Za-z]{22}==$/.test(request.header("sec-websocket-key") ?? "");
  if (!good) throw new BadRequest(400, "Bad Request");
}

function refusalOf(error: unknown): { status: number; message: string } {
  if (error instanceof Refusal) return { status: error.status, message: error.publicMessage };
  if (error instanceof UpgradeRefused || error instanceof BadRequest)
    return { status: error.status, message: error.message };
  return { status: 500, message: "Internal server error" };
}

export function refuseUpgrade(socket: Duplex, status: number, body: Record<string, string>) {
  if (socket.destroyed) return;
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}\r\n` +
      "Connection: close\r\nContent-Type: application/json\r\n" +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

/** A Lambda proxy result, or undefined when it has no status: API Gateway calls that an internal server error. */
function readResult(
  payload: string,
): { status: number; headers: Record<string, string>; body: string } | undefined {
  let result: unknown;
  try {
    result = JSON.parse(payload);
  } catch {
    return undefined;
  }
  if (typeof result !== "object" || result === null) return undefined;
  const { statusCode, headers, body, isBase64Encoded } = result as Record<string, unknown>;
  const status = Number(statusCode);
  if (statusCode === undefined || !Number.isInteger(status) || status < 100 || status > 599) return undefined;
  const named = Object.entries(typeof headers === "object" && headers !== null ? headers : {});
  const text =
    body === undefined || body === null ? "" : typeof body === "string" ? body : JSON.stringify(body);
  return {
    status,
    headers: Object.fromEntries(named.map(([name, value]) => [name.toLowerCase(), String(value)])),
    body: isBase64Encoded === true ? Buffer.from(text, "base64").toString("utf8") : text,
  };
}
