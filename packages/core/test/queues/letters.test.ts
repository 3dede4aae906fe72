import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as faults from "../../src/faults/index.ts";
import { get, list, listOperations, listQueues, redrive, remove } from "../../src/queues/index.ts";
import { as, createWorld, signIn, type World } from "../support/world.ts";
import { advance, asAdmin, bury, moveClock, places } from "./support.ts";

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
afterEach(() => advance(world, 0));

const ids = async (input: Parameters<typeof list>[0] = { name: "email" }) =>
  (await list(input)).letters.map(({ messageId }) => messageId);
const { dead } = places.email;
const receives = () => world.aws.calls.filter(({ operation }) => operation.endsWith("ReceiveMessage")).length;

describe("who may look", () => {
  test.each(["recruiter", "viewer"])("a %s may neither see nor do anything", async (role) => {
    const id = await bury(world, "email", "secret");
    await as(await signIn("somebody", role), async () => {
      for (const call of [
        () => listQueues(),
        () => list({ name: "email" }),
        () => get({ name: "email", messageId: id }),
        () => redrive({ name: "email", what: { all: true } }),
        () => redrive({ name: "email", what: { messages: [{ messageId: id }] } }),
        () => remove({ name: "email", messageId: id }),
        () => listOperations({ name: "email" }),
      ])
        await expect(call()).rejects.toMatchObject({ kind: "forbidden", code: "admins_only" });
    });
    expect(world.aws.calls).toEqual([]);
  });
});

test("letters are listed with cause, attempts and trace, the latest sent first, and the body on asking for one", async () => {
  const at = Date.now() - 60_000;
  const first = await bury(world, "email", '{"a":1}', { sentAt: at });
  const second = await bury(world, "email", "Subject: personal", {
    code: "notice_foreign",
    cause: "elsewhere",
    sentAt: at + 1,
  });
  await bury(world, "images", "{}");
  await asAdmin(async () => {
    const found = await list({ name: "email" });
    expect(found).toMatchObject({ cursor: null, complete: true });
    expect(found.letters).toMatchObject([
      { messageId: second, code: "notice_foreign", cause: "elsewhere", attempts: 2, trace: "a".repeat(32) },
      { messageId: first, code: "notice_malformed", size: 7, sentAt: new Date(at) },
    ]);
    expect(JSON.stringify(found)).not.toContain("personal");
    expect(await get({ name: "email", messageId: second })).toMatchObject({
      body: "Subject: personal",
      failures: [
        { attempt: 1, code: "notice_foreign" },
        { attempt: 2, code: "notice_foreign" },
      ],
      job: null,
    });
  });
  expect(JSON.stringify(world.logged)).not.toContain("personal");
});

test("pages follow one another without a repeat, and a filter narrows by code and by text", async () => {
  const all: string[] = [];
  for (let index = 0; index < 25; index++)
    all.unshift(
      await bury(world, "email", `letter ${index} of Noor`, {
        code: index % 5 === 0 ? "ingest_failed" : "notice_malformed",
        cause: index === 7 ? "Seven_%" : "because",
        // Some share their moment.
        sentAt: 1_700_000_000_000 + Math.floor(index / 3),
      }),
    );
  await asAdmin(async () => {
    const seen: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await list({ name: "email", limit: 4, ...(cursor && { cursor }) });
      seen.push(...page.letters.map(({ messageId }) => messageId));
      cursor = page.cursor;
    } while (cursor);
    expect(seen.toSorted()).toEqual(all.toSorted());
    expect(await ids({ name: "email", code: "ingest_failed" })).toHaveLength(5);
    expect(await ids({ name: "email", q: "LETTER 24 of" })).toEqual([all[0]]);
    expect(await ids({ name: "email", q: "seven_%" })).toEqual([all[17]]);
    expect(await ids({ name: "email", q: "100%" })).toEqual([]);
    const { cursor: foreign } = await list({ name: "email", limit: 1 });
    await expect(list({ name: "images", cursor: foreign ?? "" })).rejects.toMatchObject({
      code: "invalid_cursor",
    });
  });
});

describe("looking does not disturb", () => {
  test("everything is visible again after a look, for move tasks and for others", async () => {
    for (let index = 0; index < 37; index++) await bury(world, "email", `${index}`);
    await asAdmin(async () => expect((await ids({ name: "email", limit: 100 })).length).toBe(37));
    expect(world.aws.queues.visible(dead)).toBe(37);
  });

  test("ten people who look at once see all letters, by one look", async () => {
    for (let index = 0; index < 12; index++) await bury(world, "email", `${index}`);
    await asAdmin(async () => {
      const lists = await Promise.all(Array.from({ length: 10 }, () => ids()));
      expect(new Set(lists.map((list) => list.toSorted().join())).size).toBe(1);
      expect(lists[0]).toHaveLength(12);
    });
    // Four receivers, each until it finds nothing.
    expect(receives()).toBeLessThanOrEqual(6);
  });

  test("a look that dies hides its letters for half a minute and loses none: the list has them all along", async () => {
    for (let index = 0; index < 5; index++) await bury(world, "email", `${index}`);
    const disarm = faults.arm("queues.look.taken", () => {
      throw new Error("killed");
    });
    await asAdmin(async () => {
      await expect(ids()).rejects.toThrow("killed");
      disarm();
      expect(world.aws.queues.visible(dead)).toBe(0);
      advance(world, 5_000);
      expect(await ids()).toHaveLength(5);
      advance(world, 31_000);
      expect(await ids()).toHaveLength(5);
      expect(world.aws.queues.visible(dead)).toBe(5);
    });
  });
});

describe("what left the queue by other ways", () => {
  test("is listed no more two minutes later, with the next look; a letter that comes back is listed again", async () => {
    const [kept, purged] = [await bury(world, "email", "kept"), await bury(world, "email", "purged")];
    await asAdmin(async () => {
      expect((await ids()).toSorted()).toEqual([kept, purged].toSorted());
      const held = world.aws.queues.of(dead);
      const [taken] = held.splice(
        held.findIndex(({ id }) => id === purged),
        1,
      );
      advance(world, 60_000);
      expect(await ids()).toHaveLength(2);
      advance(world, 61_000);
      expect(await ids()).toEqual([kept]);
      await expect(get({ name: "email", messageId: purged })).rejects.toMatchObject({ kind: "not_found" });
      // Its body is not kept.
      expect(
        await world.rows("select state, body from frontdesk.dead_letters where message_id = $1", [purged]),
      ).toEqual([{ state: "gone", body: null }]);
      if (taken) held.push(taken);
      advance(world, 3_000);
      expect((await ids()).toSorted()).toEqual([kept, purged].toSorted());
    });
  });

  test("somebody else's receive does not make a letter vanish", async () => {
    const id = await bury(world, "email", "x");
    await asAdmin(async () => {
      expect(await ids()).toEqual([id]);
      const [held] = world.aws.queues.of(dead);
      if (held) held.hiddenUntil = world.aws.queues.now() + 30_000;
      advance(world, 10_000);
      expect(await ids()).toEqual([id]);
    });
  });
});

describe("depths", () => {
  test("each queue has its counts, and its dead letters' whoever has them in hand", async () => {
    for (const id of ["1", "2", "3"]) world.aws.queues.put("jobs", id);
    await bury(world, "email", "x", { sentAt: 1_700_000_000_000 });
    await asAdmin(async () => {
      await list({ name: "email" });
      const found = await listQueues();
      expect(
        found.map(({ name, visible, inFlight, deadLetters }) => [name, visible, inFlight, deadLetters]),
      ).toEqual([
        ["email", 0, 0, 1],
        ["jobs", 3, 0, 0],
        ["images", 0, 0, 0],
        ["mailEvents", 0, 0, 0],
      ]);
      expect(found[0]?.oldestDeadLetterAt).toEqual(new Date(1_700_000_000_000));
    });
  });

  test("changes are told to whoever listens, and at most every three seconds", async () => {
    const told = () =>
      world.rows<{ queue: string; visible: number }>(
        "select data ->> 'queue' as queue, (data ->> 'visible')::int as visible from frontdesk.events where topic = 'queues' and type = 'queue.depth' order by seq",
      );
    await asAdmin(async () => {
      await listQueues();
      expect(await told()).toHaveLength(4);
      world.aws.queues.put("jobs", "1");
      await listQueues();
      expect(await told()).toHaveLength(4);
      advance(world, 3_001);
      await listQueues();
      await listQueues();
      expect((await told()).slice(4)).toEqual([{ queue: "jobs", visible: 1 }]);
    });
  });

  test("what is known to wait says since when, and from where", async () => {
    await world.rows(
      `insert into frontdesk.outbox (id, kind, key, payload, attempts, available_at, created_at)
       values ('out_1', 'sqs', 'a', $1, 3, now(), '2026-01-02T03:04:05Z')`,
      [JSON.stringify({ region: "ca-central-1", url: `${world.aws.url}/1/image`, body: "{}" })],
    );
    await asAdmin(async () => {
      const found = await listQueues();
      expect(found.map(({ oldest }) => oldest)).toEqual([
        null,
        null,
        { at: new Date("2026-01-02T03:04:05Z"), from: "outbox" },
        null,
      ]);
    });
  });
});
