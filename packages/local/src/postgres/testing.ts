/**
 * Real Postgres for tests: one server a test run, one database a test, copied from a template in some 60 ms.
 *
 * A vitest global set-up starts the server and hands its `adminUrl` to the workers (`project.provide`); each test
 * file makes databases from it.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { isAlive, type PostgresServer, SOCKET_PORT, SUPERUSER, startServer } from "./server.ts";

export interface TestServer {
  /** Superuser's connection string over a Unix socket that only this user can open. */
  adminUrl: string;
  stop(): Promise<void>;
}
export interface TestDatabase {
  name: string;
  /** The superuser's connection string over the Unix socket. */
  url: string;
  /** The same over TCP on loopback, with password, for clients that know no Unix sockets. */
  tcpUrl: string;
  /** Ends its sessions and removes it. */
  drop(): Promise<void>;
}

/** Starts an empty server in a temporary folder: nothing of it is kept, nothing waits for a disk. */
export async function startTestServer(): Promise<TestServer> {
  sweep();
  const folder = mkdtempSync(join(tmpdir(), `postgres-${process.pid}-`));
  const password = randomBytes(16).toString("hex");
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const { server, port } = await startOnFreePort(folder);
    const adminUrl = `postgresql://${SUPERUSER}:${password}@/postgres?host=${encodeURIComponent(server.socketFolder)}&port=${port}`;
    await query(adminUrl, `alter role ${SUPERUSER} password '${password}'`);
    return {
      adminUrl,
      async stop() {
        await server.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** What test runs that were killed have left: their folders are named after a process that is no more. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(/^postgres-(\d+)-\w{6}$/.exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    const folder = join(tmpdir(), name);
    try {
      rmSync(readFileSync(join(folder, "socket"), "utf8"), { recursive: true, force: true });
    } catch {
      // It was killed before it had one.
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Postgres cannot be told to choose a port itself, and another program may take a free one first. */
async function startOnFreePort(folder: string): Promise<{ server: PostgresServer; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      const server = await startServer({
        folder,
        hba: ["local all all trust", "host all all 127.0.0.1/32 scram-sha-256"],
        fast: true,
        tcpPort: port,
        settings: {
          synchronous_commit: "off",
          max_wal_size: "256MB",
          wal_level: "minimal",
          max_wal_senders: "0",
        },
      });
      return { server, port };
    } catch (error) {
      if (attempt === 5 || !(error as Error).message.includes("Address already in use")) throw error;
    }
  }
}

/**
 * A new database for one test.
 *
 * @param options.template Prepares the template that it is copied from, e.g. runs migrations; done once a server
 *   however many workers ask at once. `name` tells templates apart.
 */
export async function createTestDatabase(
  adminUrl: string,
  options: { template?: { name: string; prepare(url: string): Promise<void> } } = {},
): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  const template = options.template ? await ensureTemplate(adminUrl, options.template) : "template0";
  await query(adminUrl, `create database ${name} template ${template}`);
  const { password, searchParams } = new URL(adminUrl.replace("@/", "@localhost/"));
  return {
    name,
    url: withDatabase(adminUrl, name),
    tcpUrl: `postgresql://${SUPERUSER}:${password}@127.0.0.1:${searchParams.get("port") ?? SOCKET_PORT}/${name}`,
    drop: () => query(adminUrl, `drop database if exists ${name} with (force)`),
  };
}

async function ensureTemplate(
  adminUrl: string,
  { name, prepare }: { name: string; prepare(url: string): Promise<void> },
): Promise<string> {
  const template = `template_${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
  const admin = new pg.Client({ connectionString: adminUrl });
  admin.on("error", () => {}); // a cut connection also fails the query that waits; unheard, the event ends the process
  await admin.connect();
  try {
    // Held for the connection: workers that come meanwhile wait, and find it done.
    await admin.query("select pg_advisory_lock(hashtext($1))", [template]);
    const found = await admin.query("select datistemplate from pg_database where datname = $1", [template]);
    if (found.rows[0]?.datistemplate) return template;
    // Left by a preparation that failed.
    await admin.query(`drop database if exists ${template} with (force)`);
    await admin.query(`create database ${template} template template0`);
    await prepare(withDatabase(adminUrl, template));
    await admin.query(`alter database ${template} is_template true allow_connections false`);
    return template;
  } finally {
    await admin.end();
  }
}

const withDatabase = (url: string, name: string) => url.replace(/@\/[^?]*/, `@/${name}`);

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
