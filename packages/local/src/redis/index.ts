/** ElastiCache for Redis: a server of this machine where there is one, else one in this process, behind TLS. */
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import type { Clock } from "../cloud/clock.ts";
import type { Cloud, Part, Ports } from "../cloud/types.ts";
import type { CacheSpec } from "../plan/types.ts";
import { Engine } from "./embedded/engine.ts";
import { findServer, startServer } from "./server.ts";

export interface RedisOptions {
  /** `server`: it must be there. `auto`, the default: it, or else the embedded one. */
  engine?: "auto" | "server" | "embedded";
  /** Port for the first cache; chosen by the system by default. */
  port?: number | undefined;
}
export interface Redis extends Part {
  start(): Promise<void>;
  /** Where a cache is reached on loopback. @param id ElastiCache's identifier. */
  port(id: string): number;
  /** By identifier: AWS's host name, and the port of loopback behind it. */
  endpoints(): Record<string, { host: string; port: number }>;
}

/** What answers behind the listener. */
export interface Store {
  attach(client: Duplex): void;
  /** Resolves with a reason when it ends unasked, with nothing when it was stopped. */
  ended?: Promise<string | undefined>;
  stop(): Promise<void>;
}

interface Running {
  port: number;
  stop(): Promise<void>;
}

export function createRedis(cloud: Cloud, _ports: Ports, options: RedisOptions = {}): Redis {
  const running = new Map<string, Running>();
  let starting: Promise<unknown> | undefined;

  /** An identifier is letters, digits and hyphens on AWS; whatever else a graph may hold does not leave the folder. */
  const noteFile = (spec: CacheSpec) =>
    join(cloud.state.folder("redis"), `${spec.id.replace(/[^\w-]/g, "_")}.folder`);

  async function startCache(spec: CacheSpec, requested: number | undefined) {
    const from = performance.now();
    const binary = options.engine === "embedded" ? undefined : findServer();
    if (options.engine === "server" && binary === undefined)
      throw new Error(
        `cache ${spec.id}: there is neither redis-server nor valkey-server on the PATH (apt-get install redis-server, brew install valkey)`,
      );
    const store =
      binary === undefined ? embed(cloud.clock, spec) : await startServer(binary, spec, noteFile(spec));
    void store.ended?.then((reason) => reason && cloud.log(`redis: ${spec.id}: ${reason}; start again`));
    try {
      const listener = await listen(cloud, spec, store, requested);
      running.set(spec.id, {
        port: listener.port,
        async stop() {
          await listener.close();
          await store.stop();
        },
      });
      for (const host of spec.hosts) cloud.addresses.add(host, spec.port, { port: listener.port });
      cloud.log(
        `redis: ${spec.id} on 127.0.0.1:${listener.port} (${binary ?? "embedded"}, ${Math.round(performance.now() - from)} ms)`,
      );
    } catch (error) {
      await store.stop();
      throw error;
    }
  }

  return {
    async start() {
      const started = cloud.plan.caches.map((spec, index) =>
        startCache(spec, index === 0 ? options.port : undefined),
      );
      // Settled, not raced: a stop after a failure must find everything that came up.
      starting = Promise.allSettled(started);
      await starting;
      await Promise.all(started);
    },
    async stop() {
      await starting;
      await Promise.all([...running.values()].map((one) => one.stop()));
      running.clear();
    },
    port(id) {
      const found = running.get(id);
      if (!found) throw new Error(`there is no running cache "${id}"`);
      return found.port;
    },
    endpoints: () =>
      Object.fromEntries(
        cloud.plan.caches.flatMap((spec) => {
          const port = running.get(spec.id)?.port;
          const host = spec.hosts[0];
          return port === undefined || host === undefined ? [] : [[spec.id, { host, port }]];
        }),
      ),
  };
}

/**
 * One cache without TLS and without a login, on a port of 127.0.0.1: nothing of AWS, for `sst dev`.
 * @param folder Notes what a killed run has left.
 */
export async function startPlainCache(options: {
  port: number;
  folder: string;
  clock: Clock;
}): Promise<{ engine: string; stop(): Promise<void> }> {
  const spec: CacheSpec = {
    id: "plain",
    arn: "",
    region: "",
    hosts: ["localhost"],
    port: options.port,
    transitEncryption: false,
    clusterMode: false,
  };
  const binary = findServer();
  const store =
    binary === undefined
      ? embed(options.clock, spec)
      : await startServer(binary, spec, join(options.folder, "plain.folder"));
  try {
    const listener = await listen(undefined, spec, store, options.port);
    return {
      engine: binary ?? "embedded",
      async stop() {
        await listener.close();
        await store.stop();
      },
    };
  } catch (error) {
    await store.stop();
    throw error;
  }
}

function embed(clock: Clock, spec: CacheSpec): Store {
  const engine = new Engine({
    clock,
    authToken: spec.authToken,
    cluster: spec.clusterMode ? { host: spec.hosts[0] ?? "localhost", port: spec.port } : undefined,
  });
  return {
    attach: (client) => engine.attach(client),
    async stop() {
      engine.close();
    },
  };
}

/**
 * Without transit encryption plain, as on ElastiCache; with it TLS and nothing else.
 * @param cloud Absent: no TLS, and no faults.
 */
async function listen(
  cloud: Pick<Cloud, "ca" | "faults"> | undefined,
  spec: CacheSpec,
  store: Store,
  requested = 0,
) {
  const ca = cloud?.ca;
  const sockets = new Set<Socket>();
  /** Whatever the fault's error is, a client sees its line cut: Redis itself says nothing when it is away. */
  const struck = (socket: Socket, operation: "connect" | "command") =>
    cloud?.faults
      .strike({ service: "elasticache", operation, resource: spec.arn, phase: "before" })
      .then(() => false)
      .catch(() => {
        socket.destroy();
        return true;
      });
  const serve = async (socket: Socket) => {
    socket.setNoDelay(true);
    if ((await struck(socket, "connect")) || socket.destroyed) return;
    store.attach(socket);
    socket.on("data", () => void struck(socket, "command"));
  };
  let server: Server;
  if (spec.transitEncryption && ca) {
    // A cluster's nodes have names below its own.
    const names = spec.hosts.flatMap((host) => [host, `*.${host.replace(/^\*\./, "")}`]);
    const tls = await ca.issue([...names, "localhost", "127.0.0.1"]);
    server = createTlsServer({ ...tls, minVersion: "TLSv1.2" }, serve);
    server.on("tlsClientError", (_error, socket: Socket) => socket.destroy());
  } else server = createServer(serve);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(requested, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
