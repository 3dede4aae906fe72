import { describe, expect, test } from "vitest";
import type { Listener } from "../../scripts/demo/inbox.ts";
import { newKey, noticeMail, putMail } from "../support/ses.ts";
import { type Letter, letter } from "./support/letters.ts";
import { systemPerFile } from "./support/per-file.ts";
import { killFunction } from "./support/processes.ts";
import type { SignedIn, System } from "./support/system.ts";

type Fault = Parameters<System["app"]["cloud"]["faults"]["add"]>[0];

let system: System;
let admin: SignedIn;
systemPerFile((started, signedIn) => {
  system = started;
  admin = signedIn;
});

const consumer = () => String(system.graph.links.EmailConsumer?.name);
const attachments = [
  { filename: "one.txt", content: "one" },
  { filename: "two.txt", content: "two" },
];

/** What is still under way: on its way to the queue, in it, in the outbox, owed to a socket. */
async function owed(letters: Letter[]): Promise<number> {
  const { visible, inFlight, delayed } = system.app.ports.sqs.counts(system.queue("EmailQueue"));
  const [row] = await system.sql<{ count: number }>(
    `select (select count(*) from frontdesk.outbox)::int
          + (select count(*) from frontdesk.raw_mail where state = 'received')::int
          + (select count(*) from frontdesk.subscriptions s join frontdesk.topics t using (topic)
              where s.sent_seq < t.seq)::int
          + (select count(*) from unnest($1::text[]) as wanted (id)
              where not exists (select from frontdesk.messages where header_id = wanted.id))::int as count`,
    [letters.map(({ headerId }) => headerId)],
  );
  return visible + inFlight + delayed + (row?.count ?? 0);
}

/** Lets a minute's sweep and a visibility timeout come, as often as it takes, until nothing is owed any more. */
async function settle(...letters: Letter[]): Promise<void> {
  for (let round = 0; round < 6; round++) {
    await system.quiet();
    if ((await owed(letters)) === 0) return;
    await system.pass(61_000);
    await system.invoke("OutboxSweep");
    await system.quiet();
    if ((await owed(letters)) === 0) return;
    await system.pass(300_000);
  }
  throw new Error(`something is still owed:\n${system.log.slice(-30).join("\n")}`);
}

/** Everything about one message is there, and once. */
async function expectOnce(one: Letter): Promise<void> {
  const { id } = await system.stored(one.headerId);
  const [row] = await system.sql(
    `select (select count(*) from frontdesk.attachments where message_id = $1)::int as attachments,
            (select count(*) from frontdesk.message_mailboxes where message_id = $1)::int as mailboxes,
            (select count(*) from frontdesk.events where data ->> 'messageId' = $1 and topic like 'mailbox:%')::int as events`,
    [id],
  );
  expect(row).toEqual({ attachments: 2, mailboxes: 1, events: 1 });
  const dead = system.app.ports.sqs.counts(system.queue("EmailDeadLetterQueue"));
  expect(dead.visible).toBe(0);
}

/** Numbers that a socket got of a topic. What was posted and not written down may come again, under its number. */
const numbers = (socket: Listener) => [...new Set(socket.events.map(({ seq }) => seq))];

const down = { error: { code: "ServiceUnavailable", status: 503 } };
const cut = { disconnect: true } as const;

describe("whatever fails once or thrice, the message is there once, announced once", () => {
  const home = () => new RegExp(`:${system.graph.links.HomeBucket?.name}/`);
  const queue = () => system.queue("EmailQueue");
  test.each<[string, () => Fault]>([
    [
      "S3 is down when the mail is read",
      () => ({ service: "s3", operation: "GetObject", times: 3, effect: down }),
    ],
    [
      "S3 cuts the line when the mail is read",
      () => ({ service: "s3", operation: "GetObject", times: 3, effect: cut }),
    ],
    [
      "S3 takes no attachments",
      () => ({ service: "s3", operation: "PutObject", resource: home(), times: 3, effect: down }),
    ],
    [
      "S3 takes the attachments, and its answers are lost",
      () => ({
        service: "s3",
        operation: "PutObject",
        resource: home(),
        times: 4,
        phase: "after",
        effect: cut,
      }),
    ],
    [
      "S3 does not tag what was delivered",
      () => ({ service: "s3", operation: "PutObjectTagging", times: 3, effect: down }),
    ],
    [
      "the bucket cannot tell the topic",
      () => ({ service: "sns", operation: "Publish", times: 1, effect: down }),
    ],
    [
      "the queue takes nothing from the topic",
      () => ({ service: "sqs", operation: "SendMessage", resource: queue(), times: 2, effect: down }),
    ],
    [
      "the queue takes the notices, and its answers are lost",
      () => ({
        service: "sqs",
        operation: "SendMessage",
        resource: queue(),
        times: 2,
        phase: "after",
        effect: down,
      }),
    ],
    [
      "the queue does not forget what was handled",
      () => ({ service: "sqs", operation: "DeleteMessage", resource: queue(), times: 2, effect: down }),
    ],
    [
      "the consumer's answer is lost",
      () => ({
        service: "lambda",
        operation: "Invoke",
        resource: system.fn("EmailConsumer"),
        phase: "after",
        effect: down,
      }),
    ],
    [
      "the consumer is throttled",
      () => ({
        service: "lambda",
        operation: "Invoke",
        resource: system.fn("EmailConsumer"),
        effect: { error: { code: "TooManyRequestsException", status: 429 } },
      }),
    ],
    ["the secret of the cache cannot be read", () => ({ service: "secretsmanager", times: 3, effect: down })],
  ])("%s", async (_, fault) => {
    const { jobs } = system.mailbox;
    const socket = await admin.listen(`mailbox:${jobs.id}`);
    const one = await letter([jobs.address], { attachments });
    const key = newKey(system.app);
    const added = fault();
    system.app.cloud.faults.add(added);
    await putMail(system.app, key, one.raw);
    if (added.service !== "sns") await noticeMail(system.app, { key, recipients: [jobs.address] });
    await settle(one);
    await expectOnce(one);
    await socket.until(() => socket.events.length > 0, 20_000);
    expect(numbers(socket)).toHaveLength(1);
    socket.close();
  });

  test("SES cannot tell the topic: the sender is asked to come again, and what comes again is one message", async () => {
    const { jobs } = system.mailbox;
    const one = await letter([jobs.address], { attachments });
    const fault: Fault = { service: "sns", operation: "Publish", times: 2, effect: down };
    system.app.cloud.faults.add(fault);
    const [first] = await system.send(one);
    expect(first).toMatchObject({ accepted: false, response: expect.stringMatching(/\b451\b/) });
    system.app.cloud.faults.clear();
    const [second] = await system.send(one);
    expect(second?.accepted).toBe(true);
    await settle(one);
    const { id } =
      (
        await system.sql<{ id: string }>("select id from frontdesk.messages where header_id = $1", [
          one.headerId,
        ])
      )[0] ?? {};
    const events = await system.sql(
      "select 1 from frontdesk.events where data ->> 'messageId' = $1 and topic like 'mailbox:%'",
      [id],
    );
    expect(events).toHaveLength(1);
  });

  test("the database refuses connections, then comes back", async () => {
    const { jobs } = system.mailbox;
    killFunction(consumer());
    system.app.cloud.faults.add({ service: "rds-db", operation: "connect", times: 3, effect: down });
    const one = await letter([jobs.address], { attachments });
    await system.send(one);
    await settle(one);
    await expectOnce(one);
  });

  test("the database ends every connection while a message is taken in", async () => {
    const { jobs } = system.mailbox;
    const one = await letter([jobs.address], { attachments });
    let ended: Promise<unknown> | undefined;
    const stop = system.app.cloud.observer.on(({ kind, detail }) => {
      if (kind !== "s3.put" || !String(detail.key).startsWith("attachments/")) return;
      ended ??= system.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'frontdesk_app'",
      );
    });
    await system.send(one);
    await settle(one);
    stop();
    await ended;
    expect(ended).toBeDefined();
    await expectOnce(one);
  });
});

describe("a consumer that is killed", () => {
  /** Kills the consumer as soon as something is seen. */
  function killAt(seen: (kind: string, detail: Record<string, unknown>) => boolean) {
    let killed = 0;
    const stop = system.app.cloud.observer.on(({ kind, detail }) => {
      if (killed === 0 && seen(kind, detail)) killed = killFunction(consumer());
    });
    return () => {
      stop();
      return killed;
    };
  }

  test("between its attachments and its commit leaves one message with one set of attachments", async () => {
    const { jobs } = system.mailbox;
    const from = system.observed.length;
    const one = await letter([jobs.address], { attachments });
    const killed = killAt((kind, { key }) => kind === "s3.put" && String(key).startsWith("attachments/"));
    await system.send(one);
    await settle(one);
    expect(killed()).toBeGreaterThan(0);
    await expectOnce(one);
    const keys = system.observed
      .slice(from)
      .filter(({ kind, detail }) => kind === "s3.put" && String(detail.key).startsWith("attachments/"))
      .map(({ detail }) => detail.key);
    expect(new Set(keys).size).toBe(2);
  });

  test("after its commit, in the middle of its pushes, owes nobody anything in the end", async () => {
    const { jobs } = system.mailbox;
    const sockets = await Promise.all([1, 2, 3].map(() => admin.listen(`mailbox:${jobs.id}`)));
    const one = await letter([jobs.address], { attachments });
    const killed = killAt((kind) => kind === "ws.post");
    await system.send(one);
    await settle(one);
    expect(killed()).toBeGreaterThan(0);
    await expectOnce(one);
    for (const socket of sockets) {
      await socket.until(() => socket.events.length > 0, 20_000);
      expect(numbers(socket)).toHaveLength(1);
      socket.close();
    }
  });
});

describe("the sweep", () => {
  test.each([
    "before",
    "after",
  ] as const)("brings pushes that failed %s they took effect, in order and without a gap", async (phase) => {
    const { payroll } = system.mailbox;
    const socket = await admin.listen(`mailbox:${payroll.id}`);
    system.app.cloud.faults.add({
      service: "execute-api",
      operation: "PostToConnection",
      phase,
      times: 100,
      effect: down,
    });
    const letters = await Promise.all([1, 2, 3].map(() => letter([payroll.address], { attachments })));
    for (const one of letters) await system.deliver(one);
    if (phase === "before") expect(socket.events).toEqual([]);
    system.app.cloud.faults.clear();
    await settle(...letters);
    await socket.until(() => numbers(socket).length === 3, 20_000);
    const [first = 0] = numbers(socket);
    expect(numbers(socket)).toEqual([first, first + 1, first + 2]);
    for (const one of letters) await expectOnce(one);
    socket.close();
  });

  test("finds mail of which both notices were lost", async () => {
    const one = await letter([system.mailbox.jobs.address], { attachments });
    // It leaves alone what is younger than a quarter of an hour.
    const key = await system.forget(one.raw, 20 * 60_000);
    await expect(system.stored(one.headerId)).rejects.toThrow(/0 messages/);
    await system.invoke("OutboxSweep");
    await settle(one);
    await expectOnce(one);
    expect((await system.stored(one.headerId)).key).toBe(key);
  });
});
