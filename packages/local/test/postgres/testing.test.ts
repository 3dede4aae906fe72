import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, startTestServer, type TestServer } from "../../src/postgres/testing.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

async function ask(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test("workers that ask at once share one template, and each gets a database of its own", async () => {
  let prepared = 0;
  const template = {
    name: "schema",
    async prepare(url: string) {
      prepared++;
      await ask(url, "create table thing (id int); insert into thing values (1)");
    },
  };
  const databases = await Promise.all(
    Array.from({ length: 4 }, () => createTestDatabase(server.adminUrl, { template })),
  );
  expect(prepared).toBe(1);
  const [first, second] = databases;
  await ask(first?.url ?? "", "insert into thing values (2)");
  expect(await ask(first?.tcpUrl ?? "", "select id from thing order by id")).toEqual([{ id: 1 }, { id: 2 }]);
  expect(await ask(second?.url ?? "", "select id from thing")).toEqual([{ id: 1 }]);
  await Promise.all(databases.map((database) => database.drop()));
  expect(await ask(server.adminUrl, "select from pg_database where datname like 'test%'")).toEqual([]);
});

test("a preparation that fails is made anew the next time", async () => {
  const template = {
    name: "flaky",
    prepare: async (url: string) => {
      await ask(url, "create table half ()");
      throw new Error("no luck");
    },
  };
  await expect(createTestDatabase(server.adminUrl, { template })).rejects.toThrow("no luck");
  const database = await createTestDatabase(server.adminUrl, {
    template: { name: "flaky", prepare: async (url) => void (await ask(url, "create table whole ()")) },
  });
  expect(await ask(database.url, "select relname from pg_class where relname in ('half', 'whole')")).toEqual([
    { relname: "whole" },
  ]);
});

test("over TCP the password is asked for", async () => {
  const { tcpUrl } = await createTestDatabase(server.adminUrl);
  await expect(ask(tcpUrl.replace(/:[^:@]+@/, ":wrong@"), "select 1")).rejects.toThrow(
    /password authentication failed/,
  );
});

test("what a test run that was killed has left is removed by the next", async () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const left = mkdtempSync(join(tmpdir(), `postgres-${dead}-`));
  const socket = mkdtempSync(join(tmpdir(), "pg-"));
  writeFileSync(join(left, "socket"), socket);
  const own = mkdtempSync(join(tmpdir(), `postgres-${process.pid}-`));
  await (await startTestServer()).stop();
  expect([left, socket, own].map((folder) => existsSync(folder))).toEqual([false, false, true]);
  rmSync(own, { recursive: true });
});
