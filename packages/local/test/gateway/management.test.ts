import { once } from "node:events";
import { Agent } from "node:https";
import { connect as connectTls } from "node:tls";
import {
  ApiGatewayManagementApiClient,
  type ApiGatewayManagementApiServiceException,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  accountId,
  allDisconnected,
  gatewaySpec,
  route,
  send,
  startWorld,
  turn,
  type World,
} from "./support.ts";

const host = "sock000000.execute-api.eu-north-1.amazonaws.com";
const api = `arn:aws:execute-api:eu-north-1:${accountId}:sock000000`;
const roleArn = (name: string) => `arn:aws:iam::${accountId}:role/${name}`;
const handlers: World["handlers"] = {};
const clients: ApiGatewayManagementApiClient[] = [];
let world: World;

beforeAll(async () => {
  handlers.hook = () => ({ statusCode: 200 });
  const role = (name: string, action: string, resource: string) => ({
    arn: roleArn(name),
    name,
    trust: { Statement: [] },
    policies: [
      {
        name: "inline",
        document: { Statement: [{ Effect: "Allow" as const, Action: action, Resource: resource }] },
      },
    ],
  });
  world = await startWorld({
    handlers,
    plan: {
      roles: [
        role("pusher", "execute-api:ManageConnections", `${api}/prod/*/@connections/*`),
        role("poster", "execute-api:ManageConnections", `${api}/*/POST/@connections/*`),
        role("stranger", "execute-api:Invoke", "*"),
      ],
    },
    gateways: [
      gatewaySpec({
        id: "sock000000",
        name: "Sock",
        protocol: "WEBSOCKET",
        stage: "prod",
        customDomains: ["ws.example.com"],
        routes: [route("$connect", "hook"), route("$disconnect", "hook"), route("$default", "hook")],
      }),
      gatewaySpec({ id: "else000000", name: "Else", protocol: "WEBSOCKET", stage: "prod", routes: [] }),
    ],
  });
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await world.stop();
});
beforeEach(() => {
  handlers.hook = () => ({ statusCode: 200 });
  world.invocations.length = 0;
  world.observations.length = 0;
});

afterEach(() => allDisconnected(world));

/** The SDK's client with the keys of a role; by AWS's host name over TLS unless an endpoint is named. */
function manager(role = "pusher", endpoint = `https://${host}/prod`) {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  // What the hook in a function's process does: AWS's name leads to the front door, whose certificate is verified.
  agent.createConnection = () =>
    connectTls({ host: "127.0.0.1", port: world.awsTlsPort, servername: host, ca: world.cloud.ca.pem });
  const client = new ApiGatewayManagementApiClient({
    region: "eu-north-1",
    endpoint,
    credentials: world.credentials.issue({ kind: "role", roleArn: roleArn(role), sessionName: "s" }),
    maxAttempts: 1,
    requestHandler: { httpsAgent: agent } as never,
  });
  clients.push(client);
  return client;
}
async function connected() {
  const socket = new WebSocket(world.gateways.url("sock000000"));
  await once(socket, "open");
  const { requestContext } = world.invocations.at(-1)?.event as { requestContext: { connectionId: string } };
  return { socket, ConnectionId: requestContext.connectionId };
}
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => ({ name: "none", status: 200 }),
    (error: ApiGatewayManagementApiServiceException) => ({
      name: error.name,
      status: error.$metadata.httpStatusCode,
    }),
  );

describe("@connections", () => {
  it("by AWS's host name over TLS and by AWS_ENDPOINT_URL a post reaches the client", async () => {
    const { socket, ConnectionId } = await connected();
    for (const client of [manager(), manager("pusher", world.aws)]) {
      const message = once(socket, "message");
      await client.send(new PostToConnectionCommand({ ConnectionId, Data: "hällo" }));
      const [data, binary] = await message;
      expect([String(data), binary]).toEqual(["hällo", false]);
    }
    expect(world.observations.filter(({ kind }) => kind === "ws.post")).toMatchObject([
      { detail: { connectionId: ConnectionId, bytes: 6 } },
      { detail: { connectionId: ConnectionId, bytes: 6 } },
    ]);
    socket.terminate();
  });

  it("messages of one connection arrive whole and in their order up to 128 KB; longer ones are refused", async () => {
    const { socket, ConnectionId } = await connected();
    const client = manager();
    const inbox: string[] = [];
    socket.on("message", (data) => inbox.push(String(data)));
    const sent = ["a", "b".repeat(40_000), "", "c".repeat(131_072), "end"];
    for (const Data of sent) await client.send(new PostToConnectionCommand({ ConnectionId, Data }));
    expect(
      await failure(client.send(new PostToConnectionCommand({ ConnectionId, Data: "x".repeat(131_073) }))),
    ).toEqual({
      name: "PayloadTooLargeException",
      status: 413,
    });
    while (inbox.length < sent.length) await once(socket, "message");
    expect(inbox).toEqual(sent);
    socket.terminate();
  });

  it("tells when a connection came and when it was last active", async () => {
    const { socket, ConnectionId } = await connected();
    const client = manager();
    const first = await client.send(new GetConnectionCommand({ ConnectionId }));
    expect(first.Identity).toMatchObject({ SourceIp: "127.0.0.1" });
    world.cloud.clock.advance(60_000);
    await client.send(new PostToConnectionCommand({ ConnectionId, Data: "x" }));
    const second = await client.send(new GetConnectionCommand({ ConnectionId }));
    expect(second.ConnectedAt).toEqual(first.ConnectedAt);
    expect(Number(second.LastActiveAt) - Number(first.LastActiveAt)).toBeGreaterThanOrEqual(60_000);
    socket.terminate();
  });

  it("a delete closes the connection, $disconnect is told, and the id is gone at once", async () => {
    const { socket, ConnectionId } = await connected();
    const client = manager();
    const closed = once(socket, "close");
    await client.send(new DeleteConnectionCommand({ ConnectionId }));
    expect(await failure(client.send(new PostToConnectionCommand({ ConnectionId, Data: "x" })))).toEqual({
      name: "GoneException",
      status: 410,
    });
    expect((await closed)[0]).toBe(1000);
    const routes = world.invocations.map(
      ({ event }) => (event.requestContext as { routeKey: string }).routeKey,
    );
    expect(routes).toEqual(["$connect", "$disconnect"]);
  });

  it("a connection that is closed, was never there, or is still in $connect is 410; a malformed id is 400", async () => {
    const client = manager();
    const { socket, ConnectionId } = await connected();
    socket.terminate();
    while (!world.observations.some(({ kind }) => kind === "ws.disconnect")) await turn();
    const post = (id: string) =>
      failure(client.send(new PostToConnectionCommand({ ConnectionId: id, Data: "x" })));
    expect(await post(ConnectionId)).toEqual({ name: "GoneException", status: 410 });
    expect(await post("AAAAAAAAAAAAAAA=")).toEqual({ name: "GoneException", status: 410 });
    expect(await post("../../prod")).toEqual({ name: "BadRequestException", status: 400 });
    let early: unknown;
    handlers.hook = async (event) => {
      const { connectionId, routeKey } = event.requestContext as { connectionId: string; routeKey: string };
      if (routeKey === "$connect") early = await post(connectionId);
      return { statusCode: 200 };
    };
    (await connected()).socket.terminate();
    expect(early).toEqual({ name: "GoneException", status: 410 });
  });

  it("is denied to roles without the permission for the method, and the denial is recorded with its ARN", async () => {
    const { socket, ConnectionId } = await connected();
    const post = new PostToConnectionCommand({ ConnectionId, Data: "x" });
    expect(await failure(manager("stranger").send(post))).toEqual({
      name: "AccessDeniedException",
      status: 403,
    });
    const denial = world.observations.find(({ kind }) => kind === "iam.denied");
    expect(denial?.detail.action).toBe("execute-api:ManageConnections");
    expect(denial?.resource).toBe(`${api}/prod/POST/@connections/${ConnectionId}`);
    const poster = manager("poster");
    expect(await failure(poster.send(post))).toEqual({ name: "none", status: 200 });
    expect(await failure(poster.send(new DeleteConnectionCommand({ ConnectionId })))).toMatchObject({
      status: 403,
    });
    expect(await failure(poster.send(new GetConnectionCommand({ ConnectionId })))).toMatchObject({
      status: 403,
    });
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.terminate();
  });

  it("neither an unsigned call nor one under another stage or API reaches a connection", async () => {
    const { socket, ConnectionId } = await connected();
    const path = `/prod/@connections/${encodeURIComponent(ConnectionId)}`;
    expect((await send(world.aws, path, { method: "POST", body: "x", headers: { host } })).status).toBe(403);
    const post = new PostToConnectionCommand({ ConnectionId, Data: "x" });
    for (const endpoint of [`https://${host}/dev`, `https://${host}`])
      expect(await failure(manager("pusher", endpoint).send(post))).toMatchObject({ status: 403 });
    const other = `https://else000000.execute-api.eu-north-1.amazonaws.com/prod`;
    expect(await failure(manager("pusher", other).send(post))).toMatchObject({ status: 403 });
    socket.terminate();
  });

  it("a fault strikes a post as it would any AWS call", async () => {
    const { socket, ConnectionId } = await connected();
    world.cloud.faults.add({
      service: "execute-api",
      operation: "PostToConnection",
      effect: { error: { code: "InternalServerError", status: 500 } },
    });
    const post = new PostToConnectionCommand({ ConnectionId, Data: "x" });
    expect(await failure(manager().send(post))).toMatchObject({ status: 500 });
    expect(await failure(manager().send(post))).toMatchObject({ status: 200 });
    socket.terminate();
  });

  it("a client that does not read is refused more once its buffer is full, and others go on", async () => {
    const slow = await connected();
    const quick = await connected();
    slow.socket.pause();
    // The kernel's buffers on both sides come before the gateway's own.
    const client = manager("pusher", world.aws);
    const Data = "x".repeat(131_072);
    let outcome = { name: "none", status: 200 as number | undefined };
    for (let sent = 0; sent < 400 && outcome.name === "none"; sent += 1)
      outcome = await failure(
        client.send(new PostToConnectionCommand({ ConnectionId: slow.ConnectionId, Data })),
      );
    expect(outcome).toEqual({ name: "LimitExceededException", status: 429 });
    const message = once(quick.socket, "message");
    await client.send(new PostToConnectionCommand({ ConnectionId: quick.ConnectionId, Data: "y" }));
    expect(String((await message)[0])).toBe("y");
    slow.socket.terminate();
    quick.socket.terminate();
  });
});
