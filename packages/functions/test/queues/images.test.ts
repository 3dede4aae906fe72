import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import * as media from "../../../core/src/media/index.ts";
import * as processing from "../../../core/src/media/processing/index.ts";
import { created, stateOf, upload } from "../../../core/test/media/support.ts";
import { createDouble } from "../../../core/test/support/pictures.ts";
import { createWorld, signIn, type World } from "../../../core/test/support/world.ts";
import { handler } from "../../src/queues/images.ts";
import { context, sqsEvent } from "../support/events.ts";

let world: World;
let restore = () => {};
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.reset();
  restore = processing.providePictures(createDouble());
});
afterEach(() => restore());

const run = (...records: Parameters<typeof sqsEvent>) =>
  handler(sqsEvent(...records), context("invocation-7"), () => {});

test("records that fail are named, with their cause kept; the good ones beside them become pictures", async () => {
  const id = await upload(world, await signIn("noor", "viewer"), "picture one");
  expect(
    await run(
      { messageId: "1", body: "no JSON: secret", attempt: 3 },
      { messageId: "2", body: created(media.uploadKey(id)).body },
      {
        messageId: "3",
        body: JSON.stringify({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "home" }),
      },
    ),
  ).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }] });
  expect(await stateOf(world, id)).toBe("ready");
  const failures = await world.rows("select * from frontdesk.failures");
  expect(failures).toMatchObject([{ code: "notice_malformed", attempt: 3, queue_message_id: "1" }]);
  expect(JSON.stringify([failures, world.logged])).not.toContain("secret");
  // Given up: it is shown again at once, and soon among the dead letters.
  expect(world.aws.shown).toEqual([{ url: `${world.aws.url}/1/image`, receipt: "handle of 1", seconds: 0 }]);
  for (const line of world.logged)
    expect(JSON.parse(line)).toMatchObject({ requestId: "invocation-7", actor: "image-consumer" });
});
