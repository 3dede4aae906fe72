/** Connections to the database. Loads `pg`, so `database` imports it with the first connection (cold start). */
import type { Pool, PoolConfig } from "pg";
import { config, onLambda } from "../config/index.ts";
import pg from "../database/pg.cjs";
import { describe } from "../error/index.ts";
import * as log from "../log/index.ts";

const int8 = 20;

/** 64-bit integers as numbers: sequences and sizes stay far below 2^53. */
const parsers: PoolConfig["types"] = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === int8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * A pool as this application needs it. Statement and lock timeouts are not set here but on the database role
 * (migrations/bootstrap.ts): a SET, or an `options` parameter, would pin the connection behind RDS Proxy.
 */
export function createPool(options: PoolConfig): Pool {
  const pool = new pg.Pool({
    application_name: "frontdesk",
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    allowExitOnIdle: true,
    types: parsers,
    ...options,
  });
  // A connection that is cut (failover, frozen function) says so by an event; unheard it ends the process. The pool
  // hears idle ones only, and whoever has a borrowed one learns it from the next query.
  pool.on("error", (error) => log.warn("idle database connection lost", { error: describe(error) }));
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/**
 * Connections a function may hold. It serves one invocation at a time: one connection for its transaction, the others
 * for reads beside it. Times the maximum concurrency, this must stay below the proxy's limit (test/infra/queues).
 */
export const lambdaPoolSize = 3;

function poolSize(): number {
  return onLambda() ? lambdaPoolSize : 10;
}

/** Who connects: the application, or the migrator. */
export type DatabaseUser = "app" | "migrator";

/**
 * Connects to the proxy where there is one, else to the cluster; the link knows which. The password is an IAM token
 * (15 minutes), made for every new connection. TLS is verified against Node's roots and NODE_EXTRA_CA_CERTS: on
 * Lambda that must be `/var/runtime/ca-cert.pem` when the cluster is reached directly, since its certificate is
 * signed by the RDS authority.
 */
export function poolFromConfig(user: DatabaseUser): Pool {
  const database = config("Database");
  const username = user === "app" ? database.appUser : database.migratorUser;
  return createPool({
    host: database.host,
    port: database.port,
    database: database.name,
    user: username,
    max: poolSize(),
    ...(!database.local && {
      password: () => iamToken(database.host, database.port, database.region, username),
      ssl: { rejectUnauthorized: true, servername: database.host },
    }),
  });
}

async function iamToken(hostname: string, port: number, region: string, username: string): Promise<string> {
  const { Signer } = await import("@aws-sdk/rds-signer");
  return new Signer({ hostname, port, region, username }).getAuthToken();
}
