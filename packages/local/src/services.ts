/**
 * Postgres and Redis and nothing of AWS: for `sst dev`, whose functions run on this machine and use the stage's other
 * resources on AWS.
 */
import { join, resolve } from "node:path";
import pg from "pg";
import { createClock } from "./cloud/clock.ts";
import { lockFolder } from "./cloud/lock.ts";
import { openState } from "./cloud/state.ts";
import { SUPERUSER, startServer } from "./postgres/server.ts";
import { startPlainCache } from "./redis/index.ts";

export interface ServicesOptions {
  /** Where the database's data are kept. */
  folder: string;
  /** Ports of 127.0.0.1. */
  ports: { database: number; cache: number };
  /** Made when it is not there. */
  database: string;
  /** Roles that may log in, without a password: whoever can run a program on this machine is trusted. */
  users: string[];
  /** Called with the superuser's connection each time, before anybody else connects. */
  prepare(superuser: pg.ClientBase): Promise<void>;
  log(line: string): void;
  signal?: AbortSignal;
}

/**
 * @returns Stops both.
 * @throws Error that names the port or folder that is taken.
 */
export async function startServices(options: ServicesOptions): Promise<() => Promise<void>> {
  const folder = openState(resolve(options.folder)).root;
  const unlock = lockFolder(folder);
  const clock = createClock();
  const stops: (() => Promise<void>)[] = [async () => clock.stop(), async () => unlock()];
  const stop = async () => {
    for (const step of stops.splice(0).toReversed()) await step();
  };
  try {
    const names = [options.database, ...options.users];
    for (const name of names)
      if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`"${name}" is no name for a database or a user`);
    const server = await startServer({
      folder: join(folder, "postgres"),
      hba: [
        `local all ${SUPERUSER} trust`,
        `host ${options.database} ${options.users.join(",")} 127.0.0.1/32 trust`,
      ],
      tcpPort: options.ports.database,
    }).catch((error: Error) => {
      throw /address already in use/i.test(error.message)
        ? new Error(
            `port ${options.ports.database} is taken: end what listens there, or name another port for the database`,
          )
        : error;
    });
    stops.push(() => server.stop());
    options.signal?.throwIfAborted();
    const connection = { host: server.socketFolder, port: options.ports.database, user: SUPERUSER };
    await withClient({ ...connection, database: "postgres" }, async (client) => {
      const { rowCount } = await client.query("select from pg_database where datname = $1", [
        options.database,
      ]);
      if (rowCount === 0) await client.query(`create database ${options.database}`);
    });
    await withClient({ ...connection, database: options.database }, options.prepare);
    options.log(`postgres   127.0.0.1:${options.ports.database}, database ${options.database}`);

    const cache = await startPlainCache({ port: options.ports.cache, folder, clock }).catch(
      (error: Error) => {
        throw "code" in error && error.code === "EADDRINUSE"
          ? new Error(
              `port ${options.ports.cache} is taken: end what listens there, or name another port for the cache`,
            )
          : error;
      },
    );
    stops.push(() => cache.stop());
    options.log(`redis      127.0.0.1:${options.ports.cache} (${cache.engine})`);
    options.signal?.throwIfAborted();
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function withClient(
  config: pg.ClientConfig,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client(config);
  // A cut connection also fails the query that waits; unheard, the event would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
