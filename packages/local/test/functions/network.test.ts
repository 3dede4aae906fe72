import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { openState } from "../../src/cloud/state.ts";
import { openCertificateAuthority } from "../../src/tls/ca.ts";
import { functionSpec, startLambda, type TestLambda } from "./support.ts";

const refused = (host: string) => `no request leaves this machine: host ${host} is not part of the local run`;

const folder = mkdtempSync(join(tmpdir(), "local-network-"));
const servers: Server[] = [];
let test: TestLambda;
/** Server names that clients asked for. */
const serverNames: string[] = [];
let startup: Buffer | undefined;

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const ca = await openCertificateAuthority(openState(folder));
  const tls = await ca.issue([
    "*.amazonaws.com",
    "*.ca-central-1.amazonaws.com",
    "*.rds.ca-central-1.amazonaws.com",
  ]);
  const note = (name: string, done: (error: null) => void) => {
    serverNames.push(name);
    done(null);
  };
  const web = createHttpsServer({ ...tls, SNICallback: note }, (request, response) => {
    response.end(`${request.headers.host}${request.url}`);
  });
  new WebSocketServer({ server: web }).on("connection", (socket, request) =>
    socket.send(`hello ${request.headers.host}`),
  );
  const plain = createHttpServer(
    (request, response) => void response.end(`${request.headers.host}${request.url}`),
  );
  const redis = createTlsServer({ ...tls, SNICallback: note }, (socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => socket.write(data.includes("ping") ? "+PONG\r\n" : "+OK\r\n"));
  });
  // As Postgres answers a request for TLS; the startup message that follows is all the test wants to see.
  const postgres = createTcpServer((raw) => {
    raw.once("data", () => {
      raw.write("S");
      const socket = new TLSSocket(raw, { ...tls, isServer: true, SNICallback: note });
      socket.on("error", () => {});
      socket.once("data", (data) => {
        startup = data;
        socket.destroy();
      });
    });
  });
  test = await startLambda([functionSpec("src/network.handler")], { ca });
  const { addresses } = test.cloud;
  addresses.add("*.amazonaws.com", 443, { port: await listen(web) });
  addresses.add("*.amazonaws.com", 80, { port: await listen(plain) });
  addresses.add("db.rds.ca-central-1.amazonaws.com", 5432, { port: await listen(postgres) });
  addresses.add("cache.ca-central-1.amazonaws.com", 6379, { port: await listen(redis) });
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const call = (via: string, event: object = {}) => test.call("src/network.handler", { via, ...event });
const host = "sqs.ca-central-1.amazonaws.com";

it("https, fetch and ws reach AWS's names on loopback, and verify them", async () => {
  expect(await call("viaHttps", { host, port: 443 })).toEqual({ error: false, value: `${host}/path` });
  expect(await call("viaFetch", { url: `https://${host}/path` })).toEqual({
    error: false,
    value: `${host}/path`,
  });
  expect(await call("viaWebSocket", { url: `wss://${host}/` })).toEqual({
    error: false,
    value: `hello ${host}`,
  });
  expect(serverNames).toEqual([host, host, host]);
});

it("a name that the certificate does not have is not trusted, though it leads to the same port", async () => {
  const { error, value } = await call("viaHttps", { host: "a.b.c.amazonaws.com", port: 443 });
  expect(error).toBe(true);
  expect((value as { errorMessage: string }).errorMessage).toContain("does not match certificate's altnames");
});

it("plain http goes by its own port", async () => {
  expect(await call("viaHttp", { host, port: 80 })).toEqual({
    error: false,
    value: `${host}:80/path`.replace(":80", ""),
  });
});

it("pg reaches the database by its name over TLS, and ioredis the cache", async () => {
  serverNames.length = 0;
  await call("viaPg", { host: "db.rds.ca-central-1.amazonaws.com", port: 5432 });
  expect(startup?.toString()).toContain("user\0app\0");
  expect(await call("viaRedis", { host: "cache.ca-central-1.amazonaws.com", port: 6379 })).toEqual({
    error: false,
    value: "PONG",
  });
  // ioredis names no server, on AWS neither; it verifies the name all the same.
  expect(serverNames).toEqual(["db.rds.ca-central-1.amazonaws.com"]);
});

it("a name that is looked up first leads to the same place", async () => {
  const { value } = await call("viaLookup", { host: "db.rds.ca-central-1.amazonaws.com", port: 5432 });
  expect(value).toEqual({ address: expect.stringMatching(/^127\.83\./), same: true });
});

it("loopback passes, by address and by name", async () => {
  const port = await listen(createTcpServer((socket) => socket.end()));
  for (const own of ["127.0.0.1", "localhost"])
    expect(await call("viaSocket", { host: own, port })).toEqual({ error: false, value: "connected" });
});

it("a host that is not part of the run is refused by name, whoever asks", async () => {
  const expected = { error: true, value: expect.objectContaining({ errorMessage: refused("example.com") }) };
  expect(await call("viaHttps", { host: "example.com", port: 443 })).toEqual(expected);
  expect(await call("viaFetch", { url: "https://example.com/" })).toEqual(expected);
  expect(await call("viaPg", { host: "example.com", port: 5432 })).toEqual(expected);
  expect(await call("viaWebSocket", { url: "wss://example.com/" })).toEqual(expected);
  expect(await call("viaSocket", { host: "EXAMPLE.com.", port: 80 })).toEqual(expected);
  expect(await call("viaWorker")).toEqual({ error: false, value: refused("example.com") });
  const file = join(folder, "forked.cjs");
  writeFileSync(
    file,
    `require("net").connect(443, "example.com").on("error", (error) => process.send(error.message, () => process.exit()));`,
  );
  expect(await call("viaFork", { file })).toEqual({ error: false, value: refused("example.com") });
});

it("an address outside this machine is refused, and so is a port that nobody named", async () => {
  for (const address of ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "10.0.0.5"])
    expect(await call("viaSocket", { host: address, port: 443 })).toMatchObject({
      error: true,
      value: { errorMessage: refused(address) },
    });
  expect(await call("viaSocket", { host, port: 22 })).toMatchObject({
    value: {
      errorMessage: `no request leaves this machine: port 22 of host ${host} is not part of the local run`,
    },
  });
});

it("names are resolved by nobody else, and no datagram leaves", async () => {
  for (const outside of ["example.com", "8.8.8.8"]) {
    const { value } = await call("viaNames", { host: outside });
    expect(value).toEqual(
      Object.fromEntries(
        "lookup callback resolve4 resolveMx resolver udp".split(" ").map((name) => [name, refused(outside)]),
      ),
    );
  }
});
