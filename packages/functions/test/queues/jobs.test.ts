import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { enqueue, find } from "../../../core/src/jobs/index.ts";
import { expireTickets } from "../../../core/src/jobs/types/expire-tickets.ts";
import { asSystem } from "../../../core/test/support/jobs.ts";
import { createWorld, type World } from "../../../core/test/support/world.ts";
import { handler } from "../../src/queues/jobs.ts";
import { context, sqsEvent } from "../support/events.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(() => world.reset());

const run = (...records: Parameters<typeof sqsEvent>) => handler(sqsEvent(...records), context(), () => {});

test("a wake runs what is due, and leaves nothing to be delivered again", async () => {
  expect(find("expireTickets")).toBe(expireTickets);
  const { id } = await asSystem(() => enqueue(expireTickets, {}));
  const [message] = world.aws.sent;
  expect(await run({ messageId: "1", body: message?.body ?? "" })).toEqual({ batchItemFailures: [] });
  expect(await world.rows("select id, state, result from frontdesk.jobs")).toEqual([
    { id, state: "done", result: { tickets: 0, connections: 0 } },
  ]);
});

test("what is none of ours is refused with its cause, and does not keep the rest from running", async () => {
  await asSystem(() => enqueue(expireTickets, {}));
  const answer = await run(
    { messageId: "1", body: '{"secret": "hunter2"}' },
    { messageId: "2", body: '{"job": "next"}' },
    { messageId: "3", body: "no JSON" },
  );
  expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }, { itemIdentifier: "3" }] });
  expect(await world.rows("select code from frontdesk.failures")).toEqual([
    { code: "message_malformed" },
    { code: "message_malformed" },
  ]);
  expect(JSON.stringify([await world.rows("select * from frontdesk.failures"), world.logged])).not.toContain(
    "hunter2",
  );
  expect(await world.rows("select state from frontdesk.jobs")).toEqual([{ state: "done" }]);
});
