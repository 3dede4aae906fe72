import { DatabaseError, type Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as aws from "../../src/aws/index.ts";
import * as database from "../../src/database/index.ts";
import { describe as describeError, VisibleError } from "../../src/error/index.ts";
import * as log from "../../src/log/index.ts";
import { createPool } from "../../src/pool/index.ts";
import { appUser, connectionOf, startPostgres, type TestPostgres, withClient } from "../support/database.ts";

let postgres: TestPostgres;
let made: { url: string; pool: Pool; drop(): Promise<void> };
let restore = () => {};
beforeAll(async () => {
  process.env.AWS_ACCESS_KEY_ID ??= "test";
  process.env.AWS_SECRET_ACCESS_KEY ??= "test";
  log.configure({ sink: () => {} });
  postgres = await startPostgres();
  made = await postgres.create({ max: 5 });
  await withClient({ connectionString: made.url }, async (admin) => {
    await admin.query(
      "create table frontdesk.notes (id int primary key, text text not null, counter int default 0)",
    );
    await admin.query(`grant all on frontdesk.notes to ${appUser}`);
  });
  restore = database.provide(made.pool);
});
afterAll(async () => {
  restore();
  await made.drop();
  await postgres.stop();
});
beforeEach(async () => {
  await database.use(({ query }) => query("delete from frontdesk.notes"));
});

const insert = (id: number) =>
  database.use(({ query }) =>
    query("insert into frontdesk.notes (id, text) values ($1, $2)", [id, `note ${id}`]),
  );
const ids = async () =>
  (
    await database.use(({ query }) => query<{ id: number }>("select id from frontdesk.notes order by id"))
  ).map(({ id }) => id);
const failing = async (): Promise<never> => {
  throw new Error("mine");
};

describe("transaction", () => {
  test("commits what the callback did, and `use` inside it takes part", async () => {
    await database.transaction(async () => {
      await insert(1);
      expect(await ids()).toEqual([1]);
    });
    expect(await ids()).toEqual([1]);
  });

  test("rolls back when the callback throws, which runs once and whose error comes through", async () => {
    let runs = 0;
    await expect(
      database.transaction(async () => {
        runs += 1;
        await insert(1);
        return failing();
      }),
    ).rejects.toThrow("mine");
    expect(runs).toBe(1);
    expect(await ids()).toEqual([]);
  });

  test("begins its own inside a `use`: rolled back is rolled back", async () => {
    await database.use(async () => {
      await database
        .transaction(async () => {
          await insert(1);
          return failing();
        })
        .catch(() => undefined);
    });
    expect(await ids()).toEqual([]);
  });

  test("inside another one is a savepoint: its failure takes back its own part only", async () => {
    await database.transaction(async () => {
      await insert(1);
      await database
        .transaction(async () => {
          await insert(2);
          return failing();
        })
        .catch(() => undefined);
      await database.transaction(() => insert(3));
    });
    expect(await ids()).toEqual([1, 3]);
  });

  test("is repeated after a deadlock when it says that it may be, and not otherwise", async () => {
    await insert(1);
    await insert(2);
    const meet = () => {
      let arrived = 0;
      let open = () => {};
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      return async () => {
        arrived += 1;
        if (arrived === 2) open();
        if (arrived <= 2) await gate;
      };
    };
    const collide = (options: database.TransactionOptions) => {
      const both = meet();
      const change = (first: number, second: number) =>
        database.transaction(async ({ query }) => {
          await query("update frontdesk.notes set counter = counter + 1 where id = $1", [first]);
          await both();
          await query("update frontdesk.notes set counter = counter + 1 where id = $1", [second]);
        }, options);
      return Promise.allSettled([change(1, 2), change(2, 1)]);
    };
    const repeated = await collide({ repeatable: true });
    expect(repeated.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    const once = await collide({});
    expect(once.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const refused = once.find((result) => result.status === "rejected");
    expect(refused?.reason).toMatchObject({
      kind: "unavailable",
      code: "database_unavailable",
      retryAfter: 2,
    });
    expect(
      await database.use(({ query }) => query("select counter from frontdesk.notes order by id")),
    ).toEqual([{ counter: 3 }, { counter: 3 }]);
  });

  test("leaves no connection in a transaction, whatever happened in it", async () => {
    await database.transaction(({ query }) => query("select 1/0")).catch(() => undefined);
    await database.transaction(failing).catch(() => undefined);
    const open = await withClient({ connectionString: made.url }, (admin) =>
      admin.query("select 1 from pg_stat_activity where usename = $1 and state like 'idle in transaction%'", [
        appUser,
      ]),
    );
    expect(open.rowCount).toBe(0);
    expect(made.pool.idleCount).toBe(made.pool.totalCount);
  });

  test("no AWS call is made inside one: it is refused before anything is sent", async () => {
    const { GetObjectCommand } = await import("@aws-sdk/client-s3");
    const client = await aws.s3("ca-central-1");
    await expect(
      database.transaction(() => client.send(new GetObjectCommand({ Bucket: "b", Key: "k" }))),
    ).rejects.toThrow("S3Client GetObjectCommand inside a database transaction");
  });
});

describe("afterCommit", () => {
  test("runs after the outermost commit, outside of the transaction, in order", async () => {
    const seen: unknown[] = [];
    await database.transaction(async () => {
      await database.afterCommit(async () => seen.push(["first", database.inTransaction(), await ids()]));
      await database.transaction(() => database.afterCommit(() => seen.push("second")));
      await insert(1);
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual([["first", false, [1]], "second"]);
  });

  test("is dropped with what was rolled back", async () => {
    const seen: string[] = [];
    await database.transaction(async () => {
      await database
        .transaction(async () => {
          await database.afterCommit(() => seen.push("inner"));
          return failing();
        })
        .catch(() => undefined);
      await database.afterCommit(() => seen.push("outer"));
    });
    await database
      .transaction(async () => {
        await database.afterCommit(() => seen.push("never"));
        return failing();
      })
      .catch(() => undefined);
    expect(seen).toEqual(["outer"]);
  });

  test("does not fail the change that is committed", async () => {
    const seen: string[] = [];
    await database.transaction(async () => {
      await database.afterCommit(failing);
      await database.afterCommit(() => seen.push("next"));
      await insert(1);
    });
    expect(seen).toEqual(["next"]);
    expect(await ids()).toEqual([1]);
  });
});

describe("connections", () => {
  test("one that was cut is replaced, and the callback that met it is not run again", async () => {
    let runs = 0;
    const cut = database.use(async ({ query }) => {
      runs += 1;
      const [row] = await query<{ pid: number }>("select pg_backend_pid() as pid");
      await withClient({ connectionString: made.url }, (admin) =>
        admin.query("select pg_terminate_backend($1)", [row?.pid]),
      );
      return query("select 1");
    });
    await expect(cut).rejects.toMatchObject({ kind: "unavailable" });
    expect(runs).toBe(1);
    await insert(1);
    expect(await ids()).toEqual([1]);
  });

  test("a database that is not there is told as unavailable, without host or user", async () => {
    const pool = createPool({ ...connectionOf(made.url, appUser), host: "127.0.0.1", port: 1 });
    const back = database.provide(pool);
    try {
      const error = await database.use(({ query }) => query("select 1")).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(VisibleError);
      expect((error as VisibleError).message).not.toMatch(/127|frontdesk_app/);
    } finally {
      back();
      await pool.end();
    }
  });

  test("sessions of the application have the role's limits, without a SET", async () => {
    const [row] = await database.use(({ query }) =>
      query(
        `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
                current_setting('idle_in_transaction_session_timeout') as idle`,
      ),
    );
    expect(row).toEqual({ statement: "15s", lock: "10s", idle: "30s" });
  });
});

describe("rows", () => {
  test("multi-row inserts take nulls, quotes, backslashes, arrays in arrays and JSON as they are", async () => {
    await withClient({ connectionString: made.url }, async (admin) => {
      await admin.query("create table frontdesk.odd (id int, texts text[], doc jsonb, note text)");
      await admin.query(`grant all on frontdesk.odd to ${appUser}`);
    });
    const rows = [
      { id: 1, texts: ['a"b', "c\\d", "{e,f}", "", "NULL"], doc: { quote: '"', back: "\\" }, note: "it's" },
      { id: 2, texts: [], doc: [1, null], note: null },
      { id: 3, texts: null, doc: null, note: "ü\n\t☃" },
    ];
    await database.use((handle) =>
      database.insertRows(
        handle,
        "odd",
        [
          ["id", "int4"],
          ["texts", "text[]"],
          ["doc", "jsonb"],
          ["note", "text"],
        ],
        rows,
      ),
    );
    expect(await database.use(({ query }) => query("select * from frontdesk.odd order by id"))).toEqual(rows);
  });
});

describe("errors", () => {
  test("what is logged of a refused row is its state, table and constraint, never its values", async () => {
    await insert(1);
    const error = await insert(1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DatabaseError);
    expect(database.isDuplicate(error, "notes_pkey")).toBe(true);
    expect(describeError(error)).toEqual({
      name: "PostgresError",
      code: "23505",
      message: "SQLSTATE 23505 (notes notes_pkey)",
    });
  });

  test("what drizzle adds to an error, statement and parameters, is not logged", async () => {
    const { sql } = await import("drizzle-orm");
    const error = await database
      .use(async ({ orm }) => (await orm()).execute(sql`select ${"my secret"}::int`))
      .catch((thrown: unknown) => thrown);
    expect(JSON.stringify(describeError(error))).not.toContain("my secret");
  });
});
