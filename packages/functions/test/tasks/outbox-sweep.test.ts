import * as database from "@frontdesk/core/database";
import * as outbox from "@frontdesk/core/outbox";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Answer } from "../../../core/test/support/aws.ts";
import { createWorld, listen, received, signIn, type World } from "../../../core/test/support/world.ts";
import { handler } from "../../src/tasks/outbox-sweep.ts";
import { context, scheduledEvent } from "../support/events.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(() => world.reset());

const sweep = () => handler(scheduledEvent(), context(), () => {});
/** A delivery whose first try fails, due again at once. */
async function leftBehind(key: string): Promise<void> {
  world.aws.intercept = () => {
    throw new Answer(500, "InternalError");
  };
  await database.transaction(() =>
    outbox.enqueue([
      { kind: "sqs", key, payload: { region: "ca-central-1", url: `${world.aws.url}/1/email`, body: key } },
    ]),
  );
  world.aws.intercept = undefined;
  await world.rows(
    "update frontdesk.outbox set available_at = now() - interval '1 hour', leased_until = null",
  );
}

test("delivers what was left, once", async () => {
  await leftBehind("late");
  expect(world.aws.sent).toEqual([]);
  await sweep();
  await sweep();
  expect(world.aws.sent.map(({ body }) => body)).toEqual(["late"]);
});

test("one part that fails does not keep the others from their work, and fails the invocation", async () => {
  await leftBehind("late");
  // Looking for forgotten mail lists the mail bucket.
  world.aws.intercept = ({ operation }) => {
    if (operation === "ListObjectsV2") throw new Answer(403, "AccessDenied");
  };
  await expect(sweep()).rejects.toThrow();
  expect(world.aws.sent.map(({ body }) => body)).toEqual(["late"]);
  expect(world.logged.some((line) => line.includes("a sweep failed"))).toBe(true);
});

test("pushes nothing to a connection that is up to date", async () => {
  await listen(world, "connection-1", await signIn("admin", "admin"), `mailbox:${world.mailbox.jobs}`);
  await sweep();
  expect(received(world, "connection-1").map(({ action }) => action)).toEqual(["subscribed"]);
});
