import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import * as database from "../../src/database/index.ts";
import { cancel, define, enqueue, enqueueMany, order, retry } from "../../src/jobs/index.ts";
import * as registry from "../../src/jobs/registry.ts";
import { sweep } from "../../src/jobs/sweep.ts";
import type { Job } from "../../src/jobs/types.ts";
import { createPool } from "../../src/pool/index.ts";
import { appUser, connectionOf } from "../support/database.ts";
import { asSystem, row, workAll } from "../support/jobs.ts";
import { createWorld, type World } from "../support/world.ts";

let world: World;
let handler: (payload: { n: number; user: string }, job: Job) => Promise<unknown>;
const schema = z.object({ n: z.number().default(0), user: z.string().default("") });
const run = (payload: z.output<typeof schema>, job: Job) => handler(payload, job);
const description = "Does what the test says.";
const free = define({ name: "free", description, schema, handler: run });
const two = define({
  name: "two",
  description,
  schema,
  options: { concurrency: { total: 2 } },
  handler: run,
});
const perUser = define({
  name: "perUser",
  description,
  schema,
  options: { concurrency: { total: 3, perKey: 1 }, concurrencyKey: ({ user }) => user },
  handler: run,
});
let restoreTypes = () => {};
beforeAll(async () => {
  world = await createWorld();
  restoreTypes = registry.provide([free, two, perUser]);
});
afterAll(async () => {
  restoreTypes();
  await world.stop();
});
beforeEach(async () => {
  await world.reset();
  handler = async () => undefined;
});

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const counts = async () =>
  Object.fromEntries(
    (
      await world.rows<{ state: string; count: number }>(
        "select state, count(*) from frontdesk.jobs group by state",
      )
    ).map(({ state, count }) => [state, count]),
  );

describe("fairness", () => {
  test("one user's 10,000 jobs of 10 ms, four workers: another user's single job starts within a second", async () => {
    let startedAt = 0;
    handler = async ({ user }) => {
      if (user === "other") startedAt = Date.now();
      await wait(10);
    };
    const many = Array.from({ length: 10_000 }, (_, n) => order(free, { n, user: "busy" }));
    await asSystem(() => enqueueMany(many), "busy");
    let stop = false;
    const workers = Array.from({ length: 4 }, () => workAll({ remainingMs: () => (stop ? 0 : 120_000) }));
    await wait(1_000);
    const enqueuedAt = Date.now();
    const { id } = await asSystem(() => enqueue(free, { n: 0, user: "other" }), "other");
    while (startedAt === 0 && Date.now() - enqueuedAt < 10_000) await wait(5);
    stop = true;
    await Promise.all(workers);
    expect(startedAt - enqueuedAt).toBeLessThan(1_000);
    expect((await row(world, id)).state).toBe("done");
    expect((await counts()).queued).toBeGreaterThan(1_000);
  });

  test("groups take turns, whoever came first", async () => {
    const seen: string[] = [];
    handler = async ({ user }) => seen.push(user);
    for (const user of ["a", "b", "c"])
      await asSystem(() => enqueueMany(Array.from({ length: 4 }, (_, n) => order(free, { n, user }))), user);
    await workAll({ parallel: 1 });
    expect(seen.join("")).toBe("abcabcabcabc");
  });

  test("the same whatever plan Postgres makes", async () => {
    const seen: string[] = [];
    handler = async ({ user }) => seen.push(user);
    for (const user of ["a", "b", "c"])
      await asSystem(() => enqueueMany(Array.from({ length: 4 }, (_, n) => order(free, { n, user }))), user);
    // A hash join meets the rows as they lie in the table.
    const options = "-c enable_nestloop=off -c enable_mergejoin=off -c enable_indexscan=off";
    const pool = createPool({ ...connectionOf(world.url, appUser), max: 5, options });
    const restore = database.provide(pool);
    try {
      await workAll({ parallel: 1 });
    } finally {
      restore();
      await pool.end();
    }
    expect(seen.join("")).toBe("abcabcabcabc");
  });

  test("a higher priority goes first", async () => {
    const seen: number[] = [];
    handler = async ({ n }) => seen.push(n);
    await asSystem(async () => {
      await enqueue(free, { n: 1 });
      await enqueue(free, { n: 2 }, { priority: -5 });
      await enqueue(free, { n: 3 }, { priority: 5 });
    });
    await workAll({ parallel: 1 });
    expect(seen).toEqual([3, 1, 2]);
  });
});

describe("limits", () => {
  /** The most that ran at a time, of all and of one user. */
  function watch() {
    const running = new Map<string, number>();
    const most = { all: 0, one: 0 };
    handler = async ({ user }) => {
      running.set(user, (running.get(user) ?? 0) + 1);
      most.all = Math.max(
        most.all,
        [...running.values()].reduce((sum, count) => sum + count, 0),
      );
      most.one = Math.max(most.one, running.get(user) ?? 0);
      await wait(10);
      running.set(user, (running.get(user) ?? 1) - 1);
    };
    return most;
  }

  test("of a type: never more at a time, by however many workers, and all are done", async () => {
    const most = watch();
    await asSystem(() => enqueueMany(Array.from({ length: 30 }, (_, n) => order(two, { n }))));
    expect(await counts()).toEqual({ queued: 2, blocked: 28 });
    await Promise.all([workAll(), workAll(), workAll()]);
    await workAll();
    expect(await counts()).toEqual({ done: 30 });
    expect(most.all).toBe(2);
  });

  test("of a key: one at a time each, and one key's many do not keep another's from running", async () => {
    const most = watch();
    await asSystem(() =>
      enqueueMany([
        ...Array.from({ length: 12 }, (_, n) => order(perUser, { n, user: "busy" })),
        order(perUser, { user: "other" }),
        order(perUser, { user: "third" }),
      ]),
    );
    const lines = await world.rows(
      "select payload ->> 'user' as name from frontdesk.jobs where state = 'queued' order by 1",
    );
    expect(lines).toEqual([{ name: "busy" }, { name: "other" }, { name: "third" }]);
    await Promise.all([workAll(), workAll()]);
    await workAll();
    expect(await counts()).toEqual({ done: 14 });
    expect(most.one).toBe(1);
    expect(most.all).toBeLessThanOrEqual(3);
  });

  test("a job that fails and waits for its next attempt holds no place", async () => {
    handler = async ({ n }) => {
      if (n < 2) throw new Error("later");
    };
    await asSystem(() => enqueueMany(Array.from({ length: 5 }, (_, n) => order(two, { n }))));
    await workAll();
    expect(await counts()).toEqual({ scheduled: 2, done: 3 });
  });

  test("a blocked job that is cancelled leaves its line, and one that is retried joins it", async () => {
    const made = await asSystem(() => enqueueMany(Array.from({ length: 3 }, (_, n) => order(two, { n }))));
    const last = made[2]?.id ?? "";
    await asSystem(() => cancel({ jobId: last }));
    expect(await counts()).toEqual({ queued: 2, cancelled: 1 });
    expect(await asSystem(() => retry({ jobId: last }))).toEqual({ state: "blocked" });
    await workAll();
    expect(await counts()).toEqual({ done: 3 });
  });

  test("places that a crash left empty are given away by the sweep", async () => {
    await asSystem(() => enqueueMany(Array.from({ length: 4 }, (_, n) => order(two, { n }))));
    await world.rows("delete from frontdesk.jobs where state = 'queued'");
    expect(await sweep()).toMatchObject({ admitted: 2, woken: 1 });
    await workAll();
    expect(await counts()).toEqual({ done: 2 });
  });

  test("blocked jobs are fair, too", async () => {
    const seen: string[] = [];
    handler = async ({ user }) => seen.push(user);
    for (const user of ["busy", "other"])
      await asSystem(
        () => enqueueMany(Array.from({ length: user === "busy" ? 20 : 1 }, () => order(two, { user }))),
        user,
      );
    await workAll({ parallel: 1 });
    expect(seen.indexOf("other")).toBeLessThan(5);
  });
});

describe("a worker that vanishes", () => {
  test("its jobs run again; one that it takes down each time is dead, and takes nobody with it", async () => {
    const made = await asSystem(() => enqueueMany(Array.from({ length: 5 }, (_, n) => order(free, { n }))));
    const poison = made[0]?.id ?? "";
    const seen: number[] = [];
    handler = async ({ n }) => seen.push(n);
    // Five times over all that were claimed are gone with their worker, as after a kill.
    for (let crash = 1; crash <= 5; crash++) {
      await world.rows(
        `update frontdesk.jobs set state = 'running', attempts = attempts + 1, attempts_left = attempts_left - 1,
                leased_by = 'gone', leased_until = now() - interval '1 second',
                started_at = case when losses = 0 or id = $1 then now() end
          where state = 'queued'`,
        [poison],
      );
      await sweep();
    }
    expect(await row(world, poison)).toMatchObject({
      state: "dead",
      attempts: 5,
      error: { code: "worker_lost" },
    });
    expect(await counts()).toEqual({ dead: 1, queued: 4 });
    expect(await world.rows("select distinct attempts from frontdesk.jobs where state = 'queued'")).toEqual([
      { attempts: 1 },
    ]);
    await workAll();
    expect(await counts()).toEqual({ dead: 1, done: 4 });
    expect(seen).toHaveLength(4);
  });

  test("an interrupted job is next again, and has lost no attempt", async () => {
    handler = (_, job) =>
      new Promise((_, reject) => job.signal.addEventListener("abort", () => reject(job.signal.reason)));
    const { id } = await asSystem(() => enqueue(free, {}));
    const until = Date.now() + 1_000;
    expect(await workAll({ remainingMs: () => until - Date.now() })).toMatchObject({ left: true });
    expect(await row(world, id)).toMatchObject({ state: "queued", attempts: 0, attempts_left: 5 });
    handler = async () => "at last";
    await workAll();
    expect(await row(world, id)).toMatchObject({ state: "done", attempts: 1 });
  });

  test("what a worker tells of a job that went to another one meanwhile does not count", async () => {
    let release = () => {};
    let reached = () => {};
    const runs = new Promise<void>((resolve) => {
      reached = resolve;
    });
    handler = () => {
      reached();
      return new Promise((resolve) => {
        release = () => resolve("late");
      });
    };
    const { id } = await asSystem(() => enqueue(free, {}));
    const slow = workAll();
    await runs;
    const releaseSlow = release;
    await world.rows(
      "update frontdesk.jobs set leased_by = 'another', leased_until = now() + interval '1 minute'",
    );
    releaseSlow();
    await slow;
    expect(await row(world, id)).toMatchObject({ state: "running", result: null });
  });
});
