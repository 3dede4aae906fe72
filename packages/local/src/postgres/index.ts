/** Aurora PostgreSQL and RDS Proxy: a real Postgres per cluster behind RDS' own front. */
import { join } from "node:path";
import pg from "pg";
import type { Cloud, CredentialStore, Part, Ports } from "../cloud/types.ts";
import type { DatabaseProxySpec, DatabaseSpec } from "../plan/types.ts";
import { type AdmissionOptions, admitToCluster, admitToProxy } from "./admission.ts";
import { authenticationRules, bootstrap, isIamUser } from "./bootstrap.ts";
import { type Front, type FrontOptions, openFront } from "./front.ts";
import { SOCKET_PORT, SUPERUSER, startServer } from "./server.ts";

export interface PostgresOptions {
  credentials: CredentialStore;
  /** Current string of a secret by ARN; only RDS Proxy needs it. */
  secretValue?: AdmissionOptions["secretValue"];
  /** Trades what a machine that loses power would keep for speed. A killed process loses nothing that was committed. */
  fast?: boolean;
  /** Port for the first cluster; chosen by the system by default. */
  port?: number | undefined;
}
export interface Postgres extends Part {
  start(): Promise<void>;
  /** Where a cluster is reached on loopback, over TLS. @param id Cluster identifier, or the proxy's name. */
  port(id: string): number;
  /** Superuser's connection string over the private Unix socket; for tools of this machine, never for functions. */
  adminUrl(id: string, database?: string): string;
  /** By cluster identifier. */
  endpoints(): Record<string, { host: string; port: number; database: string; user: string }>;
}

interface Running {
  port: number;
  socketFolder?: string;
  stop(): Promise<void>;
}

export function createPostgres(cloud: Cloud, _ports: Ports, options: PostgresOptions): Postgres {
  const running = new Map<string, Running>();
  let starting: Promise<unknown> | undefined;

  async function startCluster(spec: DatabaseSpec, requested: number | undefined) {
    const from = performance.now();
    const stops: (() => Promise<unknown>)[] = [];
    const stop = async () => {
      for (let last = stops.pop(); last; last = stops.pop()) await last();
    };
    try {
      const server = await startServer({
        folder: join(cloud.state.folder("postgres"), fileName(spec.id)),
        hba: authenticationRules(spec.masterUsername),
        fast: options.fast ?? false,
      });
      let stopping = false;
      stops.push(() => {
        stopping = true;
        return server.stop();
      });
      void server.exited.then((code) => {
        if (!stopping) cloud.log(`postgres: cluster ${spec.id} ended by itself (code ${code}); start again`);
      });
      const admin = new pg.Pool({
        host: server.socketFolder,
        port: SOCKET_PORT,
        user: SUPERUSER,
        database: "postgres",
        max: 3,
      });
      admin.on("error", () => {}); // an idle connection broke: the next query opens another
      stops.push(() => admin.end());
      await bootstrap(admin, spec);

      const login: AdmissionOptions = {
        cloud,
        credentials: options.credentials,
        isIamUser: (user) => isIamUser(admin, user),
        secretValue: options.secretValue ?? (() => undefined),
      };
      const openFor = async (
        hosts: string[],
        port: number,
        admit: FrontOptions["admit"],
        wanted?: number,
      ) => {
        const front: Front = await openFront({
          admit,
          tls: await cloud.ca.issue([...hosts, "localhost", "127.0.0.1"]),
          socketPath: server.socketPath,
          port: wanted,
          log: cloud.log,
        });
        stops.push(() => front.close());
        for (const host of hosts) cloud.addresses.add(host, port, { port: front.port });
        return front.port;
      };
      const port = await openFor(spec.hosts, spec.port, admitToCluster(login, spec), requested);
      for (const proxy of proxiesOf(spec))
        running.set(proxy.name, {
          port: await openFor([proxy.host], proxy.port, admitToProxy(login, proxy, spec)),
          stop: async () => {},
        });
      running.set(spec.id, { port, socketFolder: server.socketFolder, stop });
      const took = Math.round(performance.now() - from);
      cloud.log(
        `postgres: ${spec.id} on 127.0.0.1:${port} (${server.created ? "new" : "kept"} data, ${took} ms)`,
      );
    } catch (error) {
      await stop();
      throw new Error(`database ${spec.id}: ${(error as Error).message}`, { cause: error });
    }
  }

  function proxiesOf(spec: DatabaseSpec): DatabaseProxySpec[] {
    return cloud.plan.databaseProxies.filter((proxy) => proxy.clusterId === spec.id);
  }
  function find(id: string): Running {
    const found = running.get(id);
    if (!found) throw new Error(`there is no running database or proxy "${id}"`);
    return found;
  }

  return {
    async start() {
      const started = cloud.plan.databases.map((spec, index) =>
        startCluster(spec, index === 0 ? options.port : undefined),
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
    port: (id) => find(id).port,
    adminUrl(id, database = "postgres") {
      const { socketFolder } = find(id);
      if (!socketFolder) throw new Error(`"${id}" is a proxy: it has no socket of its own`);
      return `postgresql:///${encodeURIComponent(database)}?host=${encodeURIComponent(socketFolder)}&port=${SOCKET_PORT}&user=${SUPERUSER}`;
    },
    endpoints: () =>
      Object.fromEntries(
        cloud.plan.databases.flatMap((spec) => {
          const port = running.get(spec.id)?.port;
          const host = spec.hosts[0];
          return port === undefined || host === undefined
            ? []
            : [[spec.id, { host, port, database: spec.databaseName, user: spec.masterUsername }]];
        }),
      ),
  };
}

/** An identifier is letters, digits and hyphens on AWS; whatever else a graph may hold does not leave the folder. */
const fileName = (id: string) => id.replace(/[^\w-]/g, "_");
