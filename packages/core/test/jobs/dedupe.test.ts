import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import * as clock from "../../src/clock/index.ts";
import { decide } from "../../src/jobs/dedupe.ts";
import { promote } from "../../src/jobs/due.ts";
import { cancel, define, enqueue, get, JobError, order, retry } from "../../src/jobs/index.ts";
import * as registry from "../../src/jobs/registry.ts";
import type { Dedupe, Job } from "../../src/jobs/types.ts";
import { asSystem, eventsOf, row, workAll } from "../support/jobs.ts";
import { createWorld, type World } from "../support/world.ts";

let world: World;
let handler: (payload: { n: number }, job: Job) => Promise<unknown>;
const probe = define({
  name: "probe",
  description: "Does what the test says.",
  schema: z.object({ n: z.number().default(0) }),
  options: { attempts: 1 },
  handler: (payload, job) => handler(payload, job),
});
let restoreTypes = () => {};
let restoreClock = () => {};
beforeAll(async () => {
  world = await createWorld();
  restoreTypes = registry.provide([probe]);
});
afterAll(async () => {
  restoreTypes();
  await world.stop();
});
beforeEach(async () => {
  await world.reset();
  handler = async () => undefined;
});
afterEach(() => restoreClock());

function pass(ms: number): void {
  restoreClock();
  restoreClock = clock.provide({ now: () => Date.now() + ms, sleep: async () => {} });
}
const add = (n: number, dedupe: Dedupe) => asSystem(() => enqueue(probe, { n }, { dedupe }));

describe("deduplication", () => {
  test.each([
    ["drop", "queued", undefined, "keep"],
    ["drop", "running", undefined, "keep"],
    ["drop", "dead", undefined, "create"],
    ["replace", "queued", undefined, "replace"],
    ["replace", "running", undefined, "create"],
    ["replace", "done", undefined, "create"],
    ["debounce", "scheduled", undefined, "replace"],
    ["debounce", "running", undefined, "create"],
    ["throttle", "done", 2_000, "keep"],
    ["throttle", "queued", 1_000, "create"],
  ] as const)("%s, and the one before is %s: %s", (mode, state, until, decision) => {
    expect(decide({ key: "k", mode, windowMs: 1 }, { id: "job_1", state }, until, 1_000)).toBe(decision);
  });

  test("drop: another one is made when the first is over, and not before", async () => {
    const first = await add(1, { key: "k", mode: "drop" });
    expect(await add(2, { key: "k", mode: "drop" })).toEqual({ id: first.id, created: false });
    expect((await add(2, { key: "other", mode: "drop" })).created).toBe(true);
    await workAll();
    expect((await add(3, { key: "k", mode: "drop" })).created).toBe(true);
  });

  test("drop: of many at once one is made", async () => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, n) => add(n, { key: "k", mode: "drop" })));
    expect(made.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await world.count("jobs")).toBe(1);
  });

  test("replace: the last payload runs, once", async () => {
    const seen: number[] = [];
    handler = async ({ n }) => seen.push(n);
    const first = await add(1, { key: "k", mode: "replace" });
    expect(await add(2, { key: "k", mode: "replace" })).toEqual({ id: first.id, created: false });
    await workAll();
    expect(seen).toEqual([2]);
  });

  test("debounce: it runs once, when nobody has called for the window", async () => {
    const seen: number[] = [];
    handler = async ({ n }) => seen.push(n);
    const dedupe = { key: "k", mode: "debounce", windowMs: 10_000 } as const;
    await add(1, dedupe);
    pass(8_000);
    await add(2, dedupe);
    pass(16_000);
    await workAll();
    expect(seen).toEqual([]);
    pass(19_000);
    await workAll();
    expect(seen).toEqual([2]);
    expect(await world.count("jobs")).toBe(1);
  });

  test("debounce: one that a limit keeps waiting begins no sooner, and one that leaves its place gives it to another", async () => {
    const seen: number[] = [];
    const limited = define({
      name: "limited",
      description: "One at a time.",
      schema: z.object({ n: z.number() }),
      options: { concurrency: { total: 1 } },
      handler: async ({ n }) => seen.push(n),
    });
    const restore = registry.provide([limited]);
    const call = (n: number, key: string) =>
      asSystem(() => enqueue(limited, { n }, { dedupe: { key, mode: "debounce", windowMs: 10_000 } }));
    const [first, second] = [await call(1, "a"), await call(2, "b")];
    pass(11_000);
    await promote();
    expect([(await row(world, first.id)).state, (await row(world, second.id)).state].sort()).toEqual([
      "blocked",
      "queued",
    ]);
    await call(3, "a");
    await call(4, "b");
    await workAll();
    expect(seen).toEqual([]);
    await asSystem(() => enqueue(limited, { n: 5 }));
    await workAll();
    expect(seen).toEqual([5]);
    pass(22_000);
    await workAll();
    expect(seen).toEqual([5, 3, 4]);
    restore();
  });

  test("throttle: one in the window, whatever became of it", async () => {
    const dedupe = { key: "k", mode: "throttle", windowMs: 10_000 } as const;
    const first = await add(1, dedupe);
    await workAll();
    expect(await add(2, dedupe)).toEqual({ id: first.id, created: false });
    pass(11_000);
    expect((await add(3, dedupe)).created).toBe(true);
  });

  test("a window is demanded where there must be one", async () => {
    await expect(add(1, { key: "k", mode: "debounce" })).rejects.toMatchObject({
      code: "invalid_job_options",
    });
  });
});

describe("chains and fan-out", () => {
  test("a chain runs in order, each with what the one before returned", async () => {
    const seen: unknown[] = [];
    handler = async ({ n }, job) => {
      seen.push([n, (await job.results()).map(({ result }) => result)]);
      return n * 10;
    };
    await asSystem(() =>
      enqueue(probe, { n: 1 }, { followedBy: [order(probe, { n: 2 }), order(probe, { n: 3 })] }),
    );
    await workAll();
    expect(seen).toEqual([
      [1, []],
      [2, [10]],
      [3, [20]],
    ]);
  });

  test("a parent waits for all its children, and has their results", async () => {
    handler = async ({ n }, job) => (n === 0 ? (await job.results()).map(({ result }) => result).sort() : n);
    const children = Array.from({ length: 25 }, (_, index) => order(probe, { n: index + 1 }));
    const { id } = await asSystem(() => enqueue(probe, { n: 0 }, { children }));
    expect((await row(world, id)).state).toBe("waiting");
    await Promise.all([workAll(), workAll(), workAll()]);
    await workAll();
    const { state, result } = await row(world, id);
    expect(state).toBe("done");
    expect(result).toHaveLength(25);
    expect((await asSystem(() => get({ jobId: id }))).awaits).toHaveLength(25);
  });

  const oneFails = async ({ n }: { n: number }, job: Job) => {
    if (n === 2) throw new JobError("bad", "Two is bad.", { retry: false });
    return n === 0 ? (await job.results()).map(({ state }) => state).sort() : n;
  };

  test("when a child is dead the parent is too, and what follows it; the child retried, all go on", async () => {
    handler = oneFails;
    const { id } = await asSystem(() =>
      enqueue(
        probe,
        { n: 0 },
        { children: [order(probe, { n: 1 }), order(probe, { n: 2 })], followedBy: [order(probe, { n: 9 })] },
      ),
    );
    await workAll();
    expect(await row(world, id)).toMatchObject({ state: "dead", error: { code: "awaited_job_failed" } });
    expect(await eventsOf(world, id)).toEqual(["job.dead"]);
    const [follower] = await world.rows("select state from frontdesk.jobs where payload ->> 'n' = '9'");
    expect(follower).toEqual({ state: "dead" });
    const [child] = await world.rows<{ id: string }>(
      "select id from frontdesk.jobs where payload ->> 'n' = '2'",
    );
    await asSystem(() => retry({ jobId: child?.id ?? "", payload: { n: 3 } }));
    await workAll();
    const states = await world.rows("select distinct state from frontdesk.jobs");
    expect(states).toEqual([{ state: "done" }]);
  });

  test("or runs all the same, when it says so", async () => {
    handler = oneFails;
    const { id } = await asSystem(() =>
      enqueue(
        probe,
        { n: 0 },
        { children: [order(probe, { n: 1 }), order(probe, { n: 2 })], whenOneFails: "run" },
      ),
    );
    await workAll();
    expect(await row(world, id)).toMatchObject({ state: "done", result: ["dead", "done"] });
  });

  test("cancelled with its parent is what was to be done for it", async () => {
    const { id } = await asSystem(() =>
      enqueue(
        probe,
        { n: 0 },
        { children: [order(probe, { n: 1 }, { followedBy: [order(probe, { n: 2 })] })] },
      ),
    );
    await asSystem(() => cancel({ jobId: id }));
    expect(await world.rows("select distinct state from frontdesk.jobs")).toEqual([{ state: "cancelled" }]);
  });
});
