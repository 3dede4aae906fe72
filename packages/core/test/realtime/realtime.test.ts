import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { provide as provideActor } from "../../src/actor/index.ts";
import * as clock from "../../src/clock/index.ts";
import * as database from "../../src/database/index.ts";
import { enqueue } from "../../src/jobs/index.ts";
import { expireTickets } from "../../src/jobs/types/expire-tickets.ts";
import { ingest } from "../../src/mail/index.ts";
import * as mailboxes from "../../src/mailboxes/index.ts";
import * as realtime from "../../src/realtime/index.ts";
import { upload } from "../media/support.ts";
import { Answer } from "../support/aws.ts";
import {
  address,
  as,
  createWorld,
  eventsReceived,
  join,
  listen,
  mail,
  received,
  sesNotice,
  signIn,
  type TestUser,
  type World,
} from "../support/world.ts";

let world: World;
let admin: TestUser;
let recruiter: TestUser;
let restoreClock = () => {};
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(async () => {
  await world.reset();
  admin = await signIn("admin", "admin");
  recruiter = await signIn("recruiter", "recruiter");
});
afterEach(() => restoreClock());

/** Stops at a moment that `advance` moves. */
function stopClock() {
  let at = Date.now();
  const advance = (ms: number) => {
    at += ms;
  };
  restoreClock = clock.provide({ now: () => at, sleep: async (ms) => advance(ms) });
  return { advance };
}

const topic = (mailbox: string) => `mailbox:${world.mailbox[mailbox]}`;
const publish = (...events: realtime.NewEvent[]) => database.transaction(() => realtime.publish(events));
const event = (name: string, number: number): realtime.NewEvent => ({
  topic: name,
  type: "test.happened",
  data: { number },
});
const say = (id: string, message: object) => realtime.receive(id, JSON.stringify(message));
const seqs = (id: string) => eventsReceived(world, id).map(({ seq }) => seq);

describe("tickets", () => {
  const ticketFor = (user: TestUser, origin?: string) => as(user, () => realtime.createTicket({ origin }));

  test("a ticket is for one connection of its user", async () => {
    const { ticket, url } = await ticketFor(recruiter);
    expect(url).toContain(`ticket=${ticket}`);
    expect(await realtime.redeemTicket(ticket, undefined)).toEqual({
      userId: recruiter.userId,
      roles: ["recruiter"],
    });
    expect(await realtime.redeemTicket(ticket, undefined)).toBeUndefined();
  });

  test("two who redeem one ticket at once: one gets in", async () => {
    const { ticket } = await ticketFor(recruiter);
    const results = await Promise.all([1, 2, 3, 4].map(() => realtime.redeemTicket(ticket, undefined)));
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  test("a ticket ends after 30 seconds", async () => {
    const { advance } = stopClock();
    const { ticket } = await ticketFor(recruiter);
    advance(30_000);
    expect(await realtime.redeemTicket(ticket, undefined)).toBeUndefined();
  });

  test("a ticket of an origin is good for that origin only, and no other site may use any", async () => {
    const console = "https://console.desk.test";
    const first = await ticketFor(recruiter, console);
    expect(await realtime.redeemTicket(first.ticket, "https://evil.test")).toBeUndefined();
    const second = await ticketFor(recruiter, console);
    expect(await realtime.redeemTicket(second.ticket, undefined)).toBeUndefined();
    const third = await ticketFor(recruiter, console);
    expect(await realtime.redeemTicket(third.ticket, console)).toBeDefined();
    const program = await ticketFor(recruiter);
    expect(await realtime.redeemTicket(program.ticket, "https://evil.test")).toBeUndefined();
    await expect(ticketFor(recruiter, "https://evil.test")).rejects.toMatchObject({
      code: "origin_not_allowed",
    });
  });

  test("the table does not hold what would let somebody in", async () => {
    const { ticket } = await ticketFor(recruiter);
    const rows = await world.rows("select * from frontdesk.tickets");
    expect(JSON.stringify(rows)).not.toContain(ticket);
  });

  test("what is no ticket is refused", async () => {
    for (const ticket of ["", "x", "x".repeat(10_000), "' or 1=1 --"])
      expect(await realtime.redeemTicket(ticket, undefined)).toBeUndefined();
  });
});

describe("subscriptions", () => {
  test("a subscriber gets what comes, in order, once, after its confirmation", async () => {
    await listen(world, "c", admin, topic("jobs"));
    await publish(event(topic("jobs"), 1), event(topic("jobs"), 2));
    await publish(event(topic("hello"), 1));
    await publish(event(topic("jobs"), 3));
    expect(received(world, "c")).toEqual([
      { action: "subscribed", topic: topic("jobs"), seq: 0 },
      ...[1, 2, 3].map((seq) => ({
        action: "event",
        topic: topic("jobs"),
        seq,
        type: "test.happened",
        data: { number: seq },
      })),
    ]);
  });

  test("`after` replays the gap exactly, however long, and goes on live", async () => {
    for (let number = 1; number <= 250; number++) await publish(event(topic("jobs"), number));
    world.aws.connections.set("c", []);
    await realtime.connect("c", admin);
    await say("c", { action: "subscribe", topic: topic("jobs"), after: 7 });
    await publish(event(topic("jobs"), 251));
    expect(seqs("c")).toEqual(Array.from({ length: 244 }, (_, index) => index + 8));
  });

  test("subscribing while events are written loses none and repeats none", async () => {
    world.aws.connections.set("c", []);
    await realtime.connect("c", admin);
    await Promise.all([
      ...Array.from({ length: 30 }, (_, index) => publish(event(topic("jobs"), index))),
      say("c", { action: "subscribe", topic: topic("jobs"), after: 0 }),
    ]);
    await realtime.push();
    expect(seqs("c")).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  test("many subscribers and many writers at once: everybody gets everything once, in order", async () => {
    const ids = Array.from({ length: 15 }, (_, index) => `c${index}`);
    for (const id of ids) await listen(world, id, admin, topic("jobs"), topic("hello"));
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        publish(event(topic("jobs"), index), event(topic("hello"), index)),
      ),
    );
    for (const id of ids)
      for (const name of [topic("jobs"), topic("hello")])
        expect(
          eventsReceived(world, id)
            .filter((message) => message.topic === name)
            .map(({ seq }) => seq),
        ).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  test("unsubscribe, ping, and what is wrong with a message are answered", async () => {
    await listen(world, "c", admin, topic("jobs"));
    await say("c", { action: "unsubscribe", topic: topic("jobs") });
    await publish(event(topic("jobs"), 1));
    await say("c", { action: "ping" });
    await realtime.receive("c", "not json {");
    await say("c", { action: "explode" });
    await say("c", { action: "subscribe", topic: "mailbox:'; drop table" });
    await say("c", { action: "subscribe", topic: topic("jobs"), after: -1 });
    expect(received(world, "c").slice(1)).toMatchObject([
      { action: "unsubscribed", topic: topic("jobs") },
      { action: "pong" },
      { action: "error", code: "not_json" },
      { action: "error", code: "invalid_input" },
      { action: "error", code: "invalid_input" },
      { action: "error", code: "invalid_input" },
    ]);
  });

  test("a message from a connection that is not there is dropped", async () => {
    await say("unknown", { action: "ping" });
    expect(world.aws.calls.filter(({ operation }) => operation === "PostToConnection")).toEqual([]);
  });
});

describe("who may listen", () => {
  test("members to their mailboxes, everybody to themselves, nobody to anything else", async () => {
    await join(world, recruiter, "jobs");
    await listen(
      world,
      "c",
      recruiter,
      topic("jobs"),
      topic("hello"),
      `user:${recruiter.userId}`,
      `user:${admin.userId}`,
      "queues",
    );
    expect(received(world, "c").map(({ action, topic: name }) => [action, name])).toEqual([
      ["subscribed", topic("jobs")],
      ["error", topic("hello")],
      ["subscribed", `user:${recruiter.userId}`],
      ["error", `user:${admin.userId}`],
      ["error", "queues"],
    ]);
  });

  test("an administrator to every topic that there is of the kinds that domains publish, and to no other person's own", async () => {
    const { id: job } = await as(recruiter, () => enqueue(expireTickets, {}));
    world.aws.put("mail", "inbound/a", mail());
    await ingest([sesNotice("inbound/a", [address("jobs")])]);
    const [thread] = await world.rows<{ id: string }>("select id from frontdesk.threads");
    const media = await upload(world, recruiter, "picture one");
    const topics = [
      topic("jobs"),
      `thread:${thread?.id}`,
      `job:${job}`,
      `media:${media}`,
      `user:${admin.userId}`,
      "queues",
    ];
    const none = [`user:${recruiter.userId}`, "job:job_none", "media:med_none", "queues:all", "jobs", "user"];
    await listen(world, "admin", admin, ...topics, ...none);
    expect(received(world, "admin").map(({ action, topic: name }) => [action, name])).toEqual([
      ...topics.map((name) => ["subscribed", name]),
      ...none.map((name) => ["error", name]),
    ]);
    // Whose they are, and members; nobody else.
    await join(world, recruiter, "jobs");
    const viewer = await signIn("viewer", "viewer");
    await listen(world, "owner", recruiter, `job:${job}`, `media:${media}`, "queues");
    await listen(world, "viewer", viewer, ...topics);
    expect(received(world, "owner").map(({ action }) => action)).toEqual([
      "subscribed",
      "subscribed",
      "error",
    ]);
    expect(received(world, "viewer").map(({ action }) => action)).toEqual(topics.map(() => "error"));
  });

  test("a thread is for those who see one of its messages, and tells them no other mailbox's", async () => {
    await join(world, recruiter, "jobs");
    world.aws.put("mail", "inbound/a", mail());
    world.aws.put(
      "mail",
      "inbound/b",
      mail({ headers: { "Message-ID": "<b@x>", References: "<question@example.org>" } }),
    );
    await ingest([sesNotice("inbound/a", [address("jobs"), address("hello")])]);
    const [thread] = await world.rows<{ id: string }>("select id from frontdesk.threads");
    const viewer = await signIn("viewer", "viewer");
    await listen(world, "in", recruiter, `thread:${thread?.id}`);
    await listen(world, "out", viewer, `thread:${thread?.id}`);
    await listen(world, "all", admin, `thread:${thread?.id}`);
    await ingest([sesNotice("inbound/b", [address("payroll")])]);
    expect(received(world, "out")).toMatchObject([{ action: "error", code: "topic_not_found" }]);
    expect(eventsReceived(world, "in")).toMatchObject([
      { seq: 2, type: "mail.received", data: { withheld: true } },
    ]);
    expect(eventsReceived(world, "all")).toMatchObject([
      { seq: 2, data: { mailboxIds: [world.mailbox.payroll] } },
    ]);
  });

  test("an event names only those mailboxes that its reader is a member of", async () => {
    await join(world, recruiter, "jobs");
    await listen(world, "c", recruiter, topic("jobs"));
    world.aws.put("mail", "inbound/a", mail());
    await ingest([sesNotice("inbound/a", [address("jobs"), address("payroll")])]);
    expect(eventsReceived(world, "c")).toMatchObject([{ data: { mailboxIds: [world.mailbox.jobs] } }]);
    expect(JSON.stringify(received(world, "c"))).not.toContain(world.mailbox.payroll);
  });

  test("who loses a mailbox loses its topics at once", async () => {
    await join(world, recruiter, "jobs");
    world.aws.put("mail", "inbound/a", mail());
    await ingest([sesNotice("inbound/a", [address("jobs")])]);
    const [thread] = await world.rows<{ id: string }>("select id from frontdesk.threads");
    await listen(world, "c", recruiter, topic("jobs"), `thread:${thread?.id}`, `user:${recruiter.userId}`);
    await provideActor({ actor: admin }, () =>
      mailboxes.setMembership({ mailbox: address("jobs"), email: recruiter.email, member: false }),
    );
    await publish(
      event(topic("jobs"), 1),
      event(`thread:${thread?.id}`, 1),
      event(`user:${recruiter.userId}`, 1),
    );
    expect(eventsReceived(world, "c").map(({ topic: name }) => name)).toEqual([`user:${recruiter.userId}`]);
  });
});

describe("pushes that fail", () => {
  test("a connection is removed only when it is gone twice over", async () => {
    await listen(world, "gone", admin, topic("jobs"));
    await listen(world, "there", admin, topic("jobs"));
    world.aws.connections.delete("gone");
    await publish(event(topic("jobs"), 1));
    expect(await world.rows("select id from frontdesk.connections")).toEqual([{ id: "there" }]);
    expect(world.aws.calls.filter(({ operation }) => operation === "GetConnection")).toHaveLength(1);
    expect(seqs("there")).toEqual([1]);
  });

  test("a 410 for a connection that is there costs nothing: the event follows later", async () => {
    const { advance } = stopClock();
    await listen(world, "c", admin, topic("jobs"));
    let lies = 1;
    world.aws.intercept = ({ operation }) => {
      if (operation === "PostToConnection" && lies-- > 0) throw new Answer(410, "GoneException");
    };
    await publish(event(topic("jobs"), 1));
    expect(seqs("c")).toEqual([]);
    await realtime.sweep();
    expect(seqs("c")).toEqual([]);
    advance(60_000);
    await realtime.sweep();
    expect(seqs("c")).toEqual([1]);
    await realtime.sweep();
    expect(seqs("c")).toEqual([1]);
  });

  test("a slow or broken connection does not hold up the others, and loses nothing", async () => {
    const { advance } = stopClock();
    for (const id of ["a", "broken", "z"]) await listen(world, id, admin, topic("jobs"));
    world.aws.intercept = ({ operation, key }) => {
      if (operation === "PostToConnection" && key === "broken")
        throw new Answer(500, "InternalServerException");
    };
    await publish(event(topic("jobs"), 1));
    await publish(event(topic("jobs"), 2));
    expect([seqs("a"), seqs("broken"), seqs("z")]).toEqual([[1, 2], [], [1, 2]]);
    world.aws.intercept = undefined;
    advance(120_000);
    await realtime.sweep();
    expect(seqs("broken")).toEqual([1, 2]);
  });

  test("what a dead pusher had in work is taken over when its lease ends", async () => {
    const { advance } = stopClock();
    await listen(world, "c", admin, topic("jobs"));
    await world.rows("update frontdesk.connections set leased_by = 'dead', leased_until = $1", [
      new Date(clock.now() + 30_000),
    ]);
    await publish(event(topic("jobs"), 1));
    expect(seqs("c")).toEqual([]);
    advance(30_001);
    await realtime.sweep();
    expect(seqs("c")).toEqual([1]);
  });

  test("the sweep drops what has outlived its time", async () => {
    const { advance } = stopClock();
    await listen(world, "c", admin, topic("jobs"));
    await as(admin, () => realtime.createTicket({}));
    advance(2 * 60 * 60_000);
    await realtime.sweep();
    expect(
      await Promise.all(["connections", "subscriptions", "tickets"].map((name) => world.count(name))),
    ).toEqual([0, 0, 0]);
  });
});

describe("events", () => {
  test("numbers that a rollback drew are drawn again", async () => {
    await publish(event(topic("jobs"), 1));
    await expect(
      database.transaction(async () => {
        await realtime.publish([event(topic("jobs"), 2)]);
        throw new Error("rolled back");
      }),
    ).rejects.toThrow("rolled back");
    await publish(event(topic("jobs"), 3));
    expect(
      await world.rows("select seq, data->'number' as number from frontdesk.events order by seq"),
    ).toEqual([
      { seq: 1, number: 1 },
      { seq: 2, number: 3 },
    ]);
  });

  test("nothing is pushed for a transaction that did not commit", async () => {
    await listen(world, "c", admin, topic("jobs"));
    await database
      .transaction(async () => {
        await realtime.publish([event(topic("jobs"), 1)]);
        throw new Error("no");
      })
      .catch(() => undefined);
    expect(seqs("c")).toEqual([]);
  });

  test("an event outside of a transaction is refused", async () => {
    await expect(realtime.publish([event(topic("jobs"), 1)])).rejects.toThrow("in the transaction");
  });

  test("an event that does not fit into a frame is cut to its identifiers, with where to get the rest", async () => {
    await listen(world, "c", admin, topic("jobs"));
    await publish({
      topic: topic("jobs"),
      type: "mail.received",
      data: { messageId: "msg_1", threadId: "thr_1", subject: "ü".repeat(40_000) },
    });
    const [text] = world.aws.connections.get("c")?.slice(1) ?? [];
    expect(Buffer.byteLength(text ?? "")).toBeLessThanOrEqual(realtime.frameBytes);
    expect(eventsReceived(world, "c")).toMatchObject([
      { data: { messageId: "msg_1", threadId: "thr_1", truncated: true, fetch: "/messages/msg_1" } },
    ]);
  });
});
