import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { ApiGatewayManagementApiClient } from "@aws-sdk/client-apigatewaymanagementapi";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  allDisconnected,
  FunctionFailure,
  functionArn,
  gatewaySpec,
  route,
  startWorld,
  turn,
  type World,
} from "./support.ts";

const api = "arn:aws:execute-api:eu-north-1:112233445566:sock000000";
const handlers: World["handlers"] = {};
let world: World;
let url: string;

beforeAll(async () => {
  Object.assign(handlers, {
    judge: () => null,
    connect: () => null,
    disconnect: () => null,
    fallback: () => null,
    echo: () => null,
  });
  world = await startWorld({
    handlers,
    plan: {
      roles: [
        {
          arn: "arn:aws:iam::112233445566:role/caller",
          name: "caller",
          trust: { Statement: [] },
          policies: [
            {
              name: "p",
              document: {
                Statement: [
                  {
                    Effect: "Allow",
                    Action: "execute-api:Invoke",
                    Resource: `${api.replace("sock000000", "signed0000")}/*/$connect`,
                  },
                ],
              },
            },
          ],
        },
        {
          arn: "arn:aws:iam::112233445566:role/stranger",
          name: "stranger",
          trust: { Statement: [] },
          policies: [],
        },
      ],
    },
    gateways: [
      gatewaySpec({
        id: "sock000000",
        name: "Sock",
        protocol: "WEBSOCKET",
        routeSelectionExpression: "$request.body.action",
        routes: [
          route("$connect", "connect", { authorizerId: "auth" }),
          route("$disconnect", "disconnect"),
          route("$default", "fallback"),
          route("echo", "echo", { routeResponse: true }),
        ],
        authorizers: [
          {
            id: "auth",
            name: "ticket",
            kind: "lambda",
            lambda: {
              functionArn: functionArn("judge"),
              payloadVersion: "1.0",
              simpleResponses: false,
              ttlSeconds: 0,
            },
            identitySources: ["route.request.querystring.ticket"],
          },
        ],
      }),
      gatewaySpec({
        id: "signed0000",
        name: "Signed",
        protocol: "WEBSOCKET",
        routes: [route("$connect", "connect", { authorizerId: "AWS_IAM" })],
        authorizers: [{ id: "AWS_IAM", name: "AWS_IAM", kind: "iam", identitySources: [] }],
      }),
      gatewaySpec({
        id: "bare000000",
        name: "Bare",
        protocol: "WEBSOCKET",
        stage: "dev",
        routes: [route("only", "echo")],
      }),
    ],
  });
  url = `${world.gateways.url("sock000000")}?ticket=t1`;
});
afterAll(() => world.stop());
beforeEach(() => {
  handlers.judge = () => ({
    principalId: "u1",
    policyDocument: {
      Statement: [{ Effect: "Allow", Action: "execute-api:Invoke", Resource: `${api}/$default/$connect` }],
    },
    context: { userId: "u1", count: 2, flag: true },
  });
  for (const name of ["connect", "disconnect", "fallback"]) handlers[name] = () => ({ statusCode: 200 });
  handlers.echo = (event) => ({ statusCode: 200, body: event.body });
  world.invocations.length = 0;
});

const opened: WebSocket[] = [];
/** No client outlives its test, nor does what it set off. */
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.terminate();
  await allDisconnected(world);
});

const events = (name: string) =>
  world.invocations.filter((one) => one.functionArn === functionArn(name)).map((one) => one.event);
const contextOf = (event: Record<string, unknown> | undefined) =>
  (event?.requestContext ?? {}) as Record<string, unknown>;

async function open(target = url, options: { headers?: Record<string, string>; protocols?: string[] } = {}) {
  const socket = new WebSocket(target, options.protocols ?? [], { headers: options.headers ?? {} });
  const inbox: string[] = [];
  const waiting: (() => void)[] = [];
  socket.on("message", (data) => {
    inbox.push(String(data));
    for (const wake of waiting.splice(0)) wake();
  });
  opened.push(socket);
  await once(socket, "open");
  return {
    socket,
    async next() {
      while (inbox.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return inbox.shift() ?? "";
    },
    closed: once(socket, "close").then(([code, reason]) => [code, String(reason)]),
  };
}
/** The status with which an upgrade is refused. */
async function refusal(
  target: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  const socket = new WebSocket(target, { headers });
  const [, response] = await once(socket, "unexpected-response");
  let body = "";
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, body };
}
/** Resolves when a function has been invoked so many times. */
async function invoked(name: string, times = 1): Promise<Record<string, unknown>[]> {
  while (events(name).length < times) await turn();
  return events(name);
}

describe("$connect", () => {
  it("asks the authorizer, then the integration, with the events that AWS sends", async () => {
    const { socket } = await open(`${url}&x=1&x=2`, { headers: { "user-agent": "test/1", "x-own": "a" } });
    const [asked] = events("judge");
    expect(asked).toMatchObject({
      type: "REQUEST",
      methodArn: `${api}/$default/$connect`,
      headers: { Host: "sock000000.execute-api.eu-north-1.amazonaws.com", "x-own": "a" },
      queryStringParameters: { ticket: "t1", x: "2" },
      multiValueQueryStringParameters: { ticket: ["t1"], x: ["1", "2"] },
      stageVariables: {},
      requestContext: { eventType: "CONNECT", routeKey: "$connect" },
    });
    const [event] = events("connect");
    expect(event).toEqual({
      headers: expect.objectContaining({
        Host: "sock000000.execute-api.eu-north-1.amazonaws.com",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": expect.any(String),
        "X-Amzn-Trace-Id": expect.stringMatching(/^Root=1-/),
        "X-Forwarded-For": "127.0.0.1",
        "x-own": "a",
      }),
      multiValueHeaders: expect.objectContaining({ "x-own": ["a"] }),
      queryStringParameters: { ticket: "t1", x: "2" },
      multiValueQueryStringParameters: { ticket: ["t1"], x: ["1", "2"] },
      requestContext: {
        routeKey: "$connect",
        authorizer: {
          principalId: "u1",
          userId: "u1",
          count: "2",
          flag: "true",
          integrationLatency: expect.any(Number),
        },
        eventType: "CONNECT",
        extendedRequestId: expect.stringMatching(/^[\w-]{15}=$/),
        requestTime: expect.any(String),
        messageDirection: "IN",
        stage: "$default",
        connectedAt: expect.any(Number),
        requestTimeEpoch: expect.any(Number),
        identity: { sourceIp: "127.0.0.1", userAgent: "test/1" },
        requestId: expect.stringMatching(/^[\w-]{15}=$/),
        domainName: "sock000000.execute-api.eu-north-1.amazonaws.com",
        connectionId: expect.stringMatching(/^[\w-]{15}=$/),
        apiId: "sock000000",
      },
      isBase64Encoded: false,
    });
    expect(event?.headers).not.toHaveProperty("Upgrade");
    expect(contextOf(asked).connectionId).toBe(contextOf(event).connectionId);
    expect(
      world.invocations.map(({ principal }) => principal.kind === "service" && principal.sourceArn),
    ).toEqual([`${api}/authorizers/auth`, `${api}/$default/$connect`]);
    socket.close();
  });

  it.each([
    ["no ticket", (base: string) => base.replace("?ticket=t1", ""), () => null, 401, "Unauthorized"],
    ["an empty ticket", (base: string) => base.replace("t1", ""), () => null, 401, "Unauthorized"],
    [
      "a deny",
      (base: string) => base,
      () => ({
        principalId: "x",
        policyDocument: { Statement: [{ Effect: "Deny", Action: "execute-api:Invoke", Resource: "*" }] },
      }),
      403,
      "Forbidden",
    ],
    [
      "an allow of another stage",
      (base: string) => base,
      () => ({
        policyDocument: {
          Statement: [{ Effect: "Allow", Action: "execute-api:Invoke", Resource: `${api}/prod/$connect` }],
        },
      }),
      403,
      "Forbidden",
    ],
    [
      "an authorizer that throws Unauthorized",
      (base: string) => base,
      () => {
        throw new FunctionFailure("Unauthorized");
      },
      401,
      "Unauthorized",
    ],
    [
      "an authorizer that fails",
      (base: string) => base,
      () => {
        throw new FunctionFailure("boom");
      },
      500,
      "Internal Server Error",
    ],
  ])("%s refuses the upgrade, and the integration never runs", async (_, address, judge, status, message) => {
    handlers.judge = judge;
    const reply = await refusal(address(url));
    expect(reply.status).toBe(status);
    expect(JSON.parse(reply.body)).toMatchObject({
      message,
      connectionId: expect.any(String),
      requestId: expect.any(String),
    });
    expect(events("connect")).toHaveLength(0);
  });

  it.each([
    ["a status of its own", () => ({ statusCode: 429, body: "slow down" }), 429],
    [
      "an error",
      () => {
        throw new FunctionFailure("boom");
      },
      502,
    ],
    ["no status", () => undefined, 502],
  ])("an integration that answers %s refuses the upgrade with it", async (_, handler, status) => {
    handlers.connect = handler;
    expect((await refusal(url)).status).toBe(status);
    expect(events("disconnect")).toHaveLength(0);
  });

  it("the subprotocol is the one that the integration chooses among those offered", async () => {
    handlers.connect = () => ({ statusCode: 200, headers: { "Sec-WebSocket-Protocol": "v2" } });
    const { socket } = await open(url, { protocols: ["v1", "v2"] });
    expect(socket.protocol).toBe("v2");
    socket.close();
  });

  it("a malformed handshake is refused before any function runs", async () => {
    const { port } = new URL(url);
    const answer = await new Promise<string>((resolve) => {
      const socket = connectTcp(Number(port), "127.0.0.1");
      let text = "";
      socket.on("data", (chunk) => {
        text += String(chunk);
      });
      socket.on("close", () => resolve(text));
      socket.write(
        "GET /?ticket=t1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n",
      );
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(world.invocations).toHaveLength(0);
  });

  it("a client that leaves while $connect runs is disconnected, since it was counted in", async () => {
    let finish = () => {};
    handlers.connect = () =>
      new Promise((resolve) => {
        finish = () => resolve({ statusCode: 200 });
      });
    const socket = new WebSocket(url);
    socket.on("error", () => {});
    await invoked("connect");
    socket.terminate();
    await new Promise((resolve) => socket.on("close", resolve));
    await turn();
    finish();
    const [event] = await invoked("disconnect");
    expect(contextOf(event)).toMatchObject({
      disconnectStatusCode: 1006,
      connectionId: contextOf(events("connect")[0]).connectionId,
    });
  });
});

describe("$connect with IAM", () => {
  it("lets in who signed the upgrade and is allowed, and refuses everybody else with 403", async () => {
    const target = world.gateways.url("signed0000");
    expect((await refusal(target)).status).toBe(403);
    for (const [role, status] of [
      ["caller", 101],
      ["stranger", 403],
    ] as const) {
      const credentials = world.credentials.issue({
        kind: "role",
        roleArn: `arn:aws:iam::112233445566:role/${role}`,
        sessionName: "s",
      });
      const client = new ApiGatewayManagementApiClient({
        region: "eu-north-1",
        credentials,
        endpoint: target,
      });
      const { host, hostname, port } = new URL(target);
      const request = {
        method: "GET",
        protocol: "http:",
        hostname,
        port: Number(port),
        path: "/",
        query: {},
        headers: { host },
      };
      const { headers } = await (await client.config.signer()).sign(request as never);
      client.destroy();
      if (status === 101) await open(target, { headers });
      else expect((await refusal(target, headers)).status).toBe(status);
    }
  });
});

describe("messages", () => {
  it("reach the route that they name with the event that AWS sends, the authorizer's context and a trace of its own", async () => {
    const { socket, next } = await open();
    socket.send('{"action":"echo","n":1}');
    expect(await next()).toBe('{"action":"echo","n":1}');
    const [event] = events("echo");
    expect(event).toEqual({
      requestContext: {
        ...contextOf(events("connect")[0]),
        routeKey: "echo",
        messageId: expect.stringMatching(/^[\w-]{15}=$/),
        eventType: "MESSAGE",
        extendedRequestId: expect.any(String),
        requestTime: expect.any(String),
        requestTimeEpoch: expect.any(Number),
        requestId: expect.any(String),
      },
      body: '{"action":"echo","n":1}',
      isBase64Encoded: false,
    });
    const traces = world.invocations.map((one) => one.traces[0]);
    expect(traces[2]).toMatch(/^Root=1-/);
    expect(traces[2]).not.toBe(traces[1]);
    socket.close();
  });

  it("whatever is no JSON or names no route goes to $default, whose answer is not sent back", async () => {
    handlers.fallback = () => ({ statusCode: 200, body: "unheard" });
    const { socket, next } = await open();
    socket.send("plain text");
    socket.send('{"action":"nowhere"}');
    socket.send('{"action":"echo"}');
    expect(await next()).toBe('{"action":"echo"}');
    expect(events("fallback").map(({ body }) => body)).toEqual(["plain text", '{"action":"nowhere"}']);
    socket.close();
  });

  it("of one client are handled in the order they were sent, however long each takes", async () => {
    const { socket, next } = await open();
    handlers.echo = async (event) => {
      const { n } = JSON.parse(String(event.body)) as { n: number };
      for (let step = 0; step < (10 - n) * 3; step += 1) await turn();
      return { statusCode: 200, body: String(n) };
    };
    for (let n = 0; n < 10; n += 1) socket.send(JSON.stringify({ action: "echo", n }));
    for (let n = 0; n < 10; n += 1) expect(await next()).toBe(String(n));
    socket.close();
  });

  it.each([
    [
      "fails",
      () => {
        throw new FunctionFailure("secret detail");
      },
    ],
    ["answers without a status", () => ({ body: "x" })],
  ])("to a function that %s are answered with an internal server error frame", async (_, handler) => {
    handlers.echo = handler;
    const { socket, next } = await open();
    socket.send('{"action":"echo"}');
    expect(JSON.parse(await next())).toEqual({
      message: "Internal server error",
      connectionId: contextOf(events("connect")[0]).connectionId,
      requestId: contextOf(events("echo")[0]).requestId,
    });
    socket.close();
  });

  it("sent much faster than they are handled are all handled, in order", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    handlers.echo = async (event) => {
      await gate;
      return { statusCode: 200, body: event.body };
    };
    const { socket, next } = await open();
    const sent = Array.from({ length: 300 }, (_, n) =>
      JSON.stringify({ action: "echo", n, padding: "x".repeat(1000) }),
    );
    for (const text of sent) socket.send(text);
    await invoked("echo");
    release();
    for (const text of sent) expect(await next()).toBe(text);
  });

  it("that no route takes are answered Forbidden; the stage is part of the address", async () => {
    expect(world.gateways.url("bare000000")).toMatch(/\/dev$/);
    const { socket, next } = await open(world.gateways.url("bare000000"));
    socket.send("{}");
    expect(JSON.parse(await next())).toMatchObject({ message: "Forbidden" });
    socket.close();
  });

  it("up to 128 KB in frames up to 32 KB pass, and a larger frame or message closes with 1009", async () => {
    const { socket, next, closed } = await open();
    const padding = "x".repeat(30_000);
    socket.send(`{"action":"echo","a":"${padding}`, { fin: false });
    for (let part = 0; part < 3; part += 1) socket.send(padding, { fin: false });
    socket.send('"}', { fin: true });
    expect(JSON.parse(await next()).a).toHaveLength(120_000);
    socket.send(`{"action":"echo","a":"${"x".repeat(32_768)}"}`);
    expect((await closed)[0]).toBe(1009);
    const second = await open();
    for (let part = 0; part < 5; part += 1) second.socket.send(padding, { fin: part === 4 });
    expect((await second.closed)[0]).toBe(1009);
    expect(events("echo")).toHaveLength(1);
    expect(contextOf((await invoked("disconnect", 2))[0])).toMatchObject({ disconnectStatusCode: 1009 });
  });

  it("in binary frames close the connection with 1003", async () => {
    const { socket, closed } = await open();
    socket.send(Buffer.from([1, 2, 3]));
    expect((await closed)[0]).toBe(1003);
  });

  it("a 29 s integration is answered with a time-out frame", async () => {
    let finish = () => {};
    handlers.echo = () =>
      new Promise((resolve) => {
        finish = () => resolve({ statusCode: 200 });
      });
    const { socket, next } = await open();
    socket.send('{"action":"echo"}');
    await invoked("echo");
    world.cloud.clock.advance(29_000);
    expect(JSON.parse(await next())).toMatchObject({ message: "Endpoint request timed out" });
    finish();
    socket.close();
  });
});

describe("$disconnect", () => {
  it("tells the code and reason of the client", async () => {
    const { socket } = await open();
    socket.close(4001, "bye");
    const [event] = await invoked("disconnect");
    expect(event).toMatchObject({
      headers: {
        Host: "sock000000.execute-api.eu-north-1.amazonaws.com",
        "x-api-key": "",
        "X-Forwarded-For": "",
        "x-restapi": "",
      },
      requestContext: {
        routeKey: "$disconnect",
        eventType: "DISCONNECT",
        disconnectStatusCode: 4001,
        disconnectReason: "bye",
        authorizer: { userId: "u1" },
      },
      isBase64Encoded: false,
    });
  });

  it.each([
    [
      "closes without a code",
      (socket: WebSocket) => socket.close(),
      1005,
      "Client-side close frame status not set",
    ],
    ["vanishes", (socket: WebSocket) => socket.terminate(), 1006, "Connection closed abnormally"],
  ])("comes once when the client %s", async (_, leave, code, reason) => {
    const { socket, closed } = await open();
    leave(socket);
    await closed;
    const [event] = await invoked("disconnect");
    expect(contextOf(event)).toMatchObject({ disconnectStatusCode: code, disconnectReason: reason });
    expect(events("disconnect")).toHaveLength(1);
  });

  it("a connection idle for 10 minutes is closed with 1001, and a message puts it off", async () => {
    const { socket, next, closed } = await open();
    world.cloud.clock.advance(9 * 60_000);
    socket.send('{"action":"echo"}');
    await next();
    world.cloud.clock.advance(9 * 60_000);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    world.cloud.clock.advance(2 * 60_000);
    expect(await closed).toEqual([1001, "Going away"]);
    expect(contextOf((await invoked("disconnect"))[0])).toMatchObject({ disconnectStatusCode: 1001 });
  });

  it("two hours are the most that a connection lasts, however busy it is", async () => {
    const { socket, next, closed } = await open();
    for (let minutes = 0; minutes < 119; minutes += 7) {
      socket.send('{"action":"echo"}');
      await next();
      world.cloud.clock.advance(7 * 60_000);
    }
    world.cloud.clock.advance(2 * 60_000);
    expect(await closed).toEqual([1001, "Going away"]);
  });
});
