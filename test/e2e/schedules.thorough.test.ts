/** Schedules by Scheduler, with its clock moved: what is due becomes one job, whatever happens on the way. */
import { describe, expect, test } from "vitest";
import { aMinuteLater, untilAllEnded } from "./support/jobs.ts";
import { systemPerFile } from "./support/per-file.ts";
import type { SignedIn, System } from "./support/system.ts";

const minute = 60_000;
const hour = 60 * minute;
const zone = "America/Toronto";

let system: System;
let admin: SignedIn;
systemPerFile((started, signedIn) => {
  system = started;
  admin = signedIn;
});

const now = () => system.app.cloud.clock.now();
/** Moves the clock to a second after a moment. */
const moveTo = (at: number) => system.app.cloud.clock.advance(at + 1_000 - now());

interface Schedule {
  nextRuns: string[];
  sync: { state: string; error: string | null };
}

async function request(method: string, name: string, definition?: object): Promise<Response> {
  return admin.fetch(`/schedules/${name}`, {
    method,
    ...(definition && {
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ type: "probe", payload: { effects: 1 }, ...definition }),
    }),
  });
}

/** Makes or changes a schedule, and waits until Scheduler has it. */
async function put(name: string, definition: object): Promise<Schedule> {
  const response = await request("PUT", name, definition);
  expect(await response.text().then((text) => [response.status, text])).toEqual([200, expect.any(String)]);
  return system.until(`${name} to be in force`, async () => {
    const schedule = (await (await request("GET", name)).json()) as Schedule;
    return schedule.sync.state === "in-force" && schedule;
  });
}

interface Run {
  due: string;
  outcome: string;
  jobs: number;
  effects: number;
}

/** What became of a schedule's due times, the earliest first. */
async function runsOf(name: string): Promise<Run[]> {
  const rows = await system.sql<Omit<Run, "due"> & { due: Date }>(
    `select r.due_at as due, r.outcome,
            (select count(*)::int from frontdesk.jobs j
              where j.schedule = r.name and j.schedule_due_at = r.due_at and j.state = 'done') as jobs,
            (select count(*)::int from frontdesk.events e join frontdesk.jobs j on e.topic = 'job:' || j.id
              where j.schedule = r.name and j.schedule_due_at = r.due_at and e.type = 'probe.effect') as effects
       from frontdesk.schedule_runs r where r.name = $1 order by r.due_at`,
    [name],
  );
  return rows.map(({ due, ...row }) => ({ due: due.toISOString(), ...row }));
}

const once = (due: string | undefined): Run => ({ due: due ?? "", outcome: "fired", jobs: 1, effects: 1 });
const outcomes = async (name: string) => (await runsOf(name)).map(({ outcome }) => outcome);

/** Waits until that many due times were looked at, and their jobs are over. */
async function until(name: string, count: number): Promise<void> {
  await system.until(`${count} due times of ${name}`, async () => (await runsOf(name)).length >= count);
  await untilAllEnded(system, "probe");
}

/** Attempts of Scheduler to call for a schedule. */
const calls = (name: string) =>
  system.observed.filter(({ kind, resource }) => kind === "schedule.fire" && resource.endsWith(`/${name}`));

const offsetAt = (at: number) =>
  new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" })
    .formatToParts(at)
    .find(({ type }) => type === "timeZoneName")?.value;
const localTime = (iso: string) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(
    new Date(iso),
  );

test("a cron in a zone is due at its local time on both sides of a change of daylight saving, one job each, though Scheduler calls twice", async () => {
  let change = Math.ceil(now() / hour) * hour;
  while (offsetAt(change) === offsetAt(change - hour)) change += hour;
  // Whatever else is due in the months until then comes now.
  moveTo(change - 36 * hour);
  await system.until("the minute's sweep", async () => {
    const due = await system.sql("select 1 from frontdesk.jobs where state in ('queued', 'running')");
    return due.length === 0;
  });
  admin = await system.signIn("admin");
  const { nextRuns } = await put("across", { cron: "30 9 * * ? *", zone });
  for (const [index, due] of nextRuns.slice(0, 4).entries()) {
    // Scheduler's call takes effect, and it does not learn of it: it calls again a second later.
    const restore = system.app.cloud.faults.add({
      service: "sqs",
      operation: "SendMessage",
      resource: system.queue("JobsQueue"),
      times: Number.POSITIVE_INFINITY,
      phase: "after",
      effect: { error: { code: "ServiceUnavailable", status: 503 } },
    });
    moveTo(Date.parse(due));
    await system.until(`a second call for ${due}`, () =>
      calls("across").some(({ detail }) => detail.due === Date.parse(due) && detail.attempt === 2),
    );
    restore();
    admin = await system.signIn("admin");
    await until("across", index + 1);
  }
  await system.until("the queue to be empty", () => {
    const { visible, inFlight } = system.app.ports.sqs.counts(system.queue("JobsQueue"));
    return visible + inFlight === 0;
  });
  expect(await runsOf("across")).toEqual(nextRuns.slice(0, 4).map(once));
  expect(nextRuns.map(localTime)).toEqual(nextRuns.map(() => "09:30"));
  const gaps = nextRuns.slice(1).map((due, index) => Date.parse(due) - Date.parse(nextRuns[index] ?? ""));
  const length = offsetAt(change - hour) === "GMT-05:00" ? 23 : 25;
  expect(gaps.filter((gap) => gap !== 24 * hour)).toEqual([length * hour]);
  expect((await request("DELETE", "across")).status).toBe(204);
});

test("a rate is due each time; paused, never; resumed, from then on and for nothing in between", async () => {
  const { nextRuns } = await put("often", { every: "10 minutes" });
  for (const [index, due] of nextRuns.slice(0, 3).entries()) {
    moveTo(Date.parse(due));
    await until("often", index + 1);
  }
  await put("often", { every: "10 minutes", paused: true });
  moveTo(Date.parse(nextRuns[4] ?? ""));
  await aMinuteLater(system);
  const resumed = await put("often", { every: "10 minutes" });
  // In its rhythm.
  expect((Date.parse(resumed.nextRuns[0] ?? "") - Date.parse(nextRuns[0] ?? "")) % (10 * minute)).toBe(0);
  moveTo(Date.parse(resumed.nextRuns[0] ?? ""));
  await until("often", 4);
  await aMinuteLater(system);
  expect(await runsOf("often")).toEqual([...nextRuns.slice(0, 3), resumed.nextRuns[0]].map(once));
  expect((await request("DELETE", "often")).status).toBe(204);
});

test("one that runs once is gone when it has, here and in Scheduler, and its job is done once", async () => {
  const at = new Date(Math.ceil(now() / minute) * minute + 5 * minute).toISOString();
  await put("single", { at });
  moveTo(Date.parse(at));
  await system.until("its job", async () => {
    const [job] = await system.sql<{ state: string }>(
      "select state from frontdesk.jobs where schedule = 'single'",
    );
    return job?.state === "done";
  });
  expect((await request("GET", "single")).status).toBe(404);
  await aMinuteLater(system);
  expect(await runsOf("single")).toEqual([once(at)]);
  expect(calls("single")).toHaveLength(1);
  // A schedule of that name in Scheduler would refuse to be made; this one would be an update, and not in its log.
  const again = new Date(Date.parse(at) + 10 * minute).toISOString();
  await put("single", { at: again });
  const told = await system.until("what Scheduler was told", async () => {
    const [job] = await system.sql<{ told: string | null }>(
      `select result ->> 'told' as told from frontdesk.jobs
        where type = 'syncSchedule' and payload ->> 'name' = 'single' order by id desc limit 1`,
    );
    return job?.told;
  });
  expect(told).toContain("created");
  expect((await request("DELETE", "single")).status).toBe(204);
});

test("while the run before is not over: skip leaves out, queue keeps one for afterwards, allow runs all", async () => {
  const policies = ["skip", "queue", "allow"];
  const every = "10 minutes";
  const schedules = await Promise.all(
    policies.map((overlap) => put(`overlap-${overlap}`, { every, overlap })),
  );
  const due = schedules[0]?.nextRuns ?? [];
  const step = async (index: number) => {
    moveTo(Date.parse(due[index] ?? ""));
    for (const overlap of policies) await until(`overlap-${overlap}`, index + 1);
  };
  await step(0);
  // With a worker that is still at it: a real one would not outlive the moves of the clock.
  const setState = (state: string) =>
    system.sql(
      `update frontdesk.jobs set state = $1, leased_by = 'slow', leased_until = now() + interval '400 days'
        where schedule like 'overlap-%' and schedule_due_at = $2`,
      [state, due[0]],
    );
  await setState("running");
  for (const index of [1, 2]) {
    moveTo(Date.parse(due[index] ?? ""));
    for (const overlap of policies)
      await system.until(
        `a decision on ${overlap}`,
        async () => (await runsOf(`overlap-${overlap}`)).length > index,
      );
  }
  expect(await Promise.all(policies.map((overlap) => outcomes(`overlap-${overlap}`)))).toEqual([
    ["fired", "skipped", "skipped"],
    ["fired", "held", "skipped"],
    ["fired", "fired", "fired"],
  ]);
  await setState("done");
  await aMinuteLater(system);
  await untilAllEnded(system, "probe");
  expect(await runsOf("overlap-queue")).toEqual([
    once(due[0]),
    once(due[1]),
    { due: due[2], outcome: "skipped", jobs: 0, effects: 0 },
  ]);
  expect(await runsOf("overlap-allow")).toEqual(due.slice(0, 3).map(once));
  for (const overlap of policies) expect((await request("DELETE", `overlap-${overlap}`)).status).toBe(204);
});

describe("due times that Scheduler could not bring", () => {
  test("are caught up by the policy, and come to nothing when they are brought after all", async () => {
    const policies = { none: 0, latest: 1, all: 3 };
    const first = Math.ceil(now() / hour) * hour + hour;
    const times = [0, 1, 2].map((index) => new Date(first + index * hour));
    const cron = `0 ${times.map((time) => time.getUTCHours()).join(",")} * * ? *`;
    for (const catchUp of Object.keys(policies))
      await put(`missed-${catchUp}`, { cron, catchUp, overlap: "allow" });
    // Past the moment up to which the sweep does not rely on Scheduler.
    moveTo(first - 30 * minute);
    const throttled = { error: { code: "RequestThrottled", status: 403 } };
    const restore = system.app.cloud.faults.add({
      service: "sqs",
      operation: "SendMessage",
      resource: system.queue("JobsQueue"),
      times: Number.POSITIVE_INFINITY,
      effect: throttled,
    });
    // All at once, so that the sweep finds all of them.
    moveTo(first + 2 * hour + 10 * minute);
    await system.until("the sweep", async () => (await runsOf("missed-all")).length > 0);
    // Scheduler gives up after an hour: what it could not bring lies among the dead letters.
    const given = () =>
      system.observed.filter(
        ({ kind, detail }) => kind === "sqs.deadletter" && String(detail.source).includes("/missed-"),
      ).length;
    for (let rounds = 0; given() < 9 && rounds < 40; rounds++) {
      system.app.cloud.clock.advance(5 * minute);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(given()).toBe(9);
    restore();
    admin = await system.signIn("admin");
    await aMinuteLater(system);
    await untilAllEnded(system, "probe");
    const ran = async (catchUp: string) => (await runsOf(`missed-${catchUp}`)).map(({ due }) => due);
    const wanted = times.map((time) => time.toISOString());
    expect(await ran("none")).toEqual([]);
    expect(await ran("latest")).toEqual(wanted.slice(2));
    expect(await ran("all")).toEqual(wanted);

    await admin.api.post("/queues/jobs/redrive", { all: true });
    await system.until("all to be sent back and taken", () => {
      const [dead, work] = ["JobsDeadLetterQueue", "JobsQueue"].map((name) =>
        system.app.ports.sqs.counts(system.queue(name)),
      );
      return dead?.visible === 0 && work?.visible === 0 && work.inFlight === 0;
    });
    await untilAllEnded(system, "probe");
    expect(await runsOf("missed-latest")).toEqual(wanted.slice(2).map(once));
    expect(await runsOf("missed-all")).toEqual(wanted.map(once));
    for (const catchUp of Object.keys(policies))
      expect((await request("DELETE", `missed-${catchUp}`)).status).toBe(204);
  });
});
