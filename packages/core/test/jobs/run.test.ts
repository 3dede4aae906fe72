import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import * as clock from "../../src/clock/index.ts";
import * as database from "../../src/database/index.ts";
import { cancel, define, enqueue, enqueueMany, get, JobError, order, retry } from "../../src/jobs/index.ts";
import * as registry from "../../src/jobs/registry.ts";
import type { Job } from "../../src/jobs/types.ts";
import * as outbox from "../../src/outbox/index.ts";
import { asSystem, eventsOf, row, workAll } from "../support/jobs.ts";
import { as, createWorld, signIn, type World } from "../support/world.ts";

let world: World;
let handler: (payload: { n: number }, job: Job) => Promise<unknown>;
const probe = define({
  name: "probe",
  description: "Does what the test says.",
  schema: z.object({ n: z.number().default(0) }),
  options: { attempts: 3, timeoutMs: 5_000 },
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

/** Moves the clock on, and lets the worker look at what is due. */
function pass(ms: number): void {
  restoreClock();
  restoreClock = clock.provide({ now: () => Date.now() + ms, sleep: async () => {} });
}

describe("enqueued in the caller's transaction or not at all", () => {
  test("with the commit there is the job and its message, before it neither", async () => {
    const { id } = await asSystem(() =>
      database.transaction(async () => {
        const enqueued = await enqueue(probe, { n: 1 });
        expect(world.aws.sent).toEqual([]);
        return enqueued;
      }),
    );
    expect(await row(world, id)).toMatchObject({ state: "queued", type: "probe", payload: { n: 1 } });
    expect(world.aws.sent).toEqual([{ url: `${world.aws.url}/1/jobs`, body: JSON.stringify({ job: id }) }]);
  });

  test("rolled back there was never one", async () => {
    await expect(
      asSystem(() =>
        database.transaction(async () => {
          await enqueue(probe, { n: 1 });
          throw new Error("no");
        }),
      ),
    ).rejects.toThrow("no");
    expect([await world.count("jobs"), await world.count("outbox"), world.aws.sent.length]).toEqual([
      0, 0, 0,
    ]);
  });

  test("many cost one message", async () => {
    await asSystem(() => enqueueMany(Array.from({ length: 50 }, (_, n) => order(probe, { n }))));
    expect([await world.count("jobs"), world.aws.sent.length]).toEqual([50, 1]);
  });
});

describe("refused where it is enqueued", () => {
  test("an unknown type", async () => {
    const stranger = define({
      name: "stranger",
      description: "Not in the registry.",
      schema: z.object({}),
      handler: async () => {},
    });
    await expect(asSystem(() => enqueue(stranger, {}))).rejects.toMatchObject({ code: "unknown_job_type" });
  });

  test("a bad payload, with the name of each wrong field", async () => {
    const wrong = { n: "one" } as unknown as { n: number };
    await expect(asSystem(() => enqueue(probe, wrong))).rejects.toMatchObject({
      kind: "validation",
      code: "invalid_payload",
      issues: [{ path: "payload.n" }],
    });
    expect(await world.count("jobs")).toBe(0);
  });

  test("what JSON does not carry", async () => {
    const wrong = { n: Number.NaN };
    await expect(asSystem(() => enqueue(probe, wrong))).rejects.toMatchObject({ code: "invalid_payload" });
  });
});

describe("runs", () => {
  test("with its payload, and its result, progress and log lines are kept and pushed", async () => {
    handler = async ({ n }, job) => {
      job.log(`working on ${n}`);
      job.progress(0.5, "half");
      return { doubled: n * 2 };
    };
    const { id } = await asSystem(() => enqueue(probe, { n: 21 }));
    expect(await workAll()).toEqual({ ran: 1, left: false });
    const job = await asSystem(() => get({ jobId: id }));
    expect(job).toMatchObject({
      state: "done",
      result: { doubled: 42 },
      attempts: 1,
      progress: 0.5,
      progressNote: "half",
      logs: [{ line: "working on 21" }],
      history: [],
    });
    expect(await eventsOf(world, id)).toEqual(["job.log", "job.progress", "job.done"]);
  });

  test("again after a failure, later each time, and is dead after the last attempt, with its message", async () => {
    handler = async () => {
      throw new JobError("no_luck", "It did not work.");
    };
    const { id } = await asSystem(() => enqueue(probe, {}));
    const waits: number[] = [];
    let passed = 0;
    for (let attempt = 1; attempt <= 3; attempt++) {
      await workAll();
      const { state, run_at: runAt } = await row(world, id);
      if (attempt < 3) {
        expect(state).toBe("scheduled");
        waits.push(runAt.getTime() - Date.now() - passed);
      }
      passed += 60_000;
      pass(passed);
    }
    expect(waits[0]).toBeGreaterThan(300);
    expect(waits[0]).toBeLessThanOrEqual(1_000);
    expect(waits[1]).toBeGreaterThan(800);
    expect(waits[1]).toBeLessThanOrEqual(2_000);
    const job = await asSystem(() => get({ jobId: id }));
    expect(job).toMatchObject({ state: "dead", attempts: 3, error: { code: "no_luck" }, deaths: 1 });
    expect(job.history.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, "failed"],
      [2, "failed"],
      [3, "failed"],
    ]);
    expect(world.aws.sent.filter(({ url }) => url.endsWith("jobsdeadletter"))).toEqual([
      { url: expect.any(String), body: JSON.stringify({ job: id, death: 1 }) },
    ]);
    expect(await eventsOf(world, id)).toEqual(["job.failed", "job.failed", "job.dead"]);
  });

  test("with NUL in whatever it says, and harms no other", async () => {
    handler = async ({ n }, job) => {
      job.log("a\0b");
      job.progress(0.5, "a\0b");
      if (n === 1) throw new JobError("nul", "a\0b", { retry: false });
      return n === 2 ? { text: "a\0b" } : n;
    };
    const made = await asSystem(() => enqueueMany([1, 2, 3].map((n) => order(probe, { n }))));
    await workAll();
    const states = await Promise.all(made.map(({ id }) => row(world, id)));
    expect(states.map(({ state, error }) => [state, error?.code ?? null])).toEqual([
      ["dead", "nul"],
      ["dead", "result_not_storable"],
      ["done", null],
    ]);
    await expect(asSystem(() => enqueue(probe, { text: "\0" } as never))).rejects.toMatchObject({
      code: "invalid_payload",
    });
  });

  test("not again when the handler says that it cannot help", async () => {
    handler = async () => {
      throw new JobError("gone", "There is nothing left to do.", { retry: false });
    };
    const { id } = await asSystem(() => enqueue(probe, {}));
    await workAll();
    expect(await row(world, id)).toMatchObject({ state: "dead", attempts: 1 });
  });

  test("later, when it is due and not before", async () => {
    const { id } = await asSystem(() => enqueue(probe, {}, { runAt: new Date(Date.now() + 60_000) }));
    await workAll();
    expect((await row(world, id)).state).toBe("scheduled");
    pass(61_000);
    await workAll();
    expect((await row(world, id)).state).toBe("done");
  });

  test("dead by hand again, with another payload", async () => {
    handler = async ({ n }) => {
      if (n === 1) throw new JobError("bad", "One is bad.", { retry: false });
      return n;
    };
    const { id } = await asSystem(() => enqueue(probe, { n: 1 }));
    await workAll();
    await expect(asSystem(() => retry({ jobId: id, payload: { n: "x" } }))).rejects.toMatchObject({
      code: "invalid_payload",
    });
    expect(await asSystem(() => retry({ jobId: id, payload: { n: 2 } }))).toEqual({ state: "queued" });
    await workAll();
    expect(await row(world, id)).toMatchObject({ state: "done", result: 2, attempts: 2 });
  });
});

describe("a job under which the database goes away", () => {
  /** Ends the connection that it is asked by. */
  const cut = () => database.use(({ query }) => query("select pg_terminate_backend(pg_backend_pid())"));
  /** Runs it as often as it is due, ten minutes apart. @returns How often. */
  async function runs(id: string): Promise<number> {
    let count = 0;
    handler = async () => {
      count += 1;
      return answer(count);
    };
    for (let minutes = 0; ["queued", "scheduled"].includes((await row(world, id)).state); minutes += 10) {
      pass(minutes * 60_000);
      await workAll();
    }
    return count;
  }
  let answer: (count: number) => Promise<unknown>;

  test("loses no attempt by it, and is done when it is back", async () => {
    answer = (count) => (count <= 5 ? cut() : Promise.resolve("well"));
    const { id } = await asSystem(() => enqueue(probe, {}));
    expect(await runs(id)).toBe(6);
    expect(await row(world, id)).toMatchObject({ state: "done", result: "well", attempts: 1 });
  });

  test("and never comes back for it: it is the job's own failure in the end", async () => {
    answer = cut;
    const { id } = await asSystem(() => enqueue(probe, {}));
    expect(await runs(id)).toBe(10 + probe.attempts);
    expect(await row(world, id)).toMatchObject({
      state: "dead",
      attempts: probe.attempts,
      error: { code: "database_unavailable" },
    });
  });
});

test("whose job the system asked for runs it again, and not with another payload", async () => {
  handler = async () => {
    throw new JobError("bad", "It is bad.", { retry: false });
  };
  const noor = await signIn("noor", "recruiter");
  // As a command of a domain does for who called it.
  const { id } = await as(noor, () => enqueue(probe, { n: 1 }));
  await workAll();
  await expect(as(noor, () => retry({ jobId: id, payload: { n: 2 } }))).rejects.toMatchObject({
    kind: "forbidden",
    code: "job_type_forbidden",
  });
  expect(await row(world, id)).toMatchObject({ state: "dead", payload: { n: 1 } });
  expect(await as(noor, () => retry({ jobId: id }))).toEqual({ state: "queued" });
});

describe("effects happen once", () => {
  test("however often the job runs, and their result is remembered", async () => {
    const seen: unknown[] = [];
    handler = async (_, job) => {
      seen.push(
        await job.once("pay", async (handle, key) => {
          await outbox.enqueue([
            {
              kind: "sqs",
              key,
              payload: { region: "ca-central-1", url: `${world.aws.url}/1/pay`, body: key },
            },
          ]);
          const [made] = await handle.query<{ at: number }>("select 7 as at");
          return made?.at;
        }),
      );
      if (job.attempt === 1) throw new Error("after the effect");
    };
    const { id } = await asSystem(() => enqueue(probe, {}));
    await workAll();
    pass(60_000);
    await workAll();
    expect((await row(world, id)).state).toBe("done");
    expect(seen).toEqual([7, 7]);
    expect(world.aws.sent.filter(({ url }) => url.endsWith("/pay"))).toEqual([
      { url: expect.any(String), body: `${id}/pay` },
    ]);
  });
});

describe("cancel", () => {
  test("before it begins: it never does", async () => {
    let ran = 0;
    handler = async () => {
      ran += 1;
    };
    const { id } = await asSystem(() => enqueue(probe, {}));
    expect(await asSystem(() => cancel({ jobId: id }))).toEqual({ state: "cancelled" });
    expect(await asSystem(() => cancel({ jobId: id }))).toEqual({ state: "cancelled" });
    await workAll();
    expect(ran).toBe(0);
    expect(await eventsOf(world, id)).toEqual(["job.cancelled"]);
  });

  test("while it runs: its signal says so, and it ends cancelled", async () => {
    let reached = () => {};
    const runs = new Promise<void>((resolve) => {
      reached = resolve;
    });
    handler = (_, job) =>
      new Promise((_, reject) => {
        reached();
        job.signal.addEventListener("abort", () => reject(job.signal.reason));
      });
    const { id } = await asSystem(() => enqueue(probe, {}));
    const working = workAll();
    await runs;
    expect(await asSystem(() => cancel({ jobId: id }))).toEqual({ state: "running" });
    await working;
    expect(await row(world, id)).toMatchObject({ state: "cancelled", attempts: 1 });
    expect(await eventsOf(world, id)).toEqual(["job.started", "job.cancelled"]);
  });
});
