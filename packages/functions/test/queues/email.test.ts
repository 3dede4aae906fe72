import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  address,
  createWorld,
  mail,
  s3Notice,
  sesNotice,
  type World,
} from "../../../core/test/support/world.ts";
import { handler } from "../../src/queues/email.ts";
import { context, sqsEvent } from "../support/events.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(() => world.reset());

const run = (...records: Parameters<typeof sqsEvent>) => handler(sqsEvent(...records), context(), () => {});
const put = (id: string) =>
  world.aws.put("mail", `inbound/${id}`, mail({ headers: { "Message-ID": `<${id}@x>`, Subject: id } }));
const notice = (id: string) => sesNotice(`inbound/${id}`, [address("jobs")]).body;
const subjects = async () =>
  (await world.rows<{ subject: string }>("select subject from frontdesk.messages order by 1")).map(
    ({ subject }) => subject,
  );

test("records that cannot be taken in are named; the good ones beside them are taken in", async () => {
  put("good");
  put("better");
  expect(
    await run(
      { messageId: "1", body: notice("good") },
      { messageId: "2", body: "this is not JSON" },
      { messageId: "3", body: notice("missing") },
      { messageId: "4", body: notice("better") },
    ),
  ).toEqual({ batchItemFailures: [{ itemIdentifier: "2" }, { itemIdentifier: "3" }] });
  expect(await subjects()).toEqual(["better", "good"]);
});

test("what AWS sends on setting things up is done with at once", async () => {
  const testEvent = JSON.stringify({
    Type: "Notification",
    MessageId: "1",
    Message: JSON.stringify({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "mail" }),
  });
  const setUp = s3Notice("inbound/AMAZON_SES_SETUP_NOTIFICATION").body;
  expect(await run({ messageId: "1", body: testEvent }, { messageId: "2", body: setUp })).toEqual({
    batchItemFailures: [],
  });
  expect(await subjects()).toEqual([]);
});

test("the cause of a failure is kept with the record's identifier and the number of its try, and not the body", async () => {
  await run({ messageId: "bad", body: '{"secret": "hunter2"', attempt: 4 });
  const [failure] = await world.rows("select * from frontdesk.failures");
  expect(failure).toMatchObject({ attempt: 4 });
  expect(JSON.stringify(failure)).toContain("bad");
  expect(JSON.stringify([failure, world.logged])).not.toContain("hunter2");
});

test("a record that comes again, and once more beside itself, is one message", async () => {
  put("twice");
  const records = ["1", "2", "3"].map((messageId) => ({ messageId, body: notice("twice") }));
  expect(await run(...records)).toEqual({ batchItemFailures: [] });
  expect(await run(...records)).toEqual({ batchItemFailures: [] });
  expect(await subjects()).toEqual(["twice"]);
});

test("log lines carry the invocation and who acts", async () => {
  await handler(sqsEvent({ messageId: "1", body: "this is not JSON" }), context("invocation-7"), () => {});
  const lines = world.logged.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines)
    expect(line).toMatchObject({ requestId: "invocation-7", actor: "email-consumer" });
});

test("what can never be read is shown again at once, to be over soon; a missing object is waited for", async () => {
  await run(
    { messageId: "1", body: "this is not JSON" },
    { messageId: "2", body: notice("missing") },
    {
      messageId: "3",
      body: notice("x").replaceAll('\\"bucketName\\":\\"mail\\"', '\\"bucketName\\":\\"other\\"'),
    },
  );
  expect(world.aws.shown.map(({ receipt, seconds }) => ({ receipt, seconds }))).toEqual(
    ["1", "3"].map((id) => ({ receipt: `handle of ${id}`, seconds: 0 })),
  );
  expect(await world.rows("select queue_message_id as id, code from frontdesk.failures order by 1")).toEqual([
    { id: "1", code: "notice_malformed" },
    { id: "2", code: "object_missing" },
    { id: "3", code: "notice_foreign" },
  ]);
});
