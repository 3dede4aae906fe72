import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { newKey, noticeMail, putMail } from "../support/ses.ts";
import { letter, rawLetter } from "./support/letters.ts";
import { type System, startSystem } from "./support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem({ template: inject("templateState") });
});
afterAll(() => system?.stop());

const developer = { kind: "developer" } as const;
const MiB = 1024 * 1024;

const queueMessage = (body: string) =>
  system.app.ports.sqs.send(developer, system.queue("EmailQueue"), { body });

/** Dead letters now. */
const dead = () => system.app.ports.sqs.counts(system.queue("EmailDeadLetterQueue")).visible;

/** Gives the queue's message its five receives and lets it die. */
async function exhaust(messages: number, since: Date, code: string): Promise<void> {
  const { counts } = system.app.ports.sqs;
  const queue = system.queue("EmailQueue");
  const before = dead();
  const visibility =
    system.app.cloud.plan.queues.find(({ arn }) => arn === queue)?.visibilityTimeoutSeconds ?? 0;
  for (let receive = 1; receive <= 5; receive++) {
    await system.until(`receive ${receive}`, async () => {
      const [row] = await system.sql<{ count: number }>(
        "select count(*)::int as count from frontdesk.failures where attempt = $1 and created_at > $2 and code = $3",
        [receive, since, code],
      );
      return row?.count === messages && counts(queue).visible === 0 && idle();
    });
    await system.pass(visibility * 1000);
  }
  await system.until("the dead-letter queue to have them", () => dead() === before + messages);
}
const idle = () =>
  system.observed.filter(({ kind }) => kind === "lambda.start").length ===
  system.observed.filter(({ kind }) => kind === "lambda.end").length;

const causes = (messageId: string) =>
  system.sql<{ attempt: number; code: string; cause: string }>(
    "select attempt, code, cause from frontdesk.failures where queue_message_id = $1 order by attempt",
    [messageId],
  );

test("what cannot be read goes to the dead-letter queue after its five receives, its cause readable, and the good mail beside it arrives", async () => {
  const since = new Date();
  const good = await letter([system.mailbox.jobs.address]);
  const key = newKey(system.app);
  const noJson = await queueMessage("this is {not JSON");
  const strange = await queueMessage(JSON.stringify({ Type: "Notification", Message: '{"hello":1}' }));
  await noticeMail(system.app, { key, recipients: [system.mailbox.jobs.address] });
  await system.send(good);
  await system.until("the good message", () => system.stored(good.headerId).catch(() => undefined));
  // What no further try can help is there at once: the clock was not moved yet.
  await system.until("two dead letters", () => dead() === 2);
  await exhaust(1, since, "object_missing");

  expect(await causes(noJson.messageId)).toEqual(
    [1, 2, 3, 4, 5].map((attempt) => ({
      attempt,
      code: "notice_malformed",
      cause: "the message is not JSON",
    })),
  );
  expect(await causes(strange.messageId)).toHaveLength(5);
  const missing = await system.sql(
    "select distinct code, cause, object_key as key from frontdesk.failures where object_key = $1",
    [key],
  );
  expect(missing).toEqual([
    { code: "object_missing", cause: "the object is not in the mail bucket (any more)", key },
  ]);
});

test("S3's test event and SES's set-up object are skipped without a trace", async () => {
  const { cloud, ports } = system.app;
  const bucket = String(system.graph.links.MailBucket?.name);
  const [before] = await system.sql("select count(*) as rows from frontdesk.raw_mail");
  const failures = await system.sql("select id from frontdesk.failures");
  await queueMessage(
    JSON.stringify({
      Type: "Notification",
      Message: JSON.stringify({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: bucket }),
    }),
  );
  await queueMessage(
    JSON.stringify({
      Service: "Amazon S3",
      Event: "s3:TestEvent",
      Time: new Date(cloud.clock.now()).toISOString(),
      Bucket: bucket,
    }),
  );
  const key = "inbound/AMAZON_SES_SETUP_NOTIFICATION";
  await ports.s3.put(developer, bucket, key, Buffer.from("From: no-reply-aws@amazon.com\r\n\r\nset up\r\n"));
  await noticeMail(system.app, { key, recipients: ["recipient@example.com"] });
  await system.until("all to be taken", () => {
    const { visible, inFlight } = ports.sqs.counts(system.queue("EmailQueue"));
    const told = system.observed.filter(
      ({ kind, detail }) => kind === "sns.publish" && detail.subscriptions === 1,
    );
    return told.length > 0 && visible + inFlight === 0 && idle();
  });
  expect(await system.sql("select count(*) as rows from frontdesk.raw_mail")).toEqual([before]);
  expect(await system.sql("select id from frontdesk.failures")).toEqual(failures);
});

test("a message of 60 MB is refused by SMTP with 552, and the sender's next one is taken", async () => {
  const large = rawLetter(
    [system.mailbox.jobs.address],
    ["Subject: large"],
    Buffer.alloc(60 * MiB, "0123456789abcde\n"),
  );
  const small = await letter([system.mailbox.jobs.address]);
  const [first] = await system.send(large);
  expect(first).toMatchObject({ accepted: false, response: expect.stringMatching(/\b552\b/) });
  await system.deliver(small);
  await system.stored(small.headerId);
});

test("an object of 60 MB dies with its cause while the function stays small, and a message of 30 MB beside it arrives", async () => {
  const since = new Date();
  const { ports } = system.app;
  const from = system.observed.length;
  const key = newKey(system.app);
  const chunk = Buffer.alloc(MiB, "0123456789abcde\n");
  await ports.s3.put(
    developer,
    String(system.graph.links.MailBucket?.name),
    key,
    Readable.from(Array.from({ length: 60 }, () => chunk)),
  );
  const attached = await letter([system.mailbox.jobs.address], {
    attachments: [{ filename: "plan.bin", content: Buffer.alloc(22 * MiB, 7) }],
  });
  await system.send(attached);
  await system.until("the large message", () => system.stored(attached.headerId).catch(() => undefined));
  await exhaust(1, since, "object_too_large");
  const [row] = await system.sql<{ code: string; cause: string }>(
    "select distinct code, cause from frontdesk.failures where object_key = $1",
    [key],
  );
  expect(row).toMatchObject({ code: "object_too_large", cause: expect.stringContaining(String(60 * MiB)) });
  expect(await system.sql("select state from frontdesk.raw_mail where object_key = $1", [key])).toEqual([
    { state: "failed" },
  ]);

  const consumer = system.app.cloud.plan.functions.find(({ arn }) => arn === system.fn("EmailConsumer"));
  const ends = system.observed
    .slice(from)
    .filter(({ kind, resource }) => kind === "lambda.end" && resource === consumer?.arn);
  expect(ends.length).toBeGreaterThan(5);
  for (const { detail } of ends) {
    expect(detail.error).toBeUndefined();
    expect(Number(detail.maxMemoryMB)).toBeLessThan(consumer?.memoryMB ?? 0);
  }
});

test("bytes that are no mail are kept as they are, flagged, and shown", async () => {
  const { jobs } = system.mailbox;
  const garbage = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919 + 13) % 256));
  const key = newKey(system.app);
  await putMail(system.app, key, garbage);
  await noticeMail(system.app, { key, recipients: [jobs.address] });
  const [row] = await system.until("the garbage to be stored", async () => {
    const rows = await system.sql<{ id: string; flags: string[] }>(
      `select m.id, m.flags from frontdesk.messages m join frontdesk.raw_mail r on r.message_id = m.id
        where r.object_key = $1`,
      [key],
    );
    return rows.length > 0 && rows;
  });
  expect(row?.flags).toContain("malformed");
  // The clock has been moved on by more than a token lives.
  const admin = await system.signIn("admin");
  const redirect = await admin.fetch(`/messages/${row?.id}/raw`);
  const raw = Buffer.from(await (await fetch(redirect.headers.get("location") ?? "")).arrayBuffer());
  expect(raw.equals(garbage)).toBe(true);
  expect(await admin.api.get(`/messages/${row?.id}`)).toMatchObject({ mailboxIds: [jobs.id] });
});

test.each([
  ["no header at all", "just a line\r\n"],
  ["an empty message", ""],
  ["a NUL in every place", "Subject: a\0b\r\n\0: c\r\n\r\nd\0e\r\n"],
  ["a header without an end", `Subject: ${"long ".repeat(20_000)}`],
  [
    "boundaries inside boundaries",
    `Content-Type: multipart/mixed; boundary=a\r\n\r\n${"--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n".repeat(50)}`,
  ],
])("%s is stored, whatever it is, and holds nothing up", async (_, text) => {
  const { jobs } = system.mailbox;
  const key = newKey(system.app);
  await putMail(system.app, key, Buffer.from(text));
  await noticeMail(system.app, { key, recipients: [jobs.address] });
  const state = await system.until("it to be stored", async () => {
    const [row] = await system.sql<{ state: string }>(
      "select state from frontdesk.raw_mail where object_key = $1 and state <> 'received'",
      [key],
    );
    return row?.state;
  });
  expect(state).toBe("stored");
});
