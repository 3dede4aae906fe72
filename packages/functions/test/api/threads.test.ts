import { ingest } from "@frontdesk/core/mail";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { address, mail, sesNotice } from "../../../core/test/support/world.ts";
import { call, expectJson, expectProblem } from "../support/api.ts";
import { createDesk, type Desk, type Person, receive, subjectOf } from "../support/desk.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk?.stop());

interface Summary {
  id: string;
  subject: string;
  state: string;
  lastMessageAt: string;
  messageCount: number;
}
interface Page {
  items: Summary[];
  nextCursor: string | null;
}
const list = async (person: Person, query = "") =>
  expectJson<Page>(await call(`/threads${query}`, desk.claims[person]));
const thread = async (person: Person, id: string) =>
  expectJson<Summary & { mailboxIds: string[]; messages: Record<string, unknown>[]; suggestions: unknown[] }>(
    await call(`/threads/${id}`, desk.claims[person]),
  );
const cursorOf = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString("base64url");

describe("the list", () => {
  test("has threads by their last message, newest first, with what the reader sees of them", async () => {
    await receive(desk.world, "question", { at: "2026-03-01T08:00:00.000Z" });
    await receive(desk.world, "later", { at: "2026-03-01T09:00:00.000Z" });
    await receive(desk.world, "answer", {
      to: ["payroll"],
      references: "question",
      at: "2026-03-01T10:00:00.000Z",
    });
    const first = async (person: Person) =>
      (await list(person, "?limit=2")).items.map(({ subject, messageCount, lastMessageAt }) => [
        subject,
        messageCount,
        lastMessageAt.slice(11, 16),
      ]);
    expect(await first("admin")).toEqual([
      [subjectOf("question"), 2, "10:00"],
      [subjectOf("later"), 1, "09:00"],
    ]);
    expect(await first("recruiter")).toEqual([
      [subjectOf("later"), 1, "09:00"],
      [subjectOf("question"), 1, "08:00"],
    ]);
    expect((await first("viewer"))[0]).toEqual([subjectOf("answer"), 1, "10:00"]);
  });

  test("of one mailbox, and of quarantine, has those alone", async () => {
    const { payroll } = desk.world.mailbox;
    const subjects = async (query: string) =>
      (await list("admin", query)).items.map(({ subject }) => subject);
    expect(await subjects(`?mailbox=${payroll}`)).not.toContain(subjectOf("jobs"));
    expect(await subjects("?state=quarantined")).toEqual([subjectOf("quarantined")]);
    expect(await subjects(`?mailbox=${payroll}&state=quarantined`)).toEqual([]);
  });

  test.each([
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=1.5",
    "limit=",
    "limit=many",
    "limit=1&limit=2",
    "state=closed",
    "state=",
    "mailbox=",
    "cursor=",
  ])("?%s is refused, and the field is named", async (query) => {
    const [field] = query.split("=");
    const response = await call(`/threads?${query}`, desk.claims.admin);
    const body = await expectProblem(response, 400);
    if (field === "cursor") expect(body.code).toBe("invalid_cursor");
    else expect(body.issues).toMatchObject([{ path: field }]);
  });

  test("limits at their ends, and parameters that there are not, are taken", async () => {
    for (const query of ["?limit=1", "?limit=100", "?utm_source=mail"]) await list("admin", query);
  });
});

describe("pages", () => {
  test("show every thread exactly once while new mail comes in, to everybody", async () => {
    for (let index = 0; index < 21; index++)
      await receive(desk.world, `page-${index}`, {
        to: [["jobs"], ["payroll"], ["jobs", "payroll"]][index % 3],
        // Several at the same moment, so that order must not hang on time alone.
        at: `2026-04-01T00:00:${String(Math.floor(index / 4)).padStart(2, "0")}.000Z`,
      });
    let minute = 0;
    for (const person of ["admin", "recruiter", "viewer"] as const) {
      const whole = (await list(person, "?limit=100")).items.map(({ id }) => id);
      const seen: string[] = [];
      let cursor: string | null = null;
      let page = 0;
      do {
        const found: Page = await list(person, `?limit=4${cursor === null ? "" : `&cursor=${cursor}`}`);
        seen.push(...found.items.map(({ id }) => id));
        cursor = found.nextCursor;
        page += 1;
        minute += 1;
        const name = `${person}-${page}`;
        const to = ["jobs", "payroll"];
        const at = new Date(Date.UTC(2026, 4, 1, 0, minute)).toISOString();
        // A new thread; one that lay in the queue for long; and an answer in a thread of the first page.
        await receive(desk.world, `new-${name}`, { to, at });
        await receive(desk.world, `late-${name}`, { to, at: "2026-01-01T00:00:00.000Z" });
        const references = page === 1 ? "page-20" : `again-${person}-${page - 1}`;
        await receive(desk.world, `again-${name}`, { to, references, at });
      } while (cursor !== null);
      expect(new Set(seen).size, person).toBe(seen.length);
      expect(
        seen.filter((id) => whole.includes(id)),
        person,
      ).toEqual(whole);
      expect(whole.length).toBeGreaterThan(14);
    }
  });

  test("a thread that gets mail before its page was read is at the top, and not in the middle", async () => {
    const { items, nextCursor } = await list("admin", "?limit=3");
    const whole = (await list("admin", "?limit=100")).items;
    const unread = whole.find(({ subject }) => subject === subjectOf("page-0"));
    await receive(desk.world, "bump", { references: "page-0", at: "2026-06-01T00:00:00.000Z" });
    const rest = await list("admin", `?limit=100&cursor=${nextCursor}`);
    expect([...items, ...rest.items].map(({ id }) => id)).not.toContain(unread?.id);
    expect((await list("admin", "?limit=1")).items[0]?.id).toBe(unread?.id);
  });

  test("a cursor shows nobody more than they see without it, and is of one list", async () => {
    const { nextCursor } = await list("admin", "?limit=1");
    expect((await list("newcomer", `?cursor=${nextCursor}`)).items).toEqual([]);
    for (const query of [`state=quarantined`, `mailbox=${desk.world.mailbox.jobs}`])
      await expectProblem(
        await call(`/threads?cursor=${nextCursor}&${query}`, desk.claims.admin),
        400,
        "invalid_cursor",
      );
  });

  test.each([
    ["not JSON", Buffer.from("[").toString("base64url")],
    ["JSON of something else", Buffer.from("null").toString("base64url")],
    ["a NUL", cursorOf("2026-01-01T00:00:00.000Z", "thr_\0", "open *")],
    ["SQL", cursorOf("2026-01-01T00:00:00.000Z", "' or 1=1 --", "open *")],
    ["a date that is none", cursorOf("2026-02-30T00:00:00.000Z", "thr_1", "open *")],
    ["infinity", cursorOf("infinity", "thr_1", "open *")],
    ["a number for a date", cursorOf(0, "thr_1", "open *")],
    ["another list", cursorOf("2026-01-01T00:00:00.000Z", "thr_1", "open mbx_1")],
    ["more than there is in one", cursorOf("2026-01-01T00:00:00.000Z", "thr_1", "open *", {})],
    ["500 characters and one", "x".repeat(501)],
  ])("a cursor of %s is refused", async (_, cursor) => {
    const body = await expectProblem(await call(`/threads?cursor=${cursor}`, desk.claims.admin), 400);
    expect(["invalid_cursor", "invalid_input"]).toContain(body.code);
  });

  test.each([
    "0000-01-01T00:00:00.000Z",
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
  ])("a cursor from the end of time (%s) is only a place in the list", async (at) => {
    await list("admin", `?cursor=${cursorOf(at, "thr_1", "open *")}`);
  });
});

describe("a thread", () => {
  test("has its messages, the oldest first, with who sent them and in which mailboxes they are", async () => {
    const { threadId } = await receive(desk.world, "hello-1", {
      to: ["jobs"],
      at: "2026-07-01T08:00:00.000Z",
    });
    await receive(desk.world, "hello-2", {
      to: ["jobs", "payroll"],
      references: "hello-1",
      at: "2026-07-01T07:00:00.000Z",
    });
    const { messages, mailboxIds, messageCount, suggestions } = await thread("recruiter", threadId);
    expect(messages).toMatchObject(
      [subjectOf("hello-2"), subjectOf("hello-1")].map((subject) => ({
        threadId,
        subject,
        from: { address: "noor@example.org", name: "Noor" },
        state: "delivered",
        attachmentCount: 1,
        // Of the two mailboxes of the second message a recruiter knows of one.
        mailboxIds: [desk.world.mailbox.jobs],
      })),
    );
    expect({ mailboxIds, messageCount, suggestions }).toEqual({
      mailboxIds: [desk.world.mailbox.jobs],
      messageCount: 2,
      suggestions: [],
    });
    expect((await thread("viewer", threadId)).messages).toHaveLength(1);
    expect((await thread("admin", threadId)).mailboxIds).toHaveLength(2);
  });

  test("that went into another one leads there", async () => {
    const one = await receive(desk.world, "apart-1", { at: "2026-07-02T08:00:00.000Z" });
    const two = await receive(desk.world, "apart-2", { at: "2026-07-02T08:00:00.000Z" });
    desk.world.aws.put(
      "mail",
      "inbound/joins",
      mail({
        headers: {
          "Message-ID": "<joins@example.org>",
          References: "<apart-1@example.org> <apart-2@example.org>",
        },
      }),
    );
    await ingest([sesNotice("inbound/joins", [address("jobs")])]);
    const merged = await thread("recruiter", two.threadId);
    expect(merged.id).toBe(one.threadId);
    expect(merged.messages).toHaveLength(3);
  });
});
