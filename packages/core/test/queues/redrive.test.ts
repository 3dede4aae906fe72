import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as faults from "../../src/faults/index.ts";
import * as outbox from "../../src/outbox/index.ts";
import { cancelRedrive, list, listOperations, listQueues, redrive, remove } from "../../src/queues/index.ts";
import { Answer } from "../support/aws.ts";
import { createWorld, eventsReceived, listen, s3Notice, signIn, type World } from "../support/world.ts";
import { advance, asAdmin, bury, moveClock, places, sent } from "./support.ts";

let world: World;
let restoreClock: () => void;
beforeAll(async () => {
  world = await createWorld();
  restoreClock = moveClock(world);
});
afterAll(async () => {
  restoreClock();
  await world.stop();
});
beforeEach(() => world.reset());

const { dead } = places.email;
const name = "email" as const;
const waiting = async () =>
  (await list({ name, limit: 100 })).letters.map(({ messageId }) => messageId).toSorted();
const left = () =>
  world.aws.queues
    .of(dead)
    .map(({ id }) => id)
    .toSorted();
const one = (messageId: string, body?: string) =>
  redrive({ name, what: { messages: [{ messageId, ...(body !== undefined && { body }) }] } });
/** Past the time in which a look is fresh, and hidden letters are back. */
const later = () => advance(world, 31_000);

describe("chosen letters", () => {
  test("go back to their queue and out of the dead-letter queue; the others stay; who did it is recorded", async () => {
    const [a, b, c] = [
      await bury(world, name, "a"),
      await bury(world, name, "b"),
      await bury(world, name, "c"),
    ];
    await asAdmin(async (admin) => {
      const { results, operation } = await redrive({
        name,
        what: { messages: [{ messageId: a }, { messageId: c }] },
      });
      expect(results).toEqual([a, c].map((messageId) => ({ messageId, outcome: "redriven" })));
      expect(sent(world, name).toSorted()).toEqual(["a", "c"]);
      expect(left()).toEqual([b]);
      expect(operation).toMatchObject({
        kind: "redrive",
        state: "completed",
        letters: 2,
        edited: 0,
        moved: 2,
      });
      const { operations } = await listOperations({ name });
      expect(operations).toMatchObject([{ id: operation?.id, by: { id: admin.userId, email: admin.email } }]);
      later();
      expect(await waiting()).toEqual([b]);
    });
    // Nothing of what was written in them is kept, and nothing was logged.
    expect(
      await world.rows(
        "select message_id from frontdesk.dead_letters where state <> 'waiting' and body is not null",
      ),
    ).toEqual([]);
  });

  test("asked for again, and by two at once, nothing is sent again", async () => {
    const id = await bury(world, name, "once");
    await asAdmin(async () => {
      await list({ name });
      const outcomes = await Promise.all([one(id), one(id), one(id)]);
      expect(outcomes.flatMap(({ results }) => results.map(({ outcome }) => outcome)).toSorted()).toEqual([
        "left",
        "left",
        "redriven",
      ]);
      expect((await one(id)).results).toEqual([{ messageId: id, outcome: "left" }]);
      expect((await one("no-such-letter")).results).toEqual([
        { messageId: "no-such-letter", outcome: "not_found" },
      ]);
    });
    expect(sent(world, name)).toEqual(["once"]);
  });

  test("by the list's filter", async () => {
    const good = await bury(world, name, "for Noor", { code: "ingest_failed" });
    await bury(world, name, "for Ada", { code: "ingest_failed" });
    await bury(world, name, "for Noor", { code: "notice_foreign" });
    await asAdmin(async () => {
      const {
        results,
        operation,
        left: more,
      } = await redrive({ name, what: { filter: { code: "ingest_failed", q: "noor" } } });
      expect(results).toEqual([{ messageId: good, outcome: "redriven" }]);
      expect(operation).toMatchObject({ filter: { code: "ingest_failed", q: "noor" } });
      expect(more).toBe(0);
      expect(await redrive({ name, what: { filter: { code: "no_such" } } })).toEqual({
        operation: null,
        results: [],
        left: 0,
      });
    });
    expect(left()).toHaveLength(2);
  });
});

describe("an edited body", () => {
  test("goes instead of the one it died with, and the record says so", async () => {
    const id = await bury(world, name, "no JSON");
    const { body } = s3Notice("inbound/found");
    await asAdmin(async () => {
      expect((await one(id, body)).operation).toMatchObject({ edited: 1 });
    });
    expect(sent(world, name)).toEqual([body]);
  });

  const records = (bucket: string, key: string) =>
    JSON.stringify({
      Records: [
        {
          eventSource: "aws:s3",
          eventName: "ObjectCreated:Put",
          s3: { bucket: { name: bucket }, object: { key } },
        },
      ],
    });
  test.each([
    ["email", "not JSON"],
    ["email", "{}"],
    ["email", s3Notice("inbound/x", { bucket: "other" }).body],
    ["images", "not JSON"],
    ["images", records("other", "tmp/uploads/a")],
    ["images", records("home", "attachments/a")],
    ["jobs", "{}"],
    ["jobs", '{"job":""}'],
    ["mailEvents", "[]"],
    ["mailEvents", JSON.stringify({ Type: "Notification", Message: "no JSON" })],
  ] as const)("that %s' consumer would not take is refused, and nothing is sent: %s", async (queue, body) => {
    const id = await bury(world, queue, "x");
    await asAdmin(async () => {
      const asked = redrive({ name: queue, what: { messages: [{ messageId: id, body }] } });
      await expect(asked).rejects.toMatchObject({ kind: "validation", code: "invalid_body" });
      expect((await list({ name: queue })).letters).toHaveLength(1);
    });
    expect(sent(world, queue)).toEqual([]);
  });

  test.each([
    ["images", records("home", "tmp/uploads/a")],
    ["jobs", '{"schedule":"nightly","revision":3,"dueAt":"2026-01-02T03:04:05Z"}'],
    ["mailEvents", JSON.stringify({ eventType: "Bounce", mail: { messageId: "1" } })],
    [
      "mailEvents",
      JSON.stringify({
        Type: "Notification",
        Message: JSON.stringify({ eventType: "Bounce", mail: { messageId: "1" } }),
      }),
    ],
  ] as const)("that %s' consumer takes is sent: %s", async (queue, body) => {
    const id = await bury(world, queue, "x");
    await asAdmin(() => redrive({ name: queue, what: { messages: [{ messageId: id, body }] } }));
    expect(sent(world, queue)).toEqual([body]);
  });
});

describe("a crash", () => {
  const killed = (point: faults.Point) =>
    faults.arm(point, () => {
      throw new Error("killed");
    });

  test("after the decision and before the deletion: sent once, and the next look deletes the letter", async () => {
    const id = await bury(world, name, "a");
    await asAdmin(async () => {
      await list({ name });
      const disarm = killed("queues.redrive.committed");
      await expect(one(id)).rejects.toThrow("killed");
      disarm();
      expect(sent(world, name)).toEqual(["a"]);
      expect(left()).toEqual([id]);
      later();
      expect(await waiting()).toEqual([]);
      expect(left()).toEqual([]);
    });
    expect(sent(world, name)).toEqual(["a"]);
  });

  test("of the send: the letter leaves the dead-letter queue and the outbox owes it still", async () => {
    const id = await bury(world, name, "a");
    await asAdmin(async () => {
      await list({ name });
      world.aws.intercept = ({ operation }) => {
        if (operation.endsWith("SendMessage")) throw new Answer(400, "AccessDenied");
      };
      await one(id);
      expect(sent(world, name)).toEqual([]);
      expect(left()).toEqual([]);
      world.aws.intercept = undefined;
      advance(world, 120_000);
      await outbox.sweep();
    });
    expect(sent(world, name)).toEqual(["a"]);
  });

  test("of the deletion, or an outdated handle: the next look deletes with a fresh one", async () => {
    const [gone, stays] = [await bury(world, name, "a"), await bury(world, name, "b")];
    await asAdmin(async () => {
      await list({ name });
      // Somebody received it meanwhile: our handle answers well and deletes nothing.
      world.aws.queues.call("ReceiveMessage", {
        QueueUrl: `x/${dead}`,
        VisibilityTimeout: 1,
        MaxNumberOfMessages: 10,
      });
      await remove({ name, messageId: gone });
      expect(left()).toEqual([gone, stays].toSorted());
      later();
      expect(await waiting()).toEqual([stays]);
      expect(left()).toEqual([stays]);
    });
  });
});

describe("giving up on a letter", () => {
  test("deletes it for good, once, and says who did it", async () => {
    const [a, b] = [await bury(world, name, "a"), await bury(world, name, "b")];
    await asAdmin(async (admin) => {
      const { id } = await remove({ name, messageId: a });
      expect((await remove({ name, messageId: a })).id).toBe(id);
      expect(left()).toEqual([b]);
      const { operations } = await listOperations({ name });
      expect(operations).toMatchObject([{ kind: "delete", letters: 1, by: { id: admin.userId } }]);
      await expect(remove({ name, messageId: "no-such-letter" })).rejects.toMatchObject({
        kind: "not_found",
      });
      await one(b);
      await expect(remove({ name, messageId: b })).rejects.toMatchObject({
        kind: "conflict",
        code: "dead_letter_left",
      });
    });
    expect(sent(world, name)).toEqual(["b"]);
  });
});

describe("all of them", () => {
  const all = () => redrive({ name, what: { all: true } });

  test("by one move task to the queue, whose progress is shown, and which is one however often it is asked for", async () => {
    for (let index = 0; index < 5; index++) await bury(world, name, `${index}`);
    await asAdmin(async (admin) => {
      await list({ name });
      const { operation } = await all();
      expect(operation).toMatchObject({
        kind: "redrive-all",
        state: "running",
        letters: 5,
        moved: 0,
        by: { id: admin.userId },
      });
      expect((await all()).operation?.id).toBe(operation?.id);
      expect(world.aws.queues.tasks).toMatchObject([{ source: dead, destination: "email" }]);

      world.aws.queues.move(2);
      expect((await listQueues()).find((queue) => queue.name === name)?.redrive).toMatchObject({
        state: "running",
        moved: 2,
      });
      world.aws.queues.move();
      expect((await listQueues()).find((queue) => queue.name === name)?.redrive).toBeNull();
      expect((await listOperations({ name })).operations).toMatchObject([{ state: "completed", moved: 5 }]);
      later();
      expect(await waiting()).toEqual([]);
    });
    expect(world.aws.queues.bodies("email").toSorted()).toEqual(["0", "1", "2", "3", "4"]);
  });

  test("nobody's look hides letters from a task that runs", async () => {
    for (let index = 0; index < 3; index++) await bury(world, name, `${index}`);
    await asAdmin(async () => {
      await list({ name });
      await all();
      later();
      expect(await list({ name })).toMatchObject({ complete: false });
      expect(world.aws.queues.visible(dead)).toBe(3);
    });
  });

  test("a task that is cancelled leaves the rest, and says who cancelled it", async () => {
    for (let index = 0; index < 4; index++) await bury(world, name, `${index}`);
    await asAdmin(async (admin) => {
      await list({ name });
      expect(await cancelRedrive({ name })).toBeNull();
      await all();
      world.aws.queues.move(1);
      expect(await cancelRedrive({ name })).toMatchObject({
        state: "cancelled",
        moved: 1,
        cancelledBy: admin.userId,
      });
      later();
      expect(await waiting()).toHaveLength(3);
    });
  });

  test("a task that SQS does not start is a failure in the record, and nothing is lost", async () => {
    const id = await bury(world, name, "a");
    await asAdmin(async () => {
      world.aws.intercept = ({ operation }) => {
        if (operation.endsWith("StartMessageMoveTask")) throw new Answer(400, "AccessDenied");
      };
      await expect(all()).rejects.toMatchObject({ name: "AccessDenied" });
      world.aws.intercept = undefined;
      expect((await listOperations({ name })).operations).toMatchObject([{ state: "failed" }]);
      later();
      expect(await waiting()).toEqual([id]);
    });
  });
});

test("administrators who listen hear of it, and nobody else may listen", async () => {
  const admin = await signIn("admin", "admin");
  await listen(world, "console", admin, "queues");
  await listen(world, "other", await signIn("other", "recruiter"), "queues");
  const [a, b] = [await bury(world, name, "a"), await bury(world, name, "b")];
  await asAdmin(async () => {
    await one(a);
    await remove({ name, messageId: b });
  });
  expect(eventsReceived(world, "console")).toMatchObject([
    { topic: "queues", type: "queue.redriven", data: { queue: name, moved: 1, by: admin.userId } },
    {
      topic: "queues",
      type: "queue.deadLetterDeleted",
      data: { queue: name, messageId: b, by: admin.userId },
    },
  ]);
  expect(eventsReceived(world, "other")).toEqual([]);
});
