/** A real Redis or Valkey of this machine. */
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Duplex } from "node:stream";
import { type Supervised, supervise } from "../cloud/supervise.ts";
import type { CacheSpec } from "../plan/types.ts";
import type { Store } from "./index.ts";

/** @returns undefined when there is none on the PATH. */
export function findServer(path = process.env.PATH ?? ""): string | undefined {
  for (const name of ["valkey-server", "redis-server"])
    for (const folder of path.split(delimiter).filter((entry) => entry !== "")) {
      const file = join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {}
    }
  return undefined;
}

/** What ElastiCache does not have: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RestrictedCommands.html */
const withheld = [
  ...["bgrewriteaof", "bgsave", "config", "debug", "migrate", "psync", "replicaof"],
  ...["save", "shutdown", "slaveof", "sync"],
];
const SLOTS = 16384;

/**
 * Starts a server that keeps nothing and is reached by a Unix socket in a private folder.
 * @param note File that names this folder, so that a next start removes what a killed run left.
 * @throws Error with the last lines of its log.
 */
export async function startServer(binary: string, spec: CacheSpec, note: string): Promise<Store> {
  if (existsSync(note)) rmSync(readFileSync(note, "utf8"), { recursive: true, force: true });
  // The path of a Unix socket may have 103 bytes (macOS) or 107 (Linux).
  const folder = mkdtempSync(join(tmpdir().length > 70 ? "/tmp" : tmpdir(), "redis-"));
  writeFileSync(note, folder);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const { child, socket } = await launch(binary, folder, spec);
    let stopping = false;
    void child.exited.then(remove);
    if (spec.clusterMode) await takeAllSlots(socket, spec.authToken);
    return {
      ended: child.exited.then((code) => (stopping ? undefined : `it ended by itself (code ${code})`)),
      attach(client) {
        const server = connect(socket);
        pipeBoth(client, server);
      },
      async stop() {
        stopping = true;
        await child.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

async function launch(binary: string, folder: string, spec: CacheSpec) {
  const socket = join(folder, "redis.sock");
  for (let attempt = 1; ; attempt++) {
    const file = join(folder, "redis.conf");
    // In a file of our own: a command line can be read by everybody on the machine.
    writeFileSync(file, `${(await configuration(folder, socket, spec)).join("\n")}\n`, { mode: 0o600 });
    const child = supervise(binary, [file], { ask: "TERM", cwd: folder, env: { PATH: "/usr/bin:/bin" } });
    const problem = await readiness(child);
    if (problem === undefined) return { child, socket };
    await child.stop();
    if (attempt === 5 || !problem.includes("already in use"))
      throw new Error(`${binary} did not start: ${problem}`);
  }
}

async function configuration(folder: string, socket: string, spec: CacheSpec): Promise<string[]> {
  const quote = (text: string) => `"${text.replace(/["\\]/g, "\\$&").replace(/[^\x20-\x7e]/g, "")}"`;
  return [
    `unixsocket ${quote(socket)}`,
    "unixsocketperm 700",
    "bind 127.0.0.1",
    `dir ${quote(folder)}`,
    "daemonize no",
    'save ""',
    "appendonly no",
    'logfile ""',
    "databases 16",
    ...(spec.authToken === undefined ? [] : [`requirepass ${quote(spec.authToken)}`]),
    ...withheld.map((name) => `rename-command ${name} ""`),
    ...(spec.clusterMode ? await clusterConfiguration(spec) : ["port 0"]),
  ];
}

/** A node of a cluster must have ports; it tells its clients of the AWS name and port instead. */
async function clusterConfiguration(spec: CacheSpec): Promise<string[]> {
  const [port, bus] = await freePorts(2);
  return [
    `port ${port}`,
    `cluster-port ${bus}`,
    "cluster-enabled yes",
    "cluster-config-file nodes.conf",
    "cluster-announce-ip 127.0.0.1",
    `cluster-announce-port ${spec.port}`,
    `cluster-announce-hostname ${spec.hosts[0] ?? "localhost"}`,
    "cluster-preferred-endpoint-type hostname",
  ];
}

async function takeAllSlots(socket: string, authToken: string | undefined) {
  const command = (...words: string[]) =>
    `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
  const slots = Array.from({ length: SLOTS }, (_, slot) => String(slot));
  const said: string[] = [];
  if (authToken !== undefined) said.push(command("AUTH", authToken));
  said.push(command("CLUSTER", "ADDSLOTS", ...slots));
  const client = connect(socket);
  client.setEncoding("utf8");
  client.write(said.join(""));
  let answer = "";
  await new Promise<void>((resolve, reject) => {
    client.on("error", reject);
    client.on("data", (chunk: string) => {
      answer += chunk;
      if (answer.split("\r\n").length > said.length) resolve();
    });
  });
  // It says the cluster is down until it has looked at its slots again, ten times a second.
  for (answer = ""; !answer.includes("cluster_state:ok"); ) {
    answer = "";
    client.write(command("CLUSTER", "INFO"));
    await new Promise<void>((resolve) => {
      const look = () => (answer.includes("cluster_my_epoch") ? resolve() : client.once("data", look));
      client.once("data", look);
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  client.destroy();
}

async function readiness(child: Supervised): Promise<string | undefined> {
  const lines: string[] = [];
  const ready = new Promise<undefined>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      // Read to the end: a full pipe would stop the server.
      stream.on("data", (chunk: string) => {
        lines.push(...chunk.split("\n").filter((line) => line.trim() !== ""));
        lines.splice(0, Math.max(0, lines.length - 20));
        if (/Ready to accept connections|The server is now ready/.test(chunk)) resolve(undefined);
      });
      stream.on("error", (error) => lines.push(error.message));
    }
  });
  return Promise.race([ready, child.exited.then((code) => lines.join("; ") || `it ended with code ${code}`)]);
}

function pipeBoth(client: Duplex, server: Duplex) {
  client.on("error", () => {});
  server.on("error", () => client.destroy());
  client.once("close", () => server.destroy());
  client.pipe(server);
  server.pipe(client);
}

/** All held at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, "127.0.0.1", resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
