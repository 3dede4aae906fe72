/** What jobs need is away for ten seconds, while they are asked for and run. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Asked, askForProbe, untilAllEnded } from "./support/jobs.ts";
import { systemPerFile } from "./support/per-file.ts";
import type { SignedIn, System } from "./support/system.ts";

let system: System;
let admin: SignedIn;
systemPerFile((started, signedIn) => {
  system = started;
  admin = signedIn;
});

const outageMs = 10_000;
const always = Number.POSITIVE_INFINITY;
const effects = 2;
/** Some last longer than others, and every fifth fails at first, after its effects. */
const payloadOf = (n: number) => ({ effects, seconds: (n % 4) * 0.5, failures: n % 5 === 0 ? 1 : 0 });

async function databaseAway(): Promise<void> {
  const effect = { error: { code: "ServiceUnavailable", status: 503 } };
  system.app.cloud.faults.add({ service: "rds-db", operation: "connect", times: always, effect });
  await system.sql(
    "select pg_terminate_backend(pid) from pg_stat_activity where usename in ('frontdesk_app', 'frontdesk_migrator')",
  );
}

async function cacheAway(): Promise<void> {
  system.app.cloud.faults.add({ service: "elasticache", times: always, effect: { disconnect: true } });
}

async function queueThrottled(): Promise<void> {
  const effect = { error: { code: "RequestThrottled", status: 403 } };
  for (const name of ["JobsQueue", "JobsDeadLetterQueue"])
    system.app.cloud.faults.add({ service: "sqs", resource: system.queue(name), times: always, effect });
}

test.each<[string, () => Promise<void>, "refused" | "accepted"]>([
  ["the database is away", databaseAway, "refused"],
  ["Redis is away", cacheAway, "accepted"],
  ["the jobs queue is throttled", queueThrottled, "accepted"],
])("%s for ten seconds: every job that was accepted is done, no effect twice, none is dead", async (_, begin, meanwhile) => {
  const asked: Asked[] = [];
  let count = 0;
  const ask = async () => asked.push(await askForProbe(admin, payloadOf(count++)));
  await Promise.all(Array.from({ length: 20 }, ask));
  expect(asked.map(({ status }) => status)).toEqual(asked.map(() => 200));
  await system.until("the first to run", async () => {
    const running = await system.sql(
      "select 1 from frontdesk.jobs where type = 'probe' and state = 'running'",
    );
    return running.length > 0;
  });

  await begin();
  const before = asked.length;
  for (const until = performance.now() + outageMs; performance.now() < until; await sleep(250)) await ask();
  system.app.cloud.faults.clear();
  const during = asked.slice(before);
  if (meanwhile === "accepted") expect(during.map(({ status }) => status)).toEqual(during.map(() => 200));
  else {
    const refused = during.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const one of refused)
      expect(one).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^\d+$/) });
  }
  for (let n = 0; n < 5; n++) await ask();

  await untilAllEnded(system, "probe");
  const accepted = asked.filter(({ status }) => status === 200).map(({ id }) => id);
  const jobs = await system.sql<{ id: string; state: string; effects: number }>(
    `select j.id, j.state, (
              select count(*)::int from frontdesk.events e
               where e.topic = 'job:' || j.id and e.type = 'probe.effect') as effects
       from frontdesk.jobs j where j.type = 'probe'`,
  );
  expect(jobs.filter((job) => job.state !== "done" || job.effects !== effects)).toEqual([]);
  const known = new Set(jobs.map(({ id }) => id));
  expect(accepted.filter((id) => !known.has(id))).toEqual([]);
  const { visible, inFlight } = system.app.ports.sqs.counts(system.queue("JobsDeadLetterQueue"));
  expect(visible + inFlight).toBe(0);
  expect(await system.sql("select 1 from frontdesk.failures where queue = 'jobs'")).toEqual([]);
});
