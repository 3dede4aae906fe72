/** Consumers whose domain is not built yet. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createWorld, type World } from "../../../core/test/support/world.ts";
import { handler as mailEvents } from "../../src/queues/mail-events.ts";
import { context, sqsEvent } from "../support/events.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(() => world.reset());

const failures = () =>
  world.rows<{ queue: string; code: string; cause: string }>(
    "select queue, code, cause from frontdesk.failures order by queue_message_id",
  );

describe.each([
  ["mailevents", mailEvents, /delivery events/],
] as const)("the %s queue", (name, handler, what) => {
  test("every message is refused, with the cause that its consumer is not built", async () => {
    const event = sqsEvent(
      { messageId: "1", body: "{}" },
      { messageId: "2", body: "no JSON: secret", attempt: 5 },
    );
    expect(await handler(event, context(), () => {})).toEqual({
      batchItemFailures: [{ itemIdentifier: "1" }, { itemIdentifier: "2" }],
    });
    const written = await failures();
    expect(written).toHaveLength(2);
    for (const failure of written) {
      expect(failure).toMatchObject({
        queue: `arn:aws:sqs:ca-central-1:1:${name}`,
        code: "not_implemented",
        cause: expect.stringMatching(what),
      });
      expect(JSON.stringify([failure, world.logged])).not.toContain("secret");
    }
    expect(world.aws.shown.map(({ url }) => url)).toEqual([1, 2].map(() => `${world.aws.url}/1/${name}`));
  });
});

test.each([
  [
    "SES' test",
    mailEvents,
    JSON.stringify({
      Type: "Notification",
      Message: "Successfully validated SNS topic for Amazon SES event publishing.",
    }),
  ],
] as const)("%s when a source is set up is done with", async (_, handler, body) => {
  const event = sqsEvent({ messageId: "test", body }, { messageId: "other", body: "{}" });
  expect(await handler(event, context(), () => {})).toEqual({
    batchItemFailures: [{ itemIdentifier: "other" }],
  });
  expect(await failures()).toHaveLength(1);
});
