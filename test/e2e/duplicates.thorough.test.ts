import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { newKey, noticeMail, putMail } from "../support/ses.ts";
import { type Letter, letter } from "./support/letters.ts";
import { type SignedIn, type System, startSystem } from "./support/system.ts";

let system: System;
let admin: SignedIn;
beforeAll(async () => {
  system = await startSystem({ template: inject("templateState") });
  admin = await system.signIn("admin");
});
afterAll(() => system?.stop());

/** What a message has become: every row of it, and every event about it. */
async function traces({ headerId }: Letter) {
  const [row] = await system.sql<Record<string, number>>(
    `select (select count(*)::int from frontdesk.messages where header_id = $1) as messages,
            (select count(*)::int from frontdesk.raw_mail r join frontdesk.messages m on m.id = r.message_id
              where m.header_id = $1) as objects,
            (select count(*)::int from frontdesk.attachments a join frontdesk.messages m on m.id = a.message_id
              where m.header_id = $1) as attachments,
            (select count(*)::int from frontdesk.message_recipients a join frontdesk.messages m on m.id = a.message_id
              where m.header_id = $1) as recipients,
            (select count(*)::int from frontdesk.events e join frontdesk.messages m on m.id = e.data ->> 'messageId'
              where m.header_id = $1 and e.topic like 'mailbox:%') as events`,
    [headerId],
  );
  return row;
}
const once = { messages: 1, objects: 1, attachments: 2, recipients: 1, events: 1 };
const attachments = [
  { filename: "one.txt", content: "one" },
  { filename: "two.txt", content: "two" },
];

/** Objects of a message in the home bucket. */
const stray = (id: string) =>
  system.observed
    .filter(({ kind, detail }) => kind === "s3.put" && String(detail.key).includes(id))
    .map(({ detail }) => String(detail.key));

test("the same notice three times at the same time gives one message, one event, one push and one set of attachments", async () => {
  const { jobs } = system.mailbox;
  const socket = await admin.listen(`mailbox:${jobs.id}`);
  const one = await letter([jobs.address], { attachments });
  const key = newKey(system.app);
  await putMail(system.app, key, one.raw);
  await Promise.all([1, 2, 3].map(() => noticeMail(system.app, { key, recipients: [jobs.address] })));
  await system.handled(4);
  expect(await traces(one)).toEqual(once);
  const { id } = await system.stored(one.headerId);
  // A consumer that came second may have put the same bytes under the same keys, never under others.
  expect(new Set(stray(id)).size).toBe(2);
  await socket.until(() => socket.events.length >= 1, 20_000);
  // What is pushed after the next message would come after this one.
  const next = await letter([jobs.address]);
  await system.deliver(next);
  await socket.until(() => socket.events.some(({ data }) => data.messageId !== id), 20_000);
  socket.close();
  expect(socket.events.filter(({ data }) => data.messageId === id)).toHaveLength(1);
});

test.each([
  "S3's notice first, SES's after it was stored",
  "SES's notice first, S3's after it was stored",
])("%s: the message is there once, with its envelope", async (order) => {
  const { jobs, payroll } = system.mailbox;
  const one = await letter([jobs.address], { attachments });
  const key = newKey(system.app);
  const envelope = { key, recipients: [jobs.address, payroll.address] };
  if (order.startsWith("SES")) {
    // The bucket's first try to tell the topic fails; it tries again a second later.
    const { faults } = system.app.cloud;
    faults.add({ service: "sns", operation: "Publish", effect: refusal });
    await putMail(system.app, key, one.raw);
    // It tells beside the put: a notice of ours that came before it would be the one to fail.
    while (faults.pending() > 0) await setImmediate();
    await noticeMail(system.app, envelope);
    await system.handled(1);
    system.app.cloud.clock.advance(1000);
    await system.handled(1);
  } else {
    await putMail(system.app, key, one.raw);
    await system.handled(1);
    await noticeMail(system.app, envelope);
    await system.handled(1);
  }
  expect(await traces(one)).toEqual({ ...once, events: 2 });
  const { id } = await system.stored(one.headerId);
  const message = await admin.api.get<{ mailboxIds: string[]; trust: { source: string } }>(`/messages/${id}`);
  expect(message.mailboxIds).toEqual([jobs.id, payroll.id].sort());
  expect(message.trust.source).toBe("ses-notice");
});
const refusal = { error: { code: "InternalError", status: 500 } };

test("a late notice of SES adds the mailbox that was in Bcc, announces it there, and nowhere again", async () => {
  const { jobs, hello } = system.mailbox;
  const socket = await admin.listen(`mailbox:${jobs.id}`, `mailbox:${hello.id}`);
  const one = await letter([jobs.address, hello.address], { to: jobs.address });
  const key = newKey(system.app);
  await putMail(system.app, key, one.raw);
  await system.handled(1);
  const { id } = await system.stored(one.headerId);
  await socket.until(() => socket.events.length >= 1, 20_000);
  expect(socket.events.map(({ topic }) => topic)).toEqual([`mailbox:${jobs.id}`]);

  await noticeMail(system.app, { key, recipients: one.recipients });
  await system.handled(1);
  await socket.until(() => socket.events.length >= 2, 20_000);
  expect(socket.events.map(({ topic, data }) => [topic, data.messageId])).toEqual([
    [`mailbox:${jobs.id}`, id],
    [`mailbox:${hello.id}`, id],
  ]);
  socket.close();
});

test("a verdict that comes late takes the message out of sight", async () => {
  const { jobs } = system.mailbox;
  const one = await letter([jobs.address]);
  const key = newKey(system.app);
  await putMail(system.app, key, one.raw);
  await system.handled(1);
  const { id } = await system.stored(one.headerId);
  await noticeMail(system.app, { key, recipients: [jobs.address], verdicts: { virus: "FAIL" } });
  await system.handled(1);
  expect(await admin.api.get(`/messages/${id}`)).toMatchObject({ state: "quarantined" });
  const viewer = await system.signIn("viewer");
  expect((await viewer.fetch(`/messages/${id}/raw`)).status).toBe(403);
});

test("one message by two routes, with the same Message-ID and content, is one message in the mailboxes of both", async () => {
  const { jobs, payroll } = system.mailbox;
  const one = await letter([jobs.address], { attachments });
  await system.deliver(one, { ...one, recipients: [payroll.address] });
  expect(await traces(one)).toMatchObject({ messages: 1, objects: 2, attachments: 2, events: 2 });
});

test("hundreds of messages whose notices come several times arrive once each, without a gap in any topic", async () => {
  const { jobs, payroll, hello } = system.mailbox;
  const boxes = [jobs, payroll, hello];
  const topics = boxes.map(({ id }) => `mailbox:${id}`);
  const socket = await admin.listen(...topics);
  const count = 300;
  const letters = await Promise.all(
    Array.from({ length: count }, (_, index) => letter([boxes[index % boxes.length]?.address ?? ""])),
  );
  await Promise.all(
    letters.map(async (one, index) => {
      const key = newKey(system.app);
      await putMail(system.app, key, one.raw);
      const copies = 1 + (index % 3);
      for (let copy = 0; copy < copies; copy++)
        await noticeMail(system.app, { key, recipients: one.recipients });
    }),
  );
  await system.handled(3 * count);
  const ids = await system.sql<{ id: string }>(
    "select id from frontdesk.messages where header_id = any($1)",
    [letters.map(({ headerId }) => headerId)],
  );
  expect(ids).toHaveLength(count);
  await socket.until(() => socket.events.length >= count, 20_000);
  socket.close();
  expect(socket.events.map(({ data }) => data.messageId).sort()).toEqual(ids.map(({ id }) => id).sort());
  for (const topic of topics) {
    const seqs = socket.events.filter((event) => event.topic === topic).map(({ seq }) => seq);
    const [first = 0] = seqs;
    expect(seqs).toEqual(seqs.map((_, index) => first + index));
  }
  const gaps = await system.sql(
    `select topic from frontdesk.events group by topic having count(*) <> max(seq) or min(seq) <> 1
      union select topic from frontdesk.topics t where seq <> (select count(*) from frontdesk.events e where e.topic = t.topic)`,
  );
  expect(gaps).toEqual([]);
});
