import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ingest } from "../../src/mail/index.ts";
import * as mailboxes from "../../src/mailboxes/index.ts";
import * as messages from "../../src/messages/index.ts";
import { contentDisposition } from "../../src/messages/signed-url.ts";
import * as threads from "../../src/threads/index.ts";
import {
  address,
  as,
  cdnUrl,
  createWorld,
  join,
  mail,
  mailWithAttachments,
  sesNotice,
  signIn,
  type TestUser,
  type World,
} from "../support/world.ts";

let world: World;
const users: Record<string, TestUser> = {};
const user = (name: string): TestUser => {
  const found = users[name];
  if (!found) throw new Error(`no user ${name}`);
  return found;
};

/**
 * Three messages of one thread in three mailboxes, one in two of them at once, one nobody's, one in quarantine.
 * `jobs` sees jobs, `both` sees jobs and payroll, `none` is a member of nothing.
 */
beforeAll(async () => {
  world = await createWorld();
  for (const [name, group] of Object.entries({
    admin: "admin",
    jobs: "recruiter",
    both: "viewer",
    none: "recruiter",
  }))
    users[name] = await signIn(name, group);
  await join(world, user("jobs"), "jobs");
  await join(world, user("both"), "jobs");
  await join(world, user("both"), "payroll");

  const send = async (
    id: string,
    to: string[],
    options: { refs?: string; verdicts?: Record<string, string> } = {},
  ) => {
    world.aws.put(
      "mail",
      `inbound/${id}`,
      mailWithAttachments([`${id}.pdf`], {
        Subject: `Subject ${id}`,
        "Message-ID": `<${id}@x>`,
        ...(options.refs ? { References: `<${options.refs}@x>` } : {}),
      }),
    );
    expect(await ingest([sesNotice(`inbound/${id}`, to.map(address), options.verdicts)])).toEqual({
      failed: [],
    });
  };
  await send("first", ["jobs"]);
  await send("second", ["payroll"], { refs: "first" });
  await send("third", ["hello"], { refs: "second" });
  await send("shared", ["jobs", "payroll"]);
  await send("unrouted", ["nobody"]);
  await send("bad", ["jobs"], { verdicts: { virus: "FAIL" } });
});
afterAll(() => world.stop());

const idOf = async (name: string) => {
  const [row] = await world.rows<{ id: string; threadId: string; attachmentId: string }>(
    `select m.id, m.thread_id as "threadId", a.id as "attachmentId" from frontdesk.messages m
       join frontdesk.attachments a on a.message_id = m.id where header_id = $1`,
    [`${name}@x`],
  );
  if (!row) throw new Error(`no message ${name}`);
  return row;
};

const sees: Record<string, string[]> = {
  admin: ["first", "second", "third", "shared", "unrouted", "bad"],
  jobs: ["first", "shared", "bad"],
  both: ["first", "second", "shared", "bad"],
  none: [],
};
const all = sees.admin ?? [];
const cases = Object.entries(sees).flatMap(([name, visible]) =>
  all.map((message) => [name, message, visible.includes(message)] as const),
);

describe("every way to a message asks whether it is seen", () => {
  test.each(cases)("%s, message %s: %s", async (name, message, visible) => {
    const { id, attachmentId } = await idOf(message);
    const outcomes = await as(user(name), () =>
      Promise.allSettled([
        messages.get({ messageId: id }),
        messages.raw({ messageId: id }),
        messages.attachment({ messageId: id, attachmentId }),
      ]),
    );
    const codes = outcomes.map((outcome) => (outcome.status === "fulfilled" ? "seen" : outcome.reason.kind));
    const guarded = message === "bad" && name !== "admin" ? "forbidden" : "seen";
    expect(codes).toEqual(visible ? ["seen", guarded, guarded] : ["not_found", "not_found", "not_found"]);
  });

  test.each(Object.keys(sees))("%s reads of a thread what they see of it", async (name) => {
    const { threadId } = await idOf("first");
    const expected = ["first", "second", "third"].filter((message) => sees[name]?.includes(message));
    const read = as(user(name), () => threads.get({ threadId }));
    if (expected.length === 0) await expect(read).rejects.toMatchObject({ kind: "not_found" });
    else {
      const thread = await read;
      expect(thread.messages.map(({ subject }) => subject)).toEqual(
        expected.map((message) => `Subject ${message}`),
      );
      expect(thread.messageCount).toBe(expected.length);
      expect(thread.lastMessageAt).toEqual(thread.messages.at(-1)?.receivedAt);
    }
  });

  test.each([
    ["admin", ["first", "shared", "unrouted"]],
    ["jobs", ["first", "shared"]],
    ["both", ["first", "shared"]],
    ["none", []],
  ])("%s lists %j", async (name, expected) => {
    const { threads: listed } = await as(user(name), () => threads.list({}));
    expect(listed.map(({ subject }) => subject.replace("Subject ", "")).sort()).toEqual(expected);
  });

  test("a list's counts and order are of what its reader sees", async () => {
    const { threadId } = await idOf("first");
    const count = async (name: string) =>
      (await as(user(name), () => threads.list({}))).threads.find(({ id }) => id === threadId)?.messageCount;
    expect([await count("jobs"), await count("both"), await count("admin")]).toEqual([1, 2, 3]);
  });

  test("a mailbox that is not one's own is not found, and neither is one that does not exist", async () => {
    for (const mailbox of [world.mailbox.hello ?? "", "mbx_unknown"])
      await expect(as(user("jobs"), () => threads.list({ mailbox }))).rejects.toMatchObject({
        code: "mailbox_not_found",
      });
    await expect(as(user("admin"), () => threads.list({ mailbox: "mbx_unknown" }))).rejects.toMatchObject({
      code: "mailbox_not_found",
    });
  });

  test("mailboxes are listed to their members, with counts", async () => {
    const names = async (name: string) =>
      (await as(user(name), () => mailboxes.list())).map((one) => [
        one.address.split("@")[0],
        one.threads,
        one.quarantined,
      ]);
    expect(await names("jobs")).toEqual([["jobs", 2, 1]]);
    expect(await names("none")).toEqual([]);
    expect(await names("admin")).toEqual([
      ["hello", 1, 0],
      ["jobs", 2, 1],
      ["payroll", 2, 0],
    ]);
  });

  test("a message names only those of its mailboxes that its reader sees", async () => {
    const { id } = await idOf("shared");
    expect((await as(user("jobs"), () => messages.get({ messageId: id }))).mailboxIds).toEqual([
      world.mailbox.jobs,
    ]);
    expect((await as(user("both"), () => messages.get({ messageId: id }))).mailboxIds).toHaveLength(2);
  });

  test("quarantined threads are listed when asked for", async () => {
    const { threads: listed } = await as(user("jobs"), () => threads.list({ state: "quarantined" }));
    expect(listed.map(({ subject }) => subject)).toEqual(["Subject bad"]);
  });

  test("a suggestion names threads that are seen, by what is seen of them", async () => {
    const quote = async (id: string, refs: string) => {
      world.aws.put(
        "mail",
        `inbound/${id}`,
        mail({
          headers: {
            From: "m@evil.test",
            Subject: "Quoting",
            "Message-ID": `<${id}@x>`,
            References: `<${refs}@x>`,
          },
        }),
      );
      await ingest([sesNotice(`inbound/${id}`, [address("payroll")])]);
      const [row] = await world.rows<{ threadId: string }>(
        `select thread_id as "threadId" from frontdesk.messages where header_id = $1`,
        [`${id}@x`],
      );
      return row?.threadId ?? "";
    };
    const threadId = await quote("quoting", "first");
    const subjects = async (name: string, of: string) =>
      (await as(user(name), () => threads.get({ threadId: of }))).suggestions.map(({ subject }) => subject);
    expect(await subjects("both", threadId)).toEqual(["Subject first"]);
    expect(await subjects("jobs", (await idOf("first")).threadId)).toEqual([]);
    const hidden = await quote("quoting-hidden", "unrouted");
    expect(await subjects("both", hidden)).toEqual([]);
    expect(await subjects("admin", hidden)).toEqual(["Subject unrouted"]);
  });

  test("without anybody who asks, nothing is read", async () => {
    for (const read of [
      () => threads.list({}),
      () => mailboxes.list(),
      () => messages.get({ messageId: "msg_1" }),
    ])
      await expect(read()).rejects.toMatchObject({ kind: "unauthenticated" });
  });

  test("only administrators make members", async () => {
    await expect(
      as(user("jobs"), () =>
        mailboxes.setMembership({ mailbox: address("payroll"), email: "a@b.test", member: true }),
      ),
    ).rejects.toMatchObject({ code: "admin_only" });
  });

  test("a signed address reads the bytes as a download: of an attachment by the CDN, of the message by S3", async () => {
    const { id, attachmentId } = await idOf("first");
    const { url } = await as(user("jobs"), () => messages.attachment({ messageId: id, attachmentId }));
    const { origin, pathname, searchParams } = new URL(url);
    expect(origin).toBe(cdnUrl);
    expect([...searchParams.keys()]).toEqual([
      "response-content-disposition",
      "Expires",
      "Signature",
      "Key-Pair-Id",
    ]);
    expect(searchParams.get("response-content-disposition")).toMatch(/^attachment; filename="first.pdf"/);
    const stored = world.aws.buckets.get("home")?.get(pathname.slice(1));
    expect(stored?.body.toString()).toContain("bytes of first.pdf");
    const raw = await as(user("jobs"), () => messages.raw({ messageId: id }));
    expect(new URL(raw.url).searchParams.get("X-Amz-Expires")).toBe("300");
    expect(await (await fetch(raw.url)).text()).toContain("Subject: Subject first");
  });

  test("a hostile file name stays inside its header", () => {
    expect(contentDisposition('a"b\r\nSet-Cookie: x\\/é☃\ud800.pdf')).toBe(
      "attachment; filename=\"a_b__Set-Cookie: x_/___.pdf\"; filename*=UTF-8''a%22b%0D%0ASet-Cookie%3A%20x%5C%2F%C3%A9%E2%98%83%EF%BF%BD.pdf",
    );
  });
});

describe("pages", () => {
  test("every thread stands on one page, in order, whoever reads and however many come meanwhile", async () => {
    for (let index = 0; index < 30; index++) {
      world.aws.put("mail", `inbound/p${index}`, mail({ headers: { "Message-ID": `<p${index}@x>` } }));
      const to = [["jobs"], ["payroll"], ["jobs", "payroll"]][index % 3] ?? [];
      await ingest([sesNotice(`inbound/p${index}`, to.map(address))]);
    }
    for (const name of ["admin", "jobs", "both"]) {
      const whole = await as(user(name), () => threads.list({ limit: 100 }));
      expect(whole.cursor).toBeNull();
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page: Awaited<ReturnType<typeof threads.list>> = await as(user(name), () =>
          threads.list({ limit: 7, cursor }),
        );
        seen.push(...page.threads.map(({ id }) => id));
        cursor = page.cursor ?? undefined;
      } while (cursor !== undefined);
      expect(seen).toEqual(whole.threads.map(({ id }) => id));
      expect(new Set(seen).size).toBe(seen.length);
    }
  });

  test("a cursor is refused when it is forged, cut, or of another list", async () => {
    const { cursor } = await as(user("admin"), () => threads.list({ limit: 1 }));
    if (cursor === null) throw new Error("there is one page only");
    const forged = Buffer.from(JSON.stringify(["x' or 1=1", "thr_1", "open *"])).toString("base64url");
    for (const wrong of [forged, cursor.slice(0, -4), "x", "%%%"])
      await expect(as(user("admin"), () => threads.list({ cursor: wrong }))).rejects.toMatchObject({
        code: "invalid_cursor",
      });
    await expect(
      as(user("admin"), () => threads.list({ cursor, mailbox: world.mailbox.jobs })),
    ).rejects.toMatchObject({ code: "invalid_cursor" });
  });

  test("somebody else's cursor shows nothing that is not seen without it", async () => {
    const { cursor } = await as(user("admin"), () => threads.list({ limit: 1 }));
    const { threads: listed } = await as(user("none"), () => threads.list({ cursor: cursor ?? "" }));
    expect(listed).toEqual([]);
  });

  test("limits outside of 1 to 100 are refused", async () => {
    for (const limit of [0, 101, 1.5])
      await expect(async () => as(user("admin"), () => threads.list({ limit }))).rejects.toMatchObject({
        kind: "validation",
      });
  });

  test("pages come from the indexes: a page of twenty thousand threads reads no more than a page of few", async () => {
    await world.rows(
      `insert into frontdesk.threads (id, subject, state, last_message_at, message_count, created_at, updated_at)
       select 'thr_many' || n, '', 'open', now() - n * interval '1 minute', 1, now(), now() from generate_series(1, 20000) n`,
    );
    await world.rows(
      `insert into frontdesk.thread_mailboxes (thread_id, mailbox_id, state, last_message_at, message_count)
       select id, $1, 'open', last_message_at, 1 from frontdesk.threads where id like 'thr_many%'`,
      [world.mailbox.jobs],
    );
    const { withClient } = await import("../support/database.ts");
    await withClient({ connectionString: world.url }, (admin) =>
      admin.query("analyze frontdesk.threads; analyze frontdesk.thread_mailboxes"),
    );
    const plan = async (text: string, values: unknown[]) => {
      const rows = await world.rows<{ "QUERY PLAN": string }>(
        `explain (analyze, costs off, timing off) ${text}`,
        values,
      );
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    };
    const middle = [new Date(Date.now() - 10_000 * 60_000), "thr_x"];
    const wholeList = await plan(threads.listAll, ["open", ...middle, 51]);
    const ofMailbox = await plan(threads.listByMailbox, [
      "open",
      ...middle,
      51,
      [world.mailbox.jobs, world.mailbox.payroll],
    ]);
    expect(wholeList).toContain("threads_recent");
    expect(ofMailbox).toContain("thread_mailboxes_recent");
    for (const text of [wholeList, ofMailbox]) {
      expect(text).not.toMatch(/Seq Scan on (?:threads|thread_mailboxes|messages)/);
      const most = Math.max(...[...text.matchAll(/rows=(\d+)/g)].map(([, rows]) => Number(rows)));
      expect(most).toBeLessThanOrEqual(110);
    }
  });
});
