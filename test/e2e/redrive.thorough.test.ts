/** Dead letters sent back and given up, and the objects of large jobs deleted, on the local cloud. */
import { afterEach, expect, test } from "vitest";
import { aMinuteLater, askForProbe, untilAllEnded } from "./support/jobs.ts";
import { systemPerFile } from "./support/per-file.ts";
import type { SignedIn, System } from "./support/system.ts";

let system: System;
let admin: SignedIn;
systemPerFile((started, signedIn) => {
  system = started;
  admin = signedIn;
});
afterEach(() => system.sql("delete from frontdesk.jobs where type = 'probe'"));

interface Letter {
  messageId: string;
  jobId: string | null;
}
interface Operation {
  kind: string;
  state: string;
  letters: number;
  edited: number;
  by: { email: string | null };
}
interface JobRow {
  state: string;
  attempts: number;
  payload: { failures: number; note?: string };
}

/** Jobs that have failed for good, and their letters by the jobs' identifiers. */
async function die(notes: string[], failures = 10): Promise<{ ids: string[]; letters: Map<string, string> }> {
  const asked = await Promise.all(notes.map((note) => askForProbe(admin, { failures, effects: 1, note })));
  const ids = asked.map(({ id }) => id);
  await untilAllEnded(system, "probe");
  await aMinuteLater(system);
  await system.until(
    "the letters",
    () => system.app.ports.sqs.counts(system.queue("JobsDeadLetterQueue")).visible >= notes.length,
  );
  const { items } = await admin.api.get<{ items: Letter[] }>("/queues/jobs/dead-letters?limit=100");
  return { ids, letters: new Map(items.map(({ messageId, jobId }) => [jobId ?? "", messageId])) };
}

const rowsOf = (ids: string[]) =>
  system.sql<JobRow>("select state, attempts, payload from frontdesk.jobs where id = any($1) order by id", [
    ids,
  ]);
const effectsOf = async (ids: string[]) =>
  (
    await system.sql<{ count: number }>(
      "select count(*)::int as count from frontdesk.events where type = 'probe.effect' and topic = any($1)",
      [ids.map((id) => `job:${id}`)],
    )
  )[0]?.count;
const latest = async (): Promise<Operation | undefined> =>
  (await admin.api.get<{ items: Operation[] }>("/queues/jobs/operations")).items[0];
const dead = () => {
  const { visible, inFlight } = system.app.ports.sqs.counts(system.queue("JobsDeadLetterQueue"));
  return visible + inFlight;
};
const by = { email: "admin@frontdesk.example" };

test("all dead letters go back by SQS's move task: every job runs again with all its attempts, and its effects stay one; who did it is recorded", async () => {
  const { ids } = await die(["a", "b", "c", "d", "e"], 4);
  expect((await rowsOf(ids)).map(({ state, attempts }) => [state, attempts])).toEqual(
    ids.map(() => ["dead", 3]),
  );
  await admin.api.post("/queues/jobs/redrive", { all: true });
  await system.until("them to be done", async () =>
    (await rowsOf(ids)).every(({ state }) => state !== "dead"),
  );
  await untilAllEnded(system, "probe");
  // Its fifth attempt is the first that succeeds.
  expect((await rowsOf(ids)).map(({ state, attempts }) => [state, attempts])).toEqual(
    ids.map(() => ["done", 5]),
  );
  expect(await effectsOf(ids)).toBe(ids.length);
  await system.until("the task to be over", async () => {
    await admin.api.get("/queues");
    return (await latest())?.state === "completed";
  });
  expect(await latest()).toMatchObject({ kind: "redrive-all", letters: 5, by });
  expect(dead()).toBe(0);
});

test("some go back by a filter, one with another payload, one is given up, and the others stay", async () => {
  const { ids, letters } = await die(["stays", "edited", "given-up", "stays"]);
  const [, edited = "", givenUp = ""] = ids;
  const body = JSON.stringify({ failures: 0, effects: 1, note: "mended" });
  await admin.api.post("/queues/jobs/redrive", { messages: [{ messageId: letters.get(edited), body }] });
  await untilAllEnded(system, "probe");
  expect(await rowsOf([edited])).toMatchObject([{ state: "done", payload: { note: "mended" } }]);
  expect(await effectsOf([edited])).toBe(1);
  expect(await latest()).toMatchObject({ kind: "redrive", letters: 1, edited: 1, by });

  const { status } = await admin.fetch(`/queues/jobs/dead-letters/${letters.get(givenUp)}`, {
    method: "DELETE",
  });
  expect(status).toBe(200);
  expect(await latest()).toMatchObject({ kind: "delete", letters: 1, by });
  expect(await rowsOf([givenUp])).toMatchObject([{ state: "dead" }]);

  // A second death of the two that are left, all of a cause.
  const answer = await admin.api.post<{ results: { outcome: string }[]; left: number }>(
    "/queues/jobs/redrive",
    {
      filter: { q: "asked to fail" },
    },
  );
  expect(answer.results.map(({ outcome }) => outcome)).toEqual(["redriven", "redriven"]);
  expect(await latest()).toMatchObject({ kind: "redrive", letters: 2, by });
  await untilAllEnded(system, "probe");
  const left = ids.filter((id) => id !== edited && id !== givenUp);
  expect((await rowsOf(left)).map(({ state, attempts }) => [state, attempts])).toEqual([
    ["dead", 6],
    ["dead", 6],
  ]);
  await system.until("their letters", () => dead() === 2);
  // Whoever is no administrator does nothing of it.
  const recruiter = await system.signIn("recruiter");
  const refused = await recruiter.fetch("/queues/jobs/redrive", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ all: true }),
  });
  expect(refused.status).toBe(403);
});

test("deleteSQSFiles deletes what jobs that are forgotten have put away, and orphans; never what a job still names", async () => {
  const { s3 } = system.app.ports;
  const bucket = String(system.graph.links.HomeBucket?.name);
  const developer = { kind: "developer" } as const;
  const note = "long ".repeat(60_000);
  const [forgotten, kept] = await Promise.all([1, 2].map(() => askForProbe(admin, { note })));
  await untilAllEnded(system, "probe");
  const claims = (
    await system.sql<{ id: string; keys: string[] }>(
      "select id, array[payload_claim ->> 'key', result_claim ->> 'key'] as keys from frontdesk.jobs where id = any($1)",
      [[forgotten?.id, kept?.id]],
    )
  ).flatMap(({ id, keys }) => keys.map((key) => ({ id, key })));
  expect(claims.filter(({ key }) => key?.startsWith("claims/"))).toHaveLength(4);
  const orphan = "claims/job_01M8CMTJNEAJBAYZQ1CZFJN93G/payload/none";
  await s3.put(developer, bucket, orphan, Buffer.from("{}"));

  await system.sql("update frontdesk.jobs set finished_at = finished_at - interval '10 days' where id = $1", [
    forgotten?.id,
  ]);
  const run = async (type: string, payload: object) => {
    const { id } = await admin.api.post<{ id: string }>("/jobs", { type, payload });
    await untilAllEnded(system, type);
    return id;
  };
  await run("pruneJobs", { days: 5 });
  await untilAllEnded(system, "deleteSQSFiles");
  const there = async (key: string) =>
    s3.get(developer, bucket, key).then(
      () => true,
      () => false,
    );
  for (const { id, key } of claims) expect([key, await there(key)]).toEqual([key, id === kept?.id]);
  // It may belong to a transaction that is under way: an orphan is a day old.
  await run("deleteSQSFiles", { orphans: true });
  expect(await there(orphan)).toBe(true);
  system.app.cloud.clock.advance(25 * 3_600_000);
  admin = await system.signIn("admin");
  await run("deleteSQSFiles", { orphans: true });
  expect(await there(orphan)).toBe(false);
  for (const { id, key } of claims) expect([key, await there(key)]).toEqual([key, id === kept?.id]);
});
