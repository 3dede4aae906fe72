import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  apply,
  bootstrap,
  MigrationMismatch,
  migrations,
  scramVerifier,
} from "../../src/migrations/index.ts";
import {
  appUser,
  connectionOf,
  deploy,
  migratorUser,
  prepareAsRds,
  startPostgres,
  type TestPostgres,
  withClient,
} from "../support/database.ts";

let postgres: TestPostgres;
let empty: { url: string; drop(): Promise<void> };
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  empty = await postgres.createEmpty();
  await prepareAsRds(empty.url);
});
afterEach(() => empty.drop());

const as = <T>(user: string, use: (client: Client) => Promise<T>) =>
  withClient(connectionOf(empty.url, user), use);
const again = (list = migrations) => as(migratorUser, (client) => apply(client, list, { appUser }));

describe("deployment", () => {
  test("makes roles, schema and tables from nothing, and finds nothing to do the second time", async () => {
    expect(await deploy(empty.url)).toEqual(migrations.map(({ tag }) => tag));
    expect(await deploy(empty.url)).toEqual([]);
    const { rows } = await as(migratorUser, (client) =>
      client.query("select distinct tableowner from pg_tables where schemaname = 'frontdesk'"),
    );
    expect(rows).toEqual([{ tableowner: migratorUser }]);
  });

  test("two at once make it once", async () => {
    const results = await Promise.all([1, 2, 3].map(() => deploy(empty.url)));
    expect(results.flat()).toEqual(migrations.map(({ tag }) => tag));
  });

  test("the application changes rows, and neither tables nor the list of migrations", async () => {
    await deploy(empty.url);
    await as(appUser, async (client) => {
      await client.query("insert into frontdesk.topics (topic, seq) values ('t', 1)");
      await client.query("delete from frontdesk.topics");
      for (const statement of [
        "create table frontdesk.mine (id int)",
        "drop table frontdesk.topics",
        "alter table frontdesk.topics add column x int",
        "truncate frontdesk.topics",
        "select * from frontdesk.migrations",
        "create schema mine",
        "create role mine",
      ])
        await expect(client.query(statement), statement).rejects.toMatchObject({ code: "42501" });
    });
  });

  test("a migration that fails leaves nothing of itself or of those before it", async () => {
    await deploy(empty.url);
    const broken = [
      ...migrations,
      { tag: "9998_fine", statements: ["create table frontdesk.fine (id int)"] },
      { tag: "9999_broken", statements: ["create table frontdesk.half (id int)", "select 1/0"] },
    ];
    await expect(again(broken)).rejects.toMatchObject({ code: "22012" });
    const { rows } = await as(migratorUser, (client) =>
      client.query("select to_regclass('frontdesk.half') as half, to_regclass('frontdesk.fine') as fine"),
    );
    expect(rows).toEqual([{ half: null, fine: null }]);
  });

  test("new tables are the application's to change as well", async () => {
    await deploy(empty.url);
    await again([...migrations, { tag: "9999_more", statements: ["create table frontdesk.more (id int)"] }]);
    await as(appUser, (client) => client.query("insert into frontdesk.more values (1)"));
  });

  test("a migration changed after it was applied, or missing, stops everything with its name", async () => {
    await deploy(empty.url);
    const [first] = migrations;
    if (!first) throw new Error("there are no migrations");
    const changed = [{ ...first, statements: [...first.statements, "select 1"] }];
    await expect(again(changed)).rejects.toThrow(
      new MigrationMismatch(`migration ${first.tag} was changed after it was applied: add a new one instead`),
    );
    await expect(again([])).rejects.toThrow(/deploy a release that contains it/);
  });
});

describe("logins", () => {
  const memberOfIam = async (user: string) => {
    const { rows } = await as(migratorUser, (client) =>
      client.query<{ member: boolean }>("select pg_has_role($1, 'rds_iam', 'USAGE') as member", [user]),
    );
    return rows[0]?.member;
  };
  const asMaster = (login: Parameters<typeof bootstrap>[1]["login"]) =>
    as("frontdesk_master", (client) =>
      bootstrap(client, {
        database: connectionOf(empty.url, "").database ?? "",
        appUser,
        migratorUser,
        login,
      }),
    );

  test("straight to the cluster, both log in by IAM; behind the proxy, by password and not by IAM", async () => {
    await asMaster({ kind: "iam" });
    expect([await memberOfIam(appUser), await memberOfIam(migratorUser)]).toEqual([true, true]);
    await asMaster({ kind: "password", app: "first of the app", migrator: "first of the migrator" });
    expect([await memberOfIam(appUser), await memberOfIam(migratorUser)]).toEqual([false, false]);
    const login = async (password: string) => {
      const { port, database } = connectionOf(empty.url, appUser);
      const client = new Client({ host: "127.0.0.1", port, database, user: appUser, password });
      await client.connect();
      await client.end();
    };
    await login("first of the app");
    await asMaster({ kind: "password", app: "rotated", migrator: "rotated too" });
    await expect(login("first of the app")).rejects.toMatchObject({ code: "28P01" });
    await login("rotated");
    await asMaster({ kind: "iam" });
  });

  test("the master is no user of rds_iam, which would take its password login away", async () => {
    await asMaster({ kind: "iam" });
    expect(await memberOfIam("frontdesk_master")).toBe(false);
  });

  test("a password leaves this process only as its verifier", () => {
    const verifier = scramVerifier("pencil", Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"));
    // RFC 7677 §3's exchange has these keys.
    expect(verifier).toBe(
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    );
  });
});
