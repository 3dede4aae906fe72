import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { database, refusal, startPostgres } from "./support.ts";

let root: string;
let empty: string;
let prepared: string;
beforeAll(async () => {
  prepared = mkdtempSync(join(tmpdir(), "postgres-life-"));
  await (await startPostgres({ root: prepared })).stop();
});
afterAll(() => rmSync(prepared, { recursive: true, force: true }));
beforeEach(() => {
  empty = mkdtempSync(join(tmpdir(), "postgres-life-"));
  root = join(empty, "kept");
  // Preserves the owner of the data folder; several times faster than an initialisation.
  execFileSync("cp", ["-a", prepared, root]);
});
afterEach(() => rmSync(empty, { recursive: true, force: true }));

const pidFile = () => join(root, "postgres/shop/data/postmaster.pid");
/** A zombie that nobody reaps has ended too. */
function runs(pid: number) {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
async function startChild() {
  const child = spawn(process.execPath, [join(import.meta.dirname, "fixture.ts"), root], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, postmaster: Number(line.toString()) };
}
async function rows() {
  const rds = await startPostgres({ root });
  try {
    return (await rds.admin("select from kept")).rowCount;
  } finally {
    await rds.stop();
  }
}

test("a run that is killed takes its Postgres along, and what it committed is there at the next start", async () => {
  const { child, postmaster } = await startChild();
  expect(runs(postmaster)).toBe(true);
  child.kill("SIGKILL");
  await vi.waitFor(() => expect(runs(postmaster)).toBe(false), { timeout: 10_000 });
  expect(await rows()).toBe(1);
});

test("a Postgres that was killed with its run, leaving its lock and socket, is recovered from", async () => {
  const { child, postmaster } = await startChild();
  process.kill(postmaster, "SIGKILL");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(existsSync(pidFile())).toBe(true);
  const socketFolder = readFileSync(join(root, "postgres/shop/socket"), "utf8");
  expect(await rows()).toBe(1);
  expect(existsSync(socketFolder)).toBe(false);
});

test("a next start ends a Postgres that is still up from a killed run", async () => {
  const first = await startPostgres({ root });
  await first.admin("create table kept (); insert into kept default values");
  const postmaster = Number.parseInt(readFileSync(pidFile(), "utf8"), 10);
  // As if nobody had stopped it: the same folder is opened again, which the folder's lock would not allow a live run.
  const second = await startPostgres({ root });
  expect(runs(postmaster)).toBe(false);
  expect((await second.admin("select from kept")).rowCount).toBe(1);
  await second.stop();
  await first.stop();
});

test("a lock with the process id of another program does not keep Postgres from starting", async () => {
  const first = await startPostgres({ root });
  const lock = readFileSync(pidFile(), "utf8");
  await first.stop();
  expect(existsSync(pidFile())).toBe(false);
  writeFileSync(pidFile(), lock.replace(/^\d+/, String(process.pid)));
  const second = await startPostgres({ root });
  await second.stop();
});

test("stopping leaves no process, no port, no socket, and may be done twice", async () => {
  const rds = await startPostgres({ root });
  const postmaster = Number.parseInt(readFileSync(pidFile(), "utf8"), 10);
  const port = rds.postgres.port("shop");
  const session = rds.admin("select pg_sleep(600)");
  const ended = refusal(session);
  await sleep(0);
  await rds.stop();
  await rds.postgres.stop();
  expect(await ended).not.toBe("no refusal");
  expect(runs(postmaster)).toBe(false);
  const socket = connect(port, "127.0.0.1");
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNREFUSED");
  expect(existsSync(readFileSync(join(root, "postgres/shop/socket"), "utf8"))).toBe(false);
});

test("an initialisation that was cut short is begun anew", async () => {
  mkdirSync(join(empty, "postgres/shop/data.new/base"), { recursive: true });
  const rds = await startPostgres({ root: empty });
  expect(rds.lines.at(-1)).toMatch(/new data/);
  await rds.stop();
});

test("a data folder of something else is named in one clear error", async () => {
  mkdirSync(join(empty, "postgres/shop/data"), { recursive: true });
  await expect(startPostgres({ root: empty })).rejects.toThrow(/^database shop: Postgres did not start: /);
});

test("a password changed in the plan is the master's from the next start", async () => {
  const rds = await startPostgres({ root, databases: [{ ...database, masterPassword: "another" }] });
  await rds.connect("master", "another");
  expect(await refusal(rds.connect("master", "m4ster'\\pass"))).toContain("28P01");
  await rds.stop();
});

test("two clusters are two servers, each with roles of its own", async () => {
  const other = { ...database, id: "stock", hosts: ["stock.cluster-x.ca-central-1.rds.amazonaws.com"] };
  const rds = await startPostgres({ root, databases: [database, other] });
  await rds.admin("create role only_here");
  expect(rds.postgres.port("stock")).not.toBe(rds.postgres.port("shop"));
  const stock = await rds.connect("master", "m4ster'\\pass", other.hosts[0], {
    port: rds.postgres.port("stock"),
  });
  const { rowCount } = await stock.query("select from pg_roles where rolname = 'only_here'");
  expect(rowCount).toBe(0);
  await rds.stop();
});
