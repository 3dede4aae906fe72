/** Dead letters of the jobs queue: they stand for jobs, and go back by them. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import * as z from "zod";
import { define } from "../../src/jobs/define.ts";
import * as jobs from "../../src/jobs/index.ts";
import * as registry from "../../src/jobs/registry.ts";
import { get, list, redrive, remove } from "../../src/queues/index.ts";
import { asSystem, row, workAll } from "../support/jobs.ts";
import { createWorld, type World } from "../support/world.ts";
import { advance, asAdmin, moveClock, places, sent } from "./support.ts";

const fragile = define({
  name: "fragile",
  description: "Fails unless told otherwise.",
  schema: z.strictObject({ fails: z.boolean(), note: z.string().default("") }),
  options: { attempts: 1 },
  handler: async ({ fails }) => {
    if (fails) throw new jobs.JobError("broke", "it broke", { retry: false });
    return "well";
  },
});

let world: World;
const restores: (() => void)[] = [];
beforeAll(async () => {
  world = await createWorld();
  restores.push(registry.provide([fragile]), moveClock(world));
});
afterAll(async () => {
  for (const restore of restores) restore();
  await world.stop();
});
beforeEach(() => world.reset());

/** A job that is dead, and its letter, brought from the outbox to where SQS would have it. */
async function dead(): Promise<{ jobId: string; messageId: string }> {
  const { id } = await asSystem(() => jobs.enqueue(fragile, { fails: true, note: "of Noor" }));
  await workAll();
  const letter = world.aws.sent.findLast(({ url }) => url.endsWith(places.jobs.dead));
  if (!letter) throw new Error("no letter was sent");
  return { jobId: id, messageId: world.aws.queues.put(places.jobs.dead, letter.body) };
}
const back = (messageId: string, body?: string) =>
  asAdmin(() =>
    redrive({ name: "jobs", what: { messages: [{ messageId, ...(body !== undefined && { body }) }] } }),
  );

test("a letter tells of its job: type, payload, error and attempts", async () => {
  const { jobId, messageId } = await dead();
  await asAdmin(async () => {
    expect((await list({ name: "jobs" })).letters).toMatchObject([
      {
        messageId,
        jobId,
        code: "broke",
        cause: "it broke",
        attempts: 1,
        trace: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    ]);
    expect(await get({ name: "jobs", messageId })).toMatchObject({
      job: {
        id: jobId,
        type: "fragile",
        state: "dead",
        payload: { fails: true, note: "of Noor" },
        deaths: 1,
      },
    });
    expect((await list({ name: "jobs", code: "broke" })).letters).toHaveLength(1);
  });
});

test("sent back, its job runs again; with another payload, with that", async () => {
  const { jobId, messageId } = await dead();
  expect((await back(messageId, '{"fails":false}')).results).toEqual([{ messageId, outcome: "redriven" }]);
  await workAll();
  expect(await row(world, jobId)).toMatchObject({ state: "done", result: "well" });
  expect(world.aws.queues.of(places.jobs.dead)).toEqual([]);
});

test.each([
  ["no JSON", "no JSON"],
  ["what the type does not take", '{"fails":"yes"}'],
])("a payload that is %s is refused, and the job stays dead", async (_, body) => {
  const { jobId, messageId } = await dead();
  await expect(back(messageId, body)).rejects.toMatchObject({ kind: "validation" });
  expect(await row(world, jobId)).toMatchObject({ state: "dead" });
  expect(world.aws.queues.of(places.jobs.dead)).toHaveLength(1);
});

test("a wake that nobody could take goes back as it is, whatever has become of its job", async () => {
  const { jobId } = await dead();
  const bodies = [jobId, "next"].map((job) => JSON.stringify({ job }));
  const ids = bodies.map((body) => world.aws.queues.put(places.jobs.dead, body));
  for (const messageId of ids) {
    expect((await back(messageId)).results).toEqual([{ messageId, outcome: "redriven" }]);
  }
  expect(sent(world, "jobs").slice(-2)).toEqual(bodies);
  expect(await row(world, jobId)).toMatchObject({ state: "dead" });
});

test("a letter whose job cannot run again is refused and stays, to be deleted", async () => {
  const { jobId, messageId } = await dead();
  await asAdmin(() => list({ name: "jobs" }));
  await world.rows("delete from frontdesk.jobs where id = $1", [jobId]);
  expect(await back(messageId)).toMatchObject({
    operation: null,
    results: [{ messageId, outcome: "refused", code: "job_not_found" }],
  });
  advance(world, 31_000);
  await asAdmin(async () => {
    expect((await list({ name: "jobs" })).letters).toHaveLength(1);
    await remove({ name: "jobs", messageId });
  });
  expect(world.aws.queues.of(places.jobs.dead)).toEqual([]);
});

test("a letter whose job was retried by other ways is none any more", async () => {
  const { jobId } = await dead();
  await asSystem(() => jobs.retry({ jobId, payload: { fails: false } }));
  await asAdmin(async () => expect((await list({ name: "jobs" })).letters).toEqual([]));
  expect(world.aws.queues.of(places.jobs.dead)).toEqual([]);
});
