import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ingest } from "../../src/mail/index.ts";
import { address, createWorld, mail, sesNotice, type World, workspaceDomain } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());
beforeEach(() => world.reset());

interface Sent {
  id: string;
  refs?: string[];
  from?: string;
  to?: string;
  headers?: Record<string, string>;
  verdicts?: Record<string, string>;
}

/** Puts a message into the bucket and returns its notice. */
function sent({
  id,
  refs = [],
  from = "noor@example.org",
  to = address("jobs"),
  headers = {},
  verdicts,
}: Sent) {
  const references = refs.map((ref) => `<${ref}@x>`).join(" ");
  world.aws.put(
    "mail",
    `inbound/${id}`,
    mail({
      headers: {
        From: from,
        To: to,
        Subject: `About ${id}`,
        "Message-ID": `<${id}@x>`,
        ...(refs.length > 0 ? { References: references } : {}),
        ...headers,
      },
      body: `${id}\r\n`,
    }),
  );
  return sesNotice(`inbound/${id}`, [address("jobs")], verdicts);
}

const arrive = async (...messages: Sent[]) => {
  for (const message of messages) expect(await ingest([sent(message)])).toEqual({ failed: [] });
};

/** Messages by thread, each as a sorted list. */
async function threads(): Promise<string[][]> {
  const rows = await world.rows<{ thread: string; id: string }>(
    "select thread_id as thread, replace(header_id, '@x', '') as id from frontdesk.messages order by header_id",
  );
  const groups = [...Map.groupBy(rows, ({ thread }) => thread).values()].map((group) =>
    group.map(({ id }) => id),
  );
  return groups.sort((a, b) => ((a[0] ?? "") < (b[0] ?? "") ? -1 : 1));
}

/** What the counters say must be what is there. */
async function expectConsistent(): Promise<void> {
  expect(
    await world.rows(`
      select t.id from frontdesk.threads t
       where t.message_count <> (select count(*) from frontdesk.messages m where m.thread_id = t.id)
          or (t.merged_into is null) <> exists (select 1 from frontdesk.messages m where m.thread_id = t.id)`),
  ).toEqual([]);
  expect(
    await world.rows(`
      select tm.thread_id, tm.mailbox_id from frontdesk.thread_mailboxes tm
       where (tm.message_count || ' ' || tm.last_message_at) is distinct from (
         select count(*) || ' ' || max(m.received_at) from frontdesk.messages m
           join frontdesk.message_mailboxes mm on mm.message_id = m.id
          where m.thread_id = tm.thread_id and mm.mailbox_id = tm.mailbox_id)`),
  ).toEqual([]);
  expect(
    await world.rows(`
      select k.header_id from frontdesk.thread_keys k left join frontdesk.threads t on t.id = k.thread_id
       where k.thread_id is not null and t.id is null`),
  ).toEqual([]);
}

describe("threads", () => {
  test("replies join by References, by In-Reply-To alone, and through a common ancestor that never came", async () => {
    await arrive(
      { id: "a" },
      { id: "b", refs: ["a"] },
      { id: "c", headers: { "In-Reply-To": "<b@x>" } },
      { id: "p", refs: ["never"] },
      { id: "q", refs: ["never"] },
      { id: "z" },
    );
    expect(await threads()).toEqual([["a", "b", "c"], ["p", "q"], ["z"]]);
    await expectConsistent();
  });

  test("the subject alone joins nothing", async () => {
    await arrive({ id: "a", headers: { Subject: "Hello" } }, { id: "b", headers: { Subject: "Re: Hello" } });
    expect(await threads()).toEqual([["a"], ["b"]]);
  });

  test("Outlook's conversation joins what has no other link", async () => {
    const root = Buffer.concat([Buffer.from([1]), Buffer.alloc(21, 7)]);
    const reply = Buffer.concat([root, Buffer.alloc(5, 9)]);
    await arrive(
      { id: "a", headers: { "Thread-Index": root.toString("base64") } },
      { id: "b", headers: { "Thread-Index": reply.toString("base64") } },
    );
    expect(await threads()).toEqual([["a", "b"]]);
  });

  test("messages in any order, and in one batch or many, end in the same threads", async () => {
    const messages: Sent[] = [
      { id: "a" },
      { id: "b", refs: ["a"] },
      { id: "c", refs: ["a", "b"] },
      { id: "d", refs: ["c"] },
      { id: "e", refs: ["x"] },
      { id: "f", refs: ["x", "a"] },
      { id: "k" },
      { id: "l", refs: ["k"] },
    ];
    const expected = [
      ["a", "b", "c", "d", "e", "f"],
      ["k", "l"],
    ];
    const orders = [messages, messages.toReversed(), [...messages.slice(4), ...messages.slice(0, 4)]];
    for (const order of orders) {
      await world.reset();
      await arrive(...order);
      expect(await threads()).toEqual(expected);
      await expectConsistent();
      await world.reset();
      await ingest(order.map(sent));
      expect(await threads()).toEqual(expected);
      await expectConsistent();
    }
  });

  test("a conversation that arrives all at once in many batches ends in one thread", async () => {
    const messages = Array.from({ length: 24 }, (_, index) => ({
      id: `m${index}`,
      refs: index === 0 ? [] : [`m${Math.floor(index / 2)}`, `m${index - 1}`],
    }));
    const results = await Promise.all(messages.map((message) => ingest([sent(message)])));
    expect(results.flatMap(({ failed }) => failed)).toEqual([]);
    expect(await threads()).toHaveLength(1);
    await expectConsistent();
  });

  test("a late message makes two threads one: the older keeps its name, the other leads there and says so", async () => {
    await arrive({ id: "a" }, { id: "c", refs: ["b"] });
    const before = await world.rows<{ id: string }>("select id from frontdesk.threads order by id");
    await arrive({ id: "b", refs: ["a"] });
    expect(await threads()).toEqual([["a", "b", "c"]]);
    const [kept, merged] = before.map(({ id }) => id);
    expect(await world.rows("select id, merged_into from frontdesk.threads order by id")).toEqual([
      { id: kept, merged_into: null },
      { id: merged, merged_into: kept },
    ]);
    expect(
      await world.rows("select type from frontdesk.events where topic = $1 order by seq", [
        `thread:${merged}`,
      ]),
    ).toEqual([{ type: "mail.received" }, { type: "thread.merged" }]);
    await expectConsistent();
  });
});

describe("strangers", () => {
  const stranger = "mallory@evil.test";

  test("a stranger who quotes a Message-ID gets a thread of their own, with a suggestion", async () => {
    await arrive({ id: "a" }, { id: "b", refs: ["a"], from: stranger });
    expect(await threads()).toEqual([["a"], ["b"]]);
    expect(await world.count("thread_suggestions")).toBe(1);
  });

  test("what a stranger sends next stays with them, and the others' replies stay with the others", async () => {
    await arrive(
      { id: "a" },
      { id: "s1", refs: ["a"], from: stranger },
      { id: "s2", refs: ["a", "s1"], from: stranger },
      { id: "b", refs: ["a"] },
    );
    expect(await threads()).toEqual([
      ["a", "b"],
      ["s1", "s2"],
    ]);
  });

  test("an identifier that a stranger named first belongs to the message itself once it comes", async () => {
    await arrive({ id: "s", refs: ["a"], from: stranger }, { id: "a" }, { id: "b", refs: ["a"] });
    expect(await threads()).toEqual([["a", "b"], ["s"]]);
  });

  test("a known identifier repeated by a stranger with other content is another thread", async () => {
    await arrive({ id: "a" });
    world.aws.put(
      "mail",
      "inbound/fake",
      mail({ headers: { From: stranger, "Message-ID": "<a@x>" }, body: "fake" }),
    );
    await ingest([sesNotice("inbound/fake", [address("jobs")])]);
    expect(await threads()).toEqual([["a"], ["a"]]);
    await arrive({ id: "b", refs: ["a"] });
    expect((await threads()).map((group) => group.length).sort()).toEqual([1, 2]);
  });

  test.each([
    ["somebody in Cc", { headers: { Cc: "ann@example.org" } }, { from: "ann@example.org" }],
    ["somebody of our own", {}, { from: `boss@${workspaceDomain}` }],
    [
      "the same list",
      { headers: { "List-Id": "<l.example>" } },
      { from: "x@y.test", headers: { "List-Id": "<l.example>" } },
    ],
  ])("%s is no stranger", async (_, first, second) => {
    await arrive({ id: "a", ...first }, { id: "b", refs: ["a"], ...second });
    expect(await threads()).toEqual([["a", "b"]]);
  });

  test("a sender whose DMARC failed is not who they say", async () => {
    await arrive({ id: "a" }, { id: "b", refs: ["a"], verdicts: { dmarc: "FAIL" } });
    expect(await threads()).toEqual([["a"], ["b"]]);
  });

  test("our own mailboxes in To make nobody known", async () => {
    await arrive({ id: "a" }, { id: "b", refs: ["a"], from: address("jobs") });
    expect(await threads()).toEqual([["a"], ["b"]]);
  });

  test("quarantined mail neither joins nor lays claim", async () => {
    await arrive(
      { id: "a" },
      { id: "v", refs: ["a", "later"], verdicts: { virus: "FAIL" } },
      { id: "later" },
      { id: "b", refs: ["a"] },
    );
    expect(await threads()).toEqual([["a", "b"], ["later"], ["v"]]);
    await expectConsistent();
  });
});
