import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { ingest } from "../../src/mail/index.ts";
import { Answer } from "../support/aws.ts";
import { withClient } from "../support/database.ts";
import {
  address,
  createWorld,
  delivery,
  eventsReceived,
  listen,
  mail,
  mailWithAttachments,
  s3Notice,
  sesNotice,
  signIn,
  type World,
} from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(() => world.reset());

const key = "inbound/one";

async function expectOne(): Promise<void> {
  expect(await world.count("messages")).toBe(1);
  expect(await world.count("raw_mail")).toBe(1);
  expect(await world.rows("select topic, seq from frontdesk.events where topic like 'mailbox:%'")).toEqual([
    { topic: `mailbox:${world.mailbox.jobs}`, seq: 1 },
  ]);
  expect(await world.count("events")).toBe(2);
}

describe("one message, whatever its notices do", () => {
  test("a message is stored with sender, recipients, attachments, thread and mailbox", async () => {
    world.aws.put("mail", key, mailWithAttachments(["one.pdf", "two.pdf"], { Cc: "Ann <ann@example.org>" }));
    expect(await ingest([s3Notice(key), sesNotice(key, [address("jobs")])])).toEqual({ failed: [] });
    const [message] = await world.rows(
      "select subject, from_address, from_name, state, flags, attachment_count, text from frontdesk.messages",
    );
    expect(message).toMatchObject({
      subject: "A question",
      from_address: "noor@example.org",
      from_name: "Noor",
      state: "delivered",
      flags: [],
      attachment_count: 2,
    });
    expect(message?.text).toContain("See attached.");
    expect(await world.rows("select role, address from frontdesk.message_recipients order by role")).toEqual([
      { role: "cc", address: "ann@example.org" },
      { role: "to", address: address("jobs") },
    ]);
    const attachments = await world.rows<{ object_key: string; filename: string }>(
      "select filename, object_key from frontdesk.attachments order by position",
    );
    expect(attachments.map(({ filename }) => filename)).toEqual(["one.pdf", "two.pdf"]);
    const home = world.aws.buckets.get("home");
    expect(attachments.map(({ object_key }) => home?.get(object_key)?.body.toString().trim())).toEqual([
      "bytes of one.pdf",
      "bytes of two.pdf",
    ]);
    await expectOne();
  });

  test("both notices in one batch cost one read", async () => {
    world.aws.put("mail", key, mail());
    await ingest([s3Notice(key), sesNotice(key, [address("jobs")]), s3Notice(key)]);
    expect(world.aws.calls.filter(({ operation }) => operation === "GetObject")).toHaveLength(1);
    await expectOne();
  });

  test.each([
    ["S3's first", () => [s3Notice(key), sesNotice(key, [address("jobs")])]],
    ["SES's first", () => [sesNotice(key, [address("jobs")]), s3Notice(key)]],
    ["S3's alone", () => [s3Notice(key)]],
    ["SES's alone", () => [sesNotice(key, [address("jobs")])]],
  ])("notices one after the other, %s: one message, one event a topic", async (_, notices) => {
    world.aws.put("mail", key, mail());
    for (const notice of notices()) await ingest([notice]);
    await expectOne();
  });

  test("the same notice three times at once: one message, one event a topic, one set of attachments, one push", async () => {
    const admin = await signIn("admin", "admin");
    await listen(world, "console", admin, `mailbox:${world.mailbox.jobs}`);
    world.aws.put("mail", key, mailWithAttachments(["one.pdf"]));
    const results = await Promise.all([1, 2, 3].map(() => ingest([s3Notice(key)])));
    expect(results).toEqual([{ failed: [] }, { failed: [] }, { failed: [] }]);
    await expectOne();
    expect(await world.count("attachments")).toBe(1);
    expect(world.aws.buckets.get("home")?.size).toBe(1);
    expect(eventsReceived(world, "console")).toHaveLength(1);
  });

  test("both notices at once, many times over: one of everything each time", async () => {
    const keys = Array.from({ length: 20 }, (_, index) => `inbound/${index}`);
    for (const [index, name] of keys.entries())
      world.aws.put("mail", name, mail({ headers: { "Message-ID": `<${index}@example.org>` } }));
    const results = await Promise.all(
      keys.flatMap((name) => [ingest([s3Notice(name)]), ingest([sesNotice(name, [address("jobs")])])]),
    );
    expect(results.flatMap(({ failed }) => failed)).toEqual([]);
    expect(await world.count("messages")).toBe(20);
    const events = await world.rows<{ seq: number }>(
      "select seq from frontdesk.events where topic = $1 order by seq",
      [`mailbox:${world.mailbox.jobs}`],
    );
    expect(events.map(({ seq }) => seq)).toEqual(keys.map((_, index) => index + 1));
  });

  test("numbers of a topic have no gaps when fifty batches write at once and some fail", async () => {
    for (let index = 0; index < 50; index++)
      if (index % 7 !== 0)
        world.aws.put(
          "mail",
          `inbound/${index}`,
          mail({ headers: { "Message-ID": `<${index}@example.org>` } }),
        );
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => ingest([sesNotice(`inbound/${index}`, [address("jobs")])])),
    );
    expect(results.filter(({ failed }) => failed.length > 0)).toHaveLength(8);
    const events = await world.rows<{ seq: number }>(
      "select seq from frontdesk.events where topic = $1 order by seq",
      [`mailbox:${world.mailbox.jobs}`],
    );
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 42 }, (_, index) => index + 1));
  });

  test("the trace follows from the object key, through rows and events", async () => {
    world.aws.put("mail", key, mail());
    await ingest([s3Notice(key)]);
    const traces = await world.rows<{ trace: string }>(
      `select trace from frontdesk.raw_mail union select trace from frontdesk.messages
       union select trace from frontdesk.events union select data->>'trace' from frontdesk.events`,
    );
    expect(traces).toHaveLength(1);
    expect(traces[0]?.trace).toMatch(/^[0-9a-f]{32}$/);
  });

  test("the raw object is tagged after the commit, and its bytes are as they were", async () => {
    world.aws.put("mail", key, mail());
    await ingest([s3Notice(key)]);
    const object = world.aws.buckets.get("mail")?.get(key);
    expect(object?.tags).toEqual({ frontdesk: "delivered" });
    expect(object?.body.toString()).toBe(mail());
    expect(await world.count("outbox")).toBe(0);
  });
});

describe("envelope and mailboxes", () => {
  test("several of our mailboxes in one envelope, Bcc among them: one message, an event for each", async () => {
    world.aws.put("mail", key, mail({ headers: { To: "undisclosed-recipients:;" } }));
    await ingest([sesNotice(key, [address("jobs"), address("Payroll+tax"), "somebody@else.test"])]);
    const rows = await world.rows<{ mailbox_id: string }>(
      "select mailbox_id from frontdesk.message_mailboxes",
    );
    expect(rows.map((row) => row.mailbox_id).sort()).toEqual(
      [world.mailbox.jobs, world.mailbox.payroll].sort(),
    );
    expect(await world.count("messages")).toBe(1);
    expect(await world.count("events")).toBe(3);
  });

  test("SES's notice after the message was stored adds its mailboxes, and tells only those", async () => {
    world.aws.put("mail", key, mail());
    await ingest([s3Notice(key)]);
    await ingest([sesNotice(key, [address("jobs"), address("hello")])]);
    await ingest([sesNotice(key, [address("jobs"), address("hello")])]);
    const events = await world.rows<{ topic: string }>("select topic from frontdesk.events order by topic");
    expect(events.map(({ topic }) => topic).filter((topic) => topic.startsWith("mailbox:"))).toEqual(
      [`mailbox:${world.mailbox.jobs}`, `mailbox:${world.mailbox.hello}`].sort(),
    );
    expect(events).toHaveLength(3);
    expect(await world.rows("select mailbox_id from frontdesk.thread_mailboxes")).toHaveLength(2);
  });

  test("mail for an address that is nobody's is stored, flagged, and in no mailbox", async () => {
    world.aws.put("mail", key, mail());
    await ingest([sesNotice(key, [address("nobody"), "jobs@sub.in.desk.test"])]);
    expect(await world.rows("select flags from frontdesk.messages")).toEqual([{ flags: ["unrouted"] }]);
    expect(await world.count("message_mailboxes")).toBe(0);
  });

  test("a later copy with another route joins the message: one message, the new mailbox alone is told", async () => {
    world.aws.put("mail", "inbound/direct", mail());
    world.aws.put(
      "mail",
      "inbound/list",
      `Received: from list by here; Fri, 02 Jan 2026 03:04:05 +0000\r\n${mail()}`,
    );
    await ingest([sesNotice("inbound/direct", [address("jobs")])]);
    await ingest([sesNotice("inbound/list", [address("hello")])]);
    expect(await world.count("messages")).toBe(1);
    expect(await world.rows("select distinct message_id, state from frontdesk.raw_mail")).toHaveLength(1);
    expect(await world.count("message_mailboxes")).toBe(2);
    expect(await world.count("events")).toBe(3);
  });

  test("two copies in one batch are one message with both mailboxes", async () => {
    world.aws.put("mail", "inbound/a", mail());
    world.aws.put("mail", "inbound/b", mail());
    await ingest([sesNotice("inbound/a", [address("jobs")]), sesNotice("inbound/b", [address("hello")])]);
    expect(await world.count("messages")).toBe(1);
    expect(await world.count("message_mailboxes")).toBe(2);
  });

  test("the same Message-ID with other content is another message", async () => {
    world.aws.put("mail", "inbound/a", mail());
    world.aws.put("mail", "inbound/b", mail({ body: "Something else\r\n" }));
    await ingest([s3Notice("inbound/a"), s3Notice("inbound/b")]);
    expect(await world.count("messages")).toBe(2);
  });

  test("without a Message-ID every object is a message of its own", async () => {
    world.aws.put("mail", "inbound/a", mail({ headers: { "Message-ID": "" } }));
    world.aws.put("mail", "inbound/b", mail({ headers: { "Message-ID": "" } }));
    await ingest([s3Notice("inbound/a"), s3Notice("inbound/b")]);
    expect(await world.rows("select flags from frontdesk.messages")).toEqual([
      { flags: ["no-message-id", "untrusted"] },
      { flags: ["no-message-id", "untrusted"] },
    ]);
  });
});

describe("verdicts", () => {
  test.each(["spam", "virus"])("a failed %s check quarantines the message", async (check) => {
    world.aws.put("mail", key, mail());
    await ingest([sesNotice(key, [address("jobs")], { [check]: "FAIL" })]);
    expect(await world.rows("select state from frontdesk.messages")).toEqual([{ state: "quarantined" }]);
    expect(await world.rows("select state from frontdesk.raw_mail")).toEqual([{ state: "quarantined" }]);
    expect(await world.rows("select distinct type from frontdesk.events")).toEqual([
      { type: "mail.quarantined" },
    ]);
    expect(world.aws.buckets.get("mail")?.get(key)?.tags).toEqual({});
  });

  test("a verdict that comes later quarantines what was delivered, and says so on the same topics", async () => {
    world.aws.put("mail", key, mail());
    await ingest([s3Notice(key)]);
    await ingest([sesNotice(key, [address("jobs")], { virus: "FAIL" })]);
    expect(await world.rows("select state from frontdesk.messages")).toEqual([{ state: "quarantined" }]);
    expect(await world.rows("select state from frontdesk.thread_mailboxes")).toEqual([
      { state: "quarantined" },
    ]);
    expect(
      await world.rows("select seq, type from frontdesk.events where topic = $1 order by seq", [
        `mailbox:${world.mailbox.jobs}`,
      ]),
    ).toEqual([
      { seq: 1, type: "mail.received" },
      { seq: 2, type: "mail.quarantined" },
    ]);
  });

  test("without a verdict a message is untrusted, and a passing one clears it", async () => {
    world.aws.put("mail", key, mail());
    await ingest([s3Notice(key)]);
    expect(await world.rows("select flags from frontdesk.messages")).toEqual([{ flags: ["untrusted"] }]);
    await ingest([sesNotice(key, [address("jobs")])]);
    expect(await world.rows("select flags, trust->>'trusted' as trusted from frontdesk.messages")).toEqual([
      { flags: [], trusted: "true" },
    ]);
  });
});

describe("bad input", () => {
  test("what cannot be taken in fails alone with its cause; the good messages beside it arrive", async () => {
    world.aws.put("mail", "inbound/good", mail());
    const records = {
      notJson: delivery("hello {"),
      noNotice: delivery({ some: "thing" }),
      foreign: s3Notice("inbound/x", { bucket: "another" }),
      missing: s3Notice("inbound/missing"),
      good: s3Notice("inbound/good"),
    };
    const { failed } = await ingest(Object.values(records));
    expect(failed.sort()).toEqual(
      [records.notJson, records.noNotice, records.foreign, records.missing]
        .map(({ messageId }) => messageId)
        .sort(),
    );
    expect(await world.count("messages")).toBe(1);
    const causes = await world.rows<{ id: string; code: string }>(
      "select queue_message_id as id, code from frontdesk.failures",
    );
    expect(Object.fromEntries(causes.map(({ id, code }) => [id, code]))).toEqual({
      [records.notJson.messageId]: "notice_malformed",
      [records.noNotice.messageId]: "notice_malformed",
      [records.foreign.messageId]: "notice_foreign",
      [records.missing.messageId]: "object_missing",
    });
    expect(world.aws.calls.filter(({ key: name }) => name === "inbound/x")).toEqual([]);
  });

  test("test events and set-up notices are skipped", async () => {
    const { failed } = await ingest([
      delivery({ Service: "Amazon S3", Event: "s3:TestEvent", Bucket: "mail" }),
      delivery({ Type: "Notification", Message: '{"Event":"s3:TestEvent"}' }),
      delivery({ notificationType: "AmazonSnsSubscriptionSucceeded", message: "…" }),
      s3Notice("inbound/AMAZON_SES_SETUP_NOTIFICATION"),
      sesNotice("AMAZON_SES_SETUP_NOTIFICATION", []),
    ]);
    expect(failed).toEqual([]);
    expect(await world.count("raw_mail")).toBe(0);
    expect(await world.count("failures")).toBe(0);
  });

  test("an object beyond SES's largest message is not read to its end", async () => {
    world.aws.put("mail", key, Buffer.alloc(60 * 1024 * 1024, 0x61));
    const before = process.memoryUsage().arrayBuffers;
    const record = s3Notice(key);
    expect(await ingest([record])).toEqual({ failed: [record.messageId] });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(45 * 1024 * 1024);
    expect(await world.rows("select code from frontdesk.failures")).toEqual([{ code: "object_too_large" }]);
    expect(await world.rows("select state from frontdesk.raw_mail")).toEqual([{ state: "failed" }]);
  });

  test("garbage is stored and flagged", async () => {
    const garbage = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256));
    world.aws.put("mail", key, garbage);
    world.aws.put("mail", "inbound/empty", "");
    expect(await ingest([sesNotice(key, [address("jobs")]), s3Notice("inbound/empty")])).toEqual({
      failed: [],
    });
    const rows = await world.rows<{ flags: string[] }>("select flags from frontdesk.messages");
    expect(rows).toHaveLength(2);
    for (const { flags } of rows) expect(flags).toContain("malformed");
  });

  test("hostile header values neither break the row nor the index", async () => {
    world.aws.put(
      "mail",
      key,
      mail({
        headers: {
          Subject: `=?utf-8?Q?a=00b=ED=A0=80?= ${"x".repeat(100_000)}`,
          "Message-ID": `<${"m".repeat(800)}@example.org>`,
          References: Array.from({ length: 1_500 }, (_, index) => `<r${index}@example.org>`).join(" "),
          From: `"${"n".repeat(5_000)}" <${"f".repeat(5_000)}@example.org>`,
          Date: "Fri, 02 Jan 99999 03:04:00 +0000",
        },
      }),
    );
    expect(await ingest([sesNotice(key, [address("jobs")])])).toEqual({ failed: [] });
    const [row] = await world.rows<{
      subject: string;
      header_id: string;
      references: string[];
      sent_at: Date | null;
    }>('select subject, header_id, "references", sent_at from frontdesk.messages');
    expect(row?.subject.length).toBeLessThanOrEqual(2_000);
    expect(row?.header_id).toMatch(/^sha256:/);
    expect(row?.references.length).toBeLessThanOrEqual(50);
    expect(row?.references.at(-1)).toBe("r1499@example.org");
  });

  test("one message that the database refuses does not hold up its batch", async () => {
    world.aws.put("mail", "inbound/good", mail());
    world.aws.put(
      "mail",
      "inbound/bad",
      mail({ headers: { Subject: "poison", "Message-ID": "<bad@example.org>" } }),
    );
    const alter = (change: string) =>
      withClient({ connectionString: world.url }, (admin) =>
        admin.query(`alter table frontdesk.messages ${change}`),
      );
    await alter("add constraint no_poison check (subject <> 'poison')");
    onTestFinished(async () => {
      await alter("drop constraint no_poison");
    });
    const bad = s3Notice("inbound/bad");
    expect(await ingest([bad, s3Notice("inbound/good")])).toEqual({ failed: [bad.messageId] });
    expect(await world.rows("select subject from frontdesk.messages")).toEqual([{ subject: "A question" }]);
    const [failure] = await world.rows<{ cause: string }>("select cause from frontdesk.failures");
    expect(failure?.cause).toBe("PostgresError: SQLSTATE 23514 (messages no_poison)");
  });

  test("a failure that passes is tried again and then succeeds; the table keeps each attempt", async () => {
    world.aws.put("mail", key, mailWithAttachments(["one.pdf"]));
    world.aws.intercept = ({ operation }) => {
      if (operation === "PutObject") throw new Answer(403, "AccessDenied");
    };
    const record = s3Notice(key);
    expect(await ingest([record])).toEqual({ failed: [record.messageId] });
    expect(await ingest([{ ...record, attempt: 2 }])).toEqual({ failed: [record.messageId] });
    world.aws.intercept = undefined;
    expect(await ingest([{ ...record, attempt: 3 }])).toEqual({ failed: [] });
    await expectOne();
    expect(await world.rows("select attempt from frontdesk.failures order by attempt")).toEqual([
      { attempt: 1 },
      { attempt: 2 },
    ]);
  });

  test("no log line holds a body, an address of the envelope or a subject", async () => {
    world.aws.put("mail", key, mail({ headers: { Subject: "Very private" }, body: "Top secret\r\n" }));
    await ingest([sesNotice(key, [address("jobs")]), s3Notice("inbound/missing"), delivery("Top secret {")]);
    expect(world.logged.length).toBeGreaterThan(0);
    expect(world.logged.join("\n")).not.toMatch(/Top secret|Very private|noor@/);
  });
});
