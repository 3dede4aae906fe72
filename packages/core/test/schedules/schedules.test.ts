/** Schedules on real Postgres, a clock that moves, and a small Scheduler. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { provide as provideActor } from "../../src/actor/index.ts";
import * as clock from "../../src/clock/index.ts";
import { define } from "../../src/jobs/index.ts";
import { parseMessage } from "../../src/jobs/messages.ts";
import * as registry from "../../src/jobs/registry.ts";
import * as schedules from "../../src/schedules/index.ts";
import { Answer } from "../support/aws.ts";
import { asSystem, workAll } from "../support/jobs.ts";
import { createWorld, type World } from "../support/world.ts";

let world: World;
let restore = () => {};
let now = 0;
const ran: { note: string; dueAt: string | undefined }[] = [];
let hold: Promise<void> | undefined;

const note = define({
  name: "note",
  description: "Writes down that it ran.",
  schema: z.strictObject({ note: z.string() }),
  handler: async (payload, job) => {
    ran.push({ note: payload.note, dueAt: job.schedule?.dueAt.toISOString() });
    await hold;
  },
});

beforeAll(async () => {
  world = await createWorld();
  registry.provide([note]);
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.reset();
  ran.length = 0;
  hold = undefined;
  now = Date.parse("2027-01-15T11:59:00Z");
  restore = clock.provide({
    now: () => now,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
});
afterEach(() => restore());

const moveTo = (time: string) => {
  now = Date.parse(time);
};
const asAdmin = <T>(callback: () => T): T =>
  provideActor(
    { actor: { kind: "user", userId: "usr_1", email: "a@desk.test", roles: ["admin"] } },
    callback,
  );
type Definition = Parameters<typeof schedules.put>[0]["definition"];
const put = (name: string, definition: Partial<Definition>, revision?: number) =>
  asAdmin(() =>
    schedules.put({ name, definition: { type: "note", payload: { note: name }, ...definition }, revision }),
  );
const get = (name: string) => asAdmin(() => schedules.get({ name }));
const work = () => asSystem(() => workAll());
const sweep = () => asSystem(() => schedules.sweep());
/** What Scheduler sends for a due time, by the Input that it was given. */
const fire = async (name: string, dueAt: string, input?: string) => {
  const { schedule, revision } = JSON.parse(input ?? world.aws.schedules.get(name)?.Target.Input ?? "{}");
  const [fired] = await asSystem(() =>
    schedules.fire([{ name: schedule, revision, dueAt: new Date(dueAt) }]),
  );
  return fired?.outcome;
};
const calls = () =>
  world.aws.calls.filter(({ operation }) => /Schedule$/.test(operation)).map(({ operation }) => operation);
const jobsOf = async (name: string) =>
  world.rows<{ state: string; due: Date }>(
    "select state, schedule_due_at as due from frontdesk.jobs where schedule = $1 order by schedule_due_at",
    [name],
  );

describe("what is wanted", () => {
  test("is written, and Scheduler is told by the jobs consumer alone", async () => {
    const made = await put("daily", { cron: "0 9 * * 1-5", zone: "America/Toronto" });
    expect(calls()).toEqual([]);
    expect(made).toMatchObject({ sync: { state: "pending" }, cron: "0 9 * * 1-5", updatedBy: "usr_1" });
    expect(made.nextRuns.map((at) => at.toISOString())).toEqual([
      "2027-01-15T14:00:00.000Z",
      "2027-01-18T14:00:00.000Z",
      "2027-01-19T14:00:00.000Z",
      "2027-01-20T14:00:00.000Z",
      "2027-01-21T14:00:00.000Z",
    ]);
    await work();
    expect(calls()).toEqual(["CreateSchedule"]);
    expect(world.aws.schedules.get("daily")).toMatchObject({
      ScheduleExpression: "cron(0 9 ? * 2,3,4,5,6 *)",
      ScheduleExpressionTimezone: "America/Toronto",
      State: "ENABLED",
      ActionAfterCompletion: "NONE",
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: {
        Arn: "arn:aws:sqs:ca-central-1:000000000001:jobs",
        RoleArn: "arn:aws:iam::000000000001:role/scheduler",
        DeadLetterConfig: { Arn: "arn:aws:sqs:ca-central-1:000000000001:jobs-dead" },
        Input: JSON.stringify({
          schedule: "daily",
          revision: made.revision,
          dueAt: "<aws.scheduler.scheduled-time>",
        }),
      },
    });
    expect((await get("daily")).sync).toEqual({ state: "in-force", error: null });
  });

  test("the same again changes nothing; another one needs the revision that was seen, when one is given", async () => {
    const made = await put("hourly", { every: "1 hour" });
    moveTo("2027-01-15T12:20:00Z");
    expect(await put("hourly", { every: "1 hour" })).toEqual(made);
    expect(await put("hourly", { every: "1 hour" }, 1)).toEqual(made);
    await expect(put("hourly", { every: "2 hours" }, 1)).rejects.toMatchObject({
      kind: "precondition_failed",
    });
    const changed = await put("hourly", { every: "2 hours" }, made.revision);
    expect(changed.revision).toBeGreaterThan(made.revision);
    await work();
    expect(calls()).toEqual(["CreateSchedule"]);
  });

  test("a rate keeps its rhythm when it is paused, resumed or changed otherwise", async () => {
    await put("rate", { every: "7 minutes" });
    await work();
    moveTo("2027-01-15T12:20:30Z");
    await put("rate", { every: "7 minutes", paused: true });
    await work();
    expect(world.aws.schedules.get("rate")?.State).toBe("DISABLED");
    moveTo("2027-01-15T13:00:00Z");
    const resumed = await put("rate", { every: "7 minutes", priority: 5 });
    await work();
    expect(resumed.nextRuns[0]?.toISOString()).toBe("2027-01-15T13:02:00.000Z");
    expect(world.aws.schedules.get("rate")).toMatchObject({
      State: "ENABLED",
      StartDate: Date.parse("2027-01-15T13:02:00Z") / 1_000,
    });
  });

  test.each<[string, Partial<Definition>, string]>([
    ["no time", {}, "one of at, every and cron"],
    ["two times", { every: "1 hour", cron: "0 9 * * ? *" }, "one of at, every and cron"],
    ["a past time", { at: "2027-01-15T11:00:00Z" }, "has passed"],
    [
      "an end before the start",
      { every: "1 hour", start: "2027-02-02T00:00Z", end: "2027-02-01T00:00Z" },
      "after the start",
    ],
    ["31 February", { cron: "0 0 31 2 ? *" }, "never runs"],
    ["a zone that is none", { cron: "0 9 * * ? *", zone: "Mars/Olympus" }, "time zone"],
    ["an unknown job", { type: "nothing", every: "1 hour" }, "job type"],
    ["a payload that the job does not take", { payload: { note: 1 }, every: "1 hour" }, "payload"],
    ["a large payload", { payload: { note: "x".repeat(70_000) }, every: "1 hour" }, "at most"],
  ])("%s is refused", async (_, definition, message) => {
    await expect((async () => put("wrong", definition))()).rejects.toMatchObject({
      kind: "validation",
      message: expect.stringContaining(message),
    });
    expect(await world.count("schedules")).toBe(0);
    expect(await world.count("jobs")).toBe(0);
  });

  test("names are Scheduler's, and administrators alone may", async () => {
    for (const name of ["", "a b", "ä", "x".repeat(65)])
      expect(() => put(name, { every: "1 hour" })).toThrow(/name/);
    const viewer = { kind: "user", userId: "usr_2", email: "v@desk.test", roles: ["viewer"] } as const;
    await provideActor({ actor: { ...viewer, roles: ["viewer"] } }, async () => {
      await expect(schedules.list({})).rejects.toMatchObject({ kind: "forbidden" });
      await expect(schedules.remove({ name: "x" })).rejects.toMatchObject({ kind: "forbidden" });
    });
  });

  test("the list goes by name, in pages", async () => {
    for (const name of ["c", "B", "a", "d"]) await put(name, { every: "1 hour" });
    const one = await asAdmin(() => schedules.list({ limit: 3 }));
    const two = await asAdmin(() => schedules.list({ limit: 3, cursor: one.cursor ?? "" }));
    expect([...one.schedules, ...two.schedules].map(({ name }) => name)).toEqual(["B", "a", "c", "d"]);
    expect(two.cursor).toBeNull();
  });
});

describe("telling Scheduler", () => {
  test("comes to the latest revision, in any order and however often", async () => {
    await put("often", { every: "1 hour" });
    await put("often", { every: "2 hours" });
    const last = await put("often", { every: "3 hours" });
    await Promise.allSettled([1, 2, 3, 4].map(() => asSystem(() => schedules.sync("often"))));
    await work();
    await asSystem(() => schedules.sync("often"));
    expect(world.aws.schedules.get("often")).toMatchObject({ ScheduleExpression: "rate(3 hours)" });
    expect(JSON.parse(world.aws.schedules.get("often")?.Target.Input ?? "")).toMatchObject({
      revision: last.revision,
    });
  });

  test("a change while it is being told is told as well", async () => {
    await put("during", { every: "1 hour" });
    let changed = false;
    world.aws.intercept = async ({ operation }) => {
      if (operation !== "CreateSchedule" || changed) return;
      changed = true;
      await put("during", { every: "2 hours" });
    };
    await asSystem(() => schedules.sync("during"));
    expect(world.aws.schedules.get("during")).toMatchObject({ ScheduleExpression: "rate(2 hours)" });
    expect((await get("during")).sync.state).toBe("in-force");
  });

  test("what Scheduler has and we do not know of is taken over; what it lost is made again", async () => {
    await put("over", { every: "1 hour" });
    await work();
    await world.rows("update frontdesk.schedules set synced_revision = null");
    await asSystem(() => schedules.sync("over"));
    world.aws.schedules.clear();
    await put("over", { every: "2 hours" });
    await work();
    expect(calls()).toEqual([
      "CreateSchedule",
      "CreateSchedule",
      "UpdateSchedule",
      "UpdateSchedule",
      "CreateSchedule",
    ]);
    expect(world.aws.schedules.has("over")).toBe(true);
  });

  test("why it does not is shown, and it is tried again until it does", async () => {
    world.aws.intercept = ({ operation }) => {
      if (operation === "CreateSchedule") throw new Answer(400, "ValidationException");
    };
    await put("refused", { every: "1 hour" });
    await work();
    expect((await get("refused")).sync).toMatchObject({
      state: "failed",
      error: expect.stringContaining("ValidationException"),
    });
    world.aws.intercept = undefined;
    now += 11 * 60_000;
    expect((await sweep()).asked).toBe(1);
    await work();
    expect((await get("refused")).sync).toEqual({ state: "in-force", error: null });
  });

  test("a removal that fails is tried until Scheduler has nothing left; then the row is gone", async () => {
    await put("gone", { every: "1 hour" });
    await work();
    world.aws.intercept = ({ operation }) => {
      if (operation === "DeleteSchedule") throw new Answer(400, "ValidationException");
    };
    await asAdmin(() => schedules.remove({ name: "gone" }));
    await asAdmin(() => schedules.remove({ name: "gone" }));
    await work();
    await expect(get("gone")).rejects.toMatchObject({ kind: "not_found" });
    expect(world.aws.schedules.has("gone")).toBe(true);
    expect(await fire("gone", "2027-01-15T12:00:00Z")).toBe("unknown");
    world.aws.intercept = undefined;
    now += 11 * 60_000;
    await sweep();
    await work();
    expect(world.aws.schedules.has("gone")).toBe(false);
    expect(await world.count("schedules")).toBe(0);
  });
});

describe("firing", () => {
  test("makes one job of a due time, however often and late Scheduler calls", async () => {
    await put("noon", { cron: "0 12 * * ? *" });
    await work();
    moveTo("2027-01-15T12:00:20Z");
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => fire("noon", "2027-01-15T12:00:00Z")));
    expect(all.toSorted()).toEqual(["duplicate", "duplicate", "duplicate", "duplicate", "fired"]);
    now += 3 * 3_600_000;
    await sweep();
    expect(await fire("noon", "2027-01-15T12:00:00Z")).toBe("duplicate");
    await work();
    expect(ran).toEqual([{ note: "noon", dueAt: "2027-01-15T12:00:00.000Z" }]);
    expect((await get("noon")).lastRun).toMatchObject({ outcome: "fired", jobState: "done" });
  });

  test("a dead letter of Scheduler's that is sent back says the same as its call", () => {
    const call = JSON.stringify({ schedule: "tidy", revision: 1, dueAt: "2026-11-26T09:00:00Z" });
    const letter = JSON.stringify({ QueueUrl: "https://sqs/1/jobs", MessageBody: call });
    expect(parseMessage(letter)).toEqual(parseMessage(call));
    expect(parseMessage(letter)).toMatchObject({ kind: "schedule", schedule: "tidy" });
    expect(parseMessage(JSON.stringify({ QueueUrl: "q", MessageBody: letter }))).toBeUndefined();
  });

  test("old revisions and paused schedules are not run, and a name used again does not take old messages", async () => {
    await put("old", { cron: "0 * * * ? *" });
    await work();
    const before = world.aws.schedules.get("old")?.Target.Input;
    await put("old", { cron: "0 * * * ? *", payload: { note: "new" } });
    expect(await fire("old", "2027-01-15T12:00:00Z", before)).toBe("outdated");
    await put("old", { cron: "0 * * * ? *", paused: true });
    await work();
    expect(await fire("old", "2027-01-15T12:00:00Z")).toBe("paused");
    expect((await get("old")).nextRuns).toEqual([]);
    await asAdmin(() => schedules.remove({ name: "old" }));
    await work();
    now += 1_000;
    await put("old", { cron: "0 * * * ? *" });
    expect(await fire("old", "2027-01-15T12:00:00Z", before)).toBe("outdated");
    expect(await jobsOf("old")).toEqual([]);
  });

  test("what is due while Scheduler is being told is run all the same", async () => {
    await put("soon", { cron: "0 12 * * ? *" });
    moveTo("2027-01-15T12:00:05Z");
    await work();
    await work();
    expect(ran).toEqual([{ note: "soon", dueAt: "2027-01-15T12:00:00.000Z" }]);
    expect(await fire("soon", "2027-01-15T12:00:00Z")).toBe("duplicate");
  });

  test("a change just after a due time does not lose it", async () => {
    await put("change", { cron: "0 12 * * ? *" });
    await work();
    const before = world.aws.schedules.get("change")?.Target.Input;
    moveTo("2027-01-15T12:00:01Z");
    await put("change", { cron: "0 12 * * ? *", payload: { note: "changed" } });
    expect(await fire("change", "2027-01-15T12:00:00Z", before)).toBe("outdated");
    await work();
    await work();
    expect(ran).toEqual([{ note: "changed", dueAt: "2027-01-15T12:00:00.000Z" }]);
  });

  test("what runs once is gone from table and Scheduler, and its job stays", async () => {
    await put("once", { at: "2027-01-15T12:00:30Z" });
    await work();
    expect(world.aws.schedules.get("once")).toMatchObject({
      ScheduleExpression: "at(2027-01-15T12:00:30)",
      ActionAfterCompletion: "DELETE",
    });
    const input = world.aws.schedules.get("once")?.Target.Input;
    moveTo("2027-01-15T12:00:31Z");
    world.aws.schedules.delete("once");
    expect(await fire("once", "2027-01-15T12:00:30Z", input)).toBe("fired");
    expect(await fire("once", "2027-01-15T12:00:30Z", input)).toBe("unknown");
    expect(await world.count("schedules")).toBe(0);
    await work();
    expect(await jobsOf("once")).toMatchObject([{ state: "done" }]);
  });

  test("overlap: skip leaves out, queue keeps one, allow runs all", async () => {
    for (const overlap of ["skip", "queue", "allow"] as const)
      await put(overlap, { cron: "1-30 12 * * ? *", overlap, catchUp: "none" });
    await work();
    const outcomes: Record<string, (string | undefined)[]> = {};
    for (const name of ["skip", "queue", "allow"])
      for (const minute of ["12:01", "12:02", "12:03"]) {
        moveTo(`2027-01-15T${minute}:10Z`);
        outcomes[name] = [...(outcomes[name] ?? []), await fire(name, `2027-01-15T${minute}:00Z`)];
      }
    expect(outcomes).toEqual({
      skip: ["fired", "skipped", "skipped"],
      queue: ["fired", "held", "skipped"],
      allow: ["fired", "fired", "fired"],
    });
    await work();
    await sweep();
    await work();
    expect(ran.filter(({ note: name }) => name === "queue").map(({ dueAt }) => dueAt)).toEqual([
      "2027-01-15T12:01:00.000Z",
      "2027-01-15T12:02:00.000Z",
    ]);
    expect(ran.filter(({ note: name }) => name === "skip")).toHaveLength(1);
    expect(ran.filter(({ note: name }) => name === "allow")).toHaveLength(3);
  });
});

describe("what Scheduler missed", () => {
  const outage = async (definition: Partial<Definition>) => {
    await put("missed", { cron: "0/10 * * * ? *", overlap: "allow", ...definition });
    await work();
    moveTo("2027-01-15T13:06:00Z");
    await sweep();
    await sweep();
    return (await jobsOf("missed")).map(({ due }) => due.toISOString().slice(11, 16));
  };

  test("is caught up by the policy", async () => {
    // 12:00 lies in the minute in which Scheduler may not have had it.
    expect(await outage({ catchUp: "none" })).toEqual(["12:00"]);
    await world.reset();
    moveTo("2027-01-15T12:02:00Z");
    expect(await outage({ catchUp: "none" })).toEqual([]);
    await world.reset();
    moveTo("2027-01-15T12:02:00Z");
    expect(await outage({ catchUp: "latest" })).toEqual(["13:00"]);
    expect(await fire("missed", "2027-01-15T12:50:00Z")).toBe("superseded");
    await world.reset();
    moveTo("2027-01-15T12:02:00Z");
    expect(await outage({ catchUp: "all", catchUpLimit: 3 })).toEqual(["12:40", "12:50", "13:00"]);
  });

  test("Scheduler has its time before: within five minutes nothing is taken for missed", async () => {
    await put("grace", { cron: "0/10 * * * ? *" });
    moveTo("2027-01-15T12:02:00Z");
    await work();
    await work();
    moveTo("2027-01-15T12:14:00Z");
    await sweep();
    expect(await jobsOf("grace")).toHaveLength(1);
    moveTo("2027-01-15T12:15:01Z");
    await sweep();
    expect(await jobsOf("grace")).toHaveLength(2);
    expect(await fire("grace", "2027-01-15T12:10:00Z")).toBe("duplicate");
  });

  test("one that runs once is caught up, and removed from Scheduler as well", async () => {
    await put("late", { at: "2027-01-15T12:30:00Z" });
    await work();
    moveTo("2027-01-15T12:36:00Z");
    await sweep();
    await work();
    expect(ran).toHaveLength(1);
    expect(world.aws.schedules.size).toBe(0);
    expect(await world.count("schedules")).toBe(0);
  });
});

describe("built-in schedules", () => {
  test("are of this release, every one with a job type that takes its payload", async () => {
    expect(await asSystem(() => schedules.ensureBuiltIn(), "migrator")).toBe(schedules.builtIn.length);
    expect(await asSystem(() => schedules.ensureBuiltIn(), "migrator")).toBe(0);
    await work();
    expect([...world.aws.schedules.keys()].toSorted()).toEqual(
      schedules.builtIn.map(({ name }) => name).toSorted(),
    );
  });

  test("what a person paused or changed stays so, and nobody removes one", async () => {
    const list = (every: string) => [{ name: "tidy", type: "note", payload: { note: "tidy" }, every }];
    const ensure = (every: string) => asSystem(() => schedules.ensureBuiltIn(list(every)), "migrator");
    await ensure("1 hour");
    await put("tidy", { every: "1 hour", paused: true });
    await ensure("2 hours");
    expect(await get("tidy")).toMatchObject({ every: "2 hours", paused: true, builtIn: true });
    await put("tidy", { every: "5 hours" });
    expect(await ensure("3 hours")).toBe(0);
    expect(await get("tidy")).toMatchObject({ every: "5 hours", paused: false });
    await expect(asAdmin(() => schedules.remove({ name: "tidy" }))).rejects.toMatchObject({
      code: "built_in",
    });
    expect(await asSystem(() => schedules.ensureBuiltIn([]), "migrator")).toBe(1);
    await work();
    expect(await world.count("schedules")).toBe(0);
  });
});
