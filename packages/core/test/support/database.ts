/** Real Postgres with the roles and the schema as a deployment makes them. */
import { createHash } from "node:crypto";
import { createTestDatabase, startTestServer } from "@frontdesk/local/postgres/testing";
import { Client, type ClientConfig, type Pool } from "pg";
import { inject } from "vitest";
import { apply, bootstrap, migrations } from "../../src/migrations/index.ts";
import { createPool } from "../../src/pool/index.ts";

export const appUser = "frontdesk_app";
export const migratorUser = "frontdesk_migrator";
const masterUser = "frontdesk_master";

/** How a user connects to a test database; the socket trusts everybody. */
export function connectionOf(url: string, user: string): ClientConfig {
  const { pathname, searchParams } = new URL(url.replace("@/", "@localhost/"));
  return {
    host: searchParams.get("host") ?? "",
    port: Number(searchParams.get("port")),
    database: pathname.slice(1),
    user,
  };
}

export async function withClient<T>(options: ClientConfig, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(options);
  client.on("error", () => undefined); // the query that waits fails, too
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** What RDS has before anybody connects: a master that is no superuser, and the role of IAM users. */
export async function prepareAsRds(url: string): Promise<void> {
  await withClient({ connectionString: url }, async (admin) => {
    await admin.query(`
      do $$ begin
        if not exists (select from pg_roles where rolname = 'rds_iam') then
          create role rds_iam nologin;
          create role ${masterUser} login createrole createdb;
          grant rds_iam to ${masterUser} with admin option, inherit false, set false;
        end if;
      end $$`);
    const { rows } = await admin.query<{ name: string }>("select current_database() as name");
    await admin.query(`alter database ${rows[0]?.name} owner to ${masterUser}`);
  });
}

export async function deploy(url: string): Promise<string[]> {
  await withClient(connectionOf(url, masterUser), (master) =>
    bootstrap(master, {
      database: connectionOf(url, masterUser).database ?? "",
      appUser,
      migratorUser,
      login: { kind: "iam" },
    }),
  );
  return withClient(connectionOf(url, migratorUser), (migrator) => apply(migrator, migrations, { appUser }));
}

export interface TestPostgres {
  /** Superuser's connection string of the server. */
  adminUrl: string;
  /** A migrated database and a pool of the application's user on it. */
  create(options?: { max?: number }): Promise<{ url: string; pool: Pool; drop(): Promise<void> }>;
  /** An empty one. */
  createEmpty(): Promise<{ url: string; drop(): Promise<void> }>;
  stop(): Promise<void>;
}

/** A server of its own: for what changes roles or ends connections, and for what runs outside of vitest. */
export async function startPostgres(): Promise<TestPostgres> {
  const server = await startTestServer();
  return { ...databasesOf(server.adminUrl), stop: () => server.stop() };
}

/** The server that all files of a project share (`setup.ts`), and that nobody stops before the last one. */
export function sharedPostgres(): TestPostgres {
  return { ...databasesOf(inject("postgresUrl")), stop: async () => undefined };
}

function databasesOf(adminUrl: string): Omit<TestPostgres, "stop"> {
  const template = {
    name: createHash("sha256").update(JSON.stringify(migrations)).digest("hex"),
    async prepare(url: string) {
      await prepareAsRds(url);
      await deploy(url);
    },
  };
  return {
    adminUrl,
    async create({ max = 20 } = {}) {
      const made = await createTestDatabase(adminUrl, { template });
      const pool = createPool({ ...connectionOf(made.url, appUser), max });
      return {
        url: made.url,
        pool,
        async drop() {
          await pool.end();
          await made.drop();
        },
      };
    },
    createEmpty: () => createTestDatabase(adminUrl),
  };
}
