import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import * as database from "../../src/database/index.ts";
import { record, refuse } from "../../src/failures/index.ts";
import { createPool } from "../../src/pool/index.ts";
import { Answer } from "../support/aws.ts";
import { createWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(() => world.reset());

const queue = () => ({ url: `${world.aws.url}/1/jobs`, arn: "arn:aws:sqs:ca-central-1:1:jobs" });
const received = (messageId: string, attempt = 1) => ({
  messageId,
  receiptHandle: `receipt of ${messageId}`,
  attempt,
});
const reason = { code: "job_unknown", cause: "there is no such job" };
const rows = () =>
  world.rows<{ id: string; queue: string; attempt: number; code: string; cause: string }>(
    "select queue_message_id as id, queue, attempt, code, cause from frontdesk.failures order by 1, 3",
  );

test("a refused message's cause is kept under its identifier, and it is shown again at once", async () => {
  expect(await refuse(queue(), [received("a"), received("b", 3)], reason)).toEqual(["a", "b"]);
  expect(await rows()).toEqual([
    { id: "a", queue: queue().arn, attempt: 1, ...reason },
    { id: "b", queue: queue().arn, attempt: 3, ...reason },
  ]);
  expect(world.aws.shown).toEqual(
    ["a", "b"].map((id) => ({ url: queue().url, receipt: `receipt of ${id}`, seconds: 0 })),
  );
});

test("more messages than SQS takes in one call are shown again by several", async () => {
  const many = Array.from({ length: 23 }, (_, index) => received(`m${index}`));
  expect(await refuse(queue(), many, reason)).toHaveLength(23);
  expect(world.aws.shown).toHaveLength(23);
});

test("nothing is written or called for nothing", async () => {
  expect(await refuse(queue(), [], reason)).toEqual([]);
  expect(await rows()).toEqual([]);
  expect(world.aws.calls).toEqual([]);
});

test("what SQS does not show again is failed all the same: it comes after its timeout", async () => {
  const stale = { ...received("stale one"), receiptHandle: "stale" };
  expect(await refuse(queue(), [received("a"), stale], reason)).toEqual(["a", "stale one"]);
  expect(world.aws.shown.map(({ receipt }) => receipt)).toEqual(["receipt of a"]);
  world.aws.intercept = () => {
    throw new Answer(400, "AccessDeniedException");
  };
  expect(await refuse(queue(), [received("b")], reason)).toEqual(["b"]);
  expect((await rows()).map(({ id }) => id)).toEqual(["a", "b", "stale one"]);
  expect(world.logged.filter((line) => line.includes("timeout"))).toHaveLength(2);
});

test("without a database nothing is shown again, since nobody could say why", async () => {
  const restore = database.provide(createPool({ host: "127.0.0.1", port: 1 }));
  await expect(refuse(queue(), [received("a")], reason)).rejects.toMatchObject({ kind: "unavailable" });
  restore();
  expect(world.aws.shown).toEqual([]);
});

test("the same attempt told twice is one row, and a long cause is cut", async () => {
  const failure = { queue: "q", queueMessageId: "a", attempt: 1, code: "one", cause: "x".repeat(5_000) };
  await record([failure]);
  await record([{ ...failure, code: "two" }]);
  const [row, ...others] = await rows();
  expect(others).toEqual([]);
  expect(row).toMatchObject({ code: "two", cause: "x".repeat(1_000) });
});
