import { once } from "node:events";
import * as trace from "@frontdesk/core/trace";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { WebSocket } from "ws";
import { letter, rawLetter } from "./support/letters.ts";
import { type SignedIn, type System, startSystem } from "./support/system.ts";

interface Message {
  id: string;
  threadId: string;
  subject: string;
  text: string | null;
  trace: string;
  mailboxIds: string[];
  recipients: { role: string; address: string; name: string }[];
  attachments: { id: string; filename: string | null; size: number; contentType: string }[];
}
interface Thread {
  id: string;
  messages: { id: string }[];
}

let system: System;
let admin: SignedIn;
beforeAll(async () => {
  system = await startSystem({ template: inject("templateState") });
  admin = await system.signIn("admin");
});
afterAll(() => system?.stop());

const read = async (headerId: string) =>
  admin.api.get<Message>(`/messages/${(await system.stored(headerId)).id}`);

describe("what is stored of a message", () => {
  test("its sender's recipients, with their roles and names, and the mailboxes of its envelope", async () => {
    const { jobs, payroll } = system.mailbox;
    const one = await letter([jobs.address], {
      to: `"The desk" <${jobs.address}>`,
      cc: [payroll.address, "colleague@elsewhere.example"],
      replyTo: "answers@candidates.example.com",
    });
    await system.deliver(one);
    const message = await read(one.headerId);
    expect(message.recipients).toEqual([
      { role: "to", address: jobs.address, name: "The desk" },
      { role: "cc", address: payroll.address, name: "" },
      { role: "cc", address: "colleague@elsewhere.example", name: "" },
      { role: "reply-to", address: "answers@candidates.example.com", name: "" },
    ]);
    // RCPT TO decides, not what the header claims.
    expect(message.mailboxIds).toEqual([jobs.id]);
  });

  test("a mailbox in Bcc has the message, and no header names it", async () => {
    const { hello } = system.mailbox;
    const one = await letter([hello.address], { to: "undisclosed-recipients:;" });
    await system.deliver(one);
    const message = await read(one.headerId);
    expect(message.mailboxIds).toEqual([hello.id]);
    expect(JSON.stringify(message.recipients)).not.toContain(hello.address);
  });

  test("one envelope with several of our mailboxes is one message in each, announced once to each", async () => {
    const { jobs, payroll, support } = system.mailbox;
    const topics = [jobs, payroll, support].map(({ id }) => `mailbox:${id}`);
    const socket = await admin.listen(...topics);
    const one = await letter([jobs.address, payroll.address, support.address]);
    await system.deliver(one);
    const { id } = await system.stored(one.headerId);
    await socket.until(() => socket.events.length >= 3, 20_000);
    socket.close();
    expect((await read(one.headerId)).mailboxIds).toEqual([jobs.id, payroll.id, support.id].sort());
    expect(socket.events.map(({ topic }) => topic).sort()).toEqual(topics.sort());
    expect(new Set(socket.events.map(({ data }) => data.messageId))).toEqual(new Set([id]));
  });

  test("attachments come back byte for byte by a signed address, as a download under their own name", async () => {
    const binary = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256));
    const one = await letter([system.mailbox.jobs.address], {
      attachments: [
        { filename: "résumé – Noor.bin", content: binary },
        { filename: "page.html", content: "<script>alert(1)</script>", contentType: "text/html" },
        { filename: "empty.txt", content: "" },
        { filename: "logo.svg", content: "<svg onload='alert(1)'/>", contentType: "image/svg+xml" },
        { filename: "contract.pdf", content: "%PDF-1.7", contentType: "application/pdf" },
      ],
    });
    await system.deliver(one);
    const { id, attachments } = await read(one.headerId);
    expect(attachments.map(({ filename, size }) => [filename, size])).toEqual([
      ["résumé – Noor.bin", binary.length],
      ["page.html", 25],
      ["empty.txt", 0],
      ["logo.svg", 24],
      ["contract.pdf", 8],
    ]);
    const contents = await Promise.all(
      attachments.map(async (attachment) => {
        const redirect = await admin.fetch(`/messages/${id}/attachments/${attachment.id}`);
        expect(redirect.status).toBe(302);
        const file = await fetch(redirect.headers.get("location") ?? "");
        expect(file.status).toBe(200);
        expect(file.headers.get("content-disposition")).toMatch(/^attachment; /);
        // Whatever its sender called it, and whatever it is.
        expect(Object.fromEntries(file.headers)).toMatchObject({
          "content-type": "application/octet-stream",
          "x-content-type-options": "nosniff",
          "content-security-policy": "default-src 'none'; sandbox",
          "cache-control": "private, no-store",
        });
        return Buffer.from(await file.arrayBuffer());
      }),
    );
    expect(contents[0]?.equals(binary)).toBe(true);
    expect(contents[1]?.toString()).toBe("<script>alert(1)</script>");
    expect(contents[2]?.length).toBe(0);
  });

  test.each([
    ["ISO-2022-JP", "=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "1b2442256f213c252f1b2842", "テスト", "ワーク"],
    ["KOI8-R", "=?KOI8-R?B?8NLJ18XU?=", "f0d2c9d7c5d4", "Привет", "Привет"],
    ["GB18030", "=?GB18030?B?xOO6ww==?=", "c4e3bac3", "你好", "你好"],
    ["windows-1252", "Caf\xe9 \x96 na\xefve", "566f696c8520939192", "Café – naïve", "Voil… “‘’"],
  ])("%s, in the subject and in the text, is read as it was meant", async (charset, subject, hex, ...wanted) => {
    const head = [
      `Subject: ${subject}`,
      "MIME-Version: 1.0",
      `Content-Type: text/plain; charset=${charset}`,
      "Content-Transfer-Encoding: 8bit",
    ];
    const one = rawLetter([system.mailbox.jobs.address], head, Buffer.from(`${hex}0d0a`, "hex"));
    await system.deliver(one);
    const message = await read(one.headerId);
    expect([message.subject, message.text?.trim()]).toEqual(wanted);
  });

  test("the raw message is what was sent, below the header fields of SES", async () => {
    const one = await letter([system.mailbox.jobs.address], {
      text: "A dot\r\n.\r\n..\r\nand 8 bits: é\r\n",
    });
    await system.deliver(one);
    const { id } = await system.stored(one.headerId);
    const redirect = await admin.fetch(`/messages/${id}/raw`);
    expect(redirect.status).toBe(302);
    const raw = Buffer.from(await (await fetch(redirect.headers.get("location") ?? "")).arrayBuffer());
    const own = raw.subarray(0, raw.length - one.raw.length).toString();
    expect(raw.subarray(raw.length - one.raw.length).equals(one.raw)).toBe(true);
    expect(own).toMatch(/^Return-Path: <noor@candidates\.example\.com>\r\nReceived: /);
    expect(own).toContain("X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\n");
  });
});

describe("threads", () => {
  const threadOf = async (headerId: string) =>
    admin.api.get<Thread>(`/threads/${(await system.stored(headerId)).threadId}`);

  test("answers join by In-Reply-To, and by References alone", async () => {
    const { jobs } = system.mailbox;
    const first = await letter([jobs.address], { subject: "Site electrician" });
    const second = await letter([jobs.address], {
      subject: "Re: Site electrician",
      inReplyTo: `<${first.headerId}>`,
    });
    const third = await letter([jobs.address], {
      subject: "Something else altogether",
      references: [`<${first.headerId}>`, `<${second.headerId}>`],
    });
    for (const one of [first, second, third]) await system.deliver(one);
    const ids = await Promise.all([first, second, third].map((one) => system.stored(one.headerId)));
    const thread = await threadOf(first.headerId);
    expect(thread.messages.map(({ id }) => id)).toEqual(ids.map(({ id }) => id));
  });

  test("what was answered before it came joins its answers, and two threads that it links become one", async () => {
    const { jobs } = system.mailbox;
    const parent = await letter([jobs.address], { subject: "Week 47" });
    const answers = await Promise.all(
      [1, 2].map(() =>
        letter([jobs.address], {
          subject: "Re: Week 47",
          inReplyTo: `<${parent.headerId}>`,
          references: [`<${parent.headerId}>`],
        }),
      ),
    );
    for (const one of [...answers, parent]) await system.deliver(one);
    const thread = await threadOf(parent.headerId);
    expect(thread.messages).toHaveLength(3);
    for (const one of answers) expect((await threadOf(one.headerId)).id).toBe(thread.id);
  });
});

describe("live events", () => {
  test("each subscriber of a mailbox gets one event a message, and nobody else gets any", async () => {
    const { payroll, hello } = system.mailbox;
    const recruiter = await system.signIn("recruiter");
    const [first, second, elsewhere] = await Promise.all([
      admin.listen(`mailbox:${payroll.id}`),
      recruiter.listen(`mailbox:${payroll.id}`),
      admin.listen(`mailbox:${hello.id}`),
    ]);
    const letters = await Promise.all([1, 2, 3].map(() => letter([payroll.address])));
    await system.deliver(...letters);
    const ids = await Promise.all(letters.map(async (one) => (await system.stored(one.headerId)).id));
    for (const socket of [first, second]) {
      await socket.until(() => socket.events.length >= 3, 20_000);
      expect(socket.events.map(({ data }) => data.messageId).sort()).toEqual(ids.sort());
      const [{ seq = 0 } = {}] = socket.events;
      expect(socket.events.map((event) => event.seq)).toEqual([seq, seq + 1, seq + 2]);
    }
    expect(elsewhere.events).toEqual([]);
    for (const socket of [first, second, elsewhere]) socket.close();
  });

  test("a client that was away gets by `after` exactly what it lacks, in order, and then what is new", async () => {
    const { support } = system.mailbox;
    const topic = `mailbox:${support.id}`;
    const before = await Promise.all([1, 2, 3, 4].map(() => letter([support.address])));
    for (const one of before) await system.deliver(one);
    const all = await admin.listen({ topic, after: 0 });
    const [{ seq: last } = { seq: 0 }] = await system.sql<{ seq: number }>(
      "select seq::int from frontdesk.topics where topic = $1",
      [topic],
    );
    await all.until(() => all.events.length >= last, 20_000);
    expect(all.events.map(({ seq }) => seq)).toEqual(Array.from({ length: last }, (_, index) => index + 1));

    const some = await admin.listen({ topic, after: last - 2 });
    await some.until(() => some.events.length >= 2, 20_000);
    const fresh = await letter([support.address]);
    await system.deliver(fresh);
    await some.until(() => some.events.length >= 3, 20_000);
    expect(some.events.map(({ seq }) => seq)).toEqual([last - 1, last, last + 1]);
    expect(some.events.slice(0, 2).map(({ data }) => data)).toEqual(
      all.events.slice(last - 2, last).map(({ data }) => data),
    );
    expect(some.events[2]?.data.messageId).toBe((await system.stored(fresh.headerId)).id);
    all.close();
    some.close();
  });

  test("a ticket opens one socket, once, and only from an allowed origin", async () => {
    const open = async (ticket: string, origin: string) => {
      const socket = new WebSocket(`${system.addresses.websocket}?ticket=${ticket}`, { origin });
      const [outcome] = await Promise.race([
        once(socket, "open").then(() => ["open"]),
        once(socket, "unexpected-response").then(([, response]) => [
          (response as { statusCode: number }).statusCode,
        ]),
      ]);
      socket.terminate();
      return outcome as unknown;
    };
    const ticket = async () => (await admin.api.post<{ ticket: string }>("/realtime/tickets")).ticket;
    const { origin } = system.developer;
    const one = await ticket();
    expect(await open(one, origin)).toBe("open");
    expect(await open(one, origin)).toBe(403);
    expect(await open(await ticket(), "https://elsewhere.example")).toBe(403);
    expect(await open("made-up", origin)).toBe(403);
  });
});

describe("who sees what", () => {
  test("recruiter and viewer see the mailboxes that they are members of, administrators all", async () => {
    const { jobs, payroll, hello, support } = system.mailbox;
    const letters = await Promise.all(
      [jobs, payroll, hello, support].map(({ address }) => letter([address])),
    );
    await system.deliver(...letters);
    const stored = await Promise.all(letters.map((one) => system.stored(one.headerId)));
    const sees = { admin: [0, 1, 2, 3], recruiter: [0, 1, 2], viewer: [0] } as const;

    for (const role of ["admin", "recruiter", "viewer"] as const) {
      const somebody = await system.signIn(role);
      const seen = sees[role].map((index) => [jobs, payroll, hello, support][index]?.id);
      const { items } = await somebody.api.get<{ items: { id: string }[] }>("/mailboxes");
      expect(items.map(({ id }) => id).sort(), role).toEqual(seen.toSorted());

      const answers = await Promise.all(
        stored.flatMap(({ id, threadId }) =>
          [`/messages/${id}`, `/messages/${id}/raw`, `/threads/${threadId}`].map(
            async (path) => (await somebody.fetch(path)).status,
          ),
        ),
      );
      const visible = (index: number) => (sees[role] as readonly number[]).includes(index);
      expect(answers, role).toEqual(
        stored.flatMap((_, index) => (visible(index) ? [200, 302, 200] : [404, 404, 404])),
      );
      const threads = await somebody.api.get<{ items: { id: string }[] }>("/threads?limit=100");
      const listed = new Set(threads.items.map(({ id }) => id));
      expect(
        stored.map(({ threadId }) => listed.has(threadId)),
        role,
      ).toEqual(stored.map((_, index) => visible(index)));
      const filtered = await somebody.fetch(`/threads?mailbox=${support.id}`);
      expect(filtered.status, role).toBe(visible(3) ? 200 : 404);
    }
  });

  test("nobody subscribes to a mailbox that they do not see", async () => {
    const viewer = await system.signIn("viewer");
    await expect(viewer.listen(`mailbox:${system.mailbox.payroll.id}`)).rejects.toThrow(/topic_not_found/);
    await expect(viewer.listen("mailbox:mbx_01JAAAAAAAAAAAAAAAAAAAAAAA")).rejects.toThrow(/topic_not_found/);
  });

  test("what does not exist is told as problem+json with a code, and without a token nothing is told at all", async () => {
    const none = "01JAAAAAAAAAAAAAAAAAAAAAAA";
    for (const path of [
      `/threads/thr_${none}`,
      `/messages/msg_${none}`,
      `/messages/msg_${none}/raw`,
      `/messages/msg_${none}/attachments/att_${none}`,
      `/threads?mailbox=mbx_${none}`,
      "/nothing",
    ]) {
      const answer = await admin.fetch(path);
      expect(answer.status, path).toBe(404);
      expect(answer.headers.get("content-type"), path).toContain("application/problem+json");
      expect(await answer.json(), path).toMatchObject({
        status: 404,
        code: expect.stringMatching(/not_found|no_such_path/),
        requestId: expect.any(String),
      });
      expect((await fetch(system.addresses.api + path)).status, path).toBe(401);
    }
  });
});

test("one trace leads from the object's key to the row, the log and the socket, and AWS's own through every hop", async () => {
  const { jobs } = system.mailbox;
  const socket = await admin.listen(`mailbox:${jobs.id}`);
  const one = await letter([jobs.address]);
  await system.deliver(one);
  const { id, key, trace: stored } = await system.stored(one.headerId);
  await socket.until(() => socket.events.length >= 1, 20_000);
  socket.close();
  const wanted = trace.ofObjectKey(key);
  expect(stored).toBe(wanted);
  expect((await admin.api.get<Message>(`/messages/${id}`)).trace).toBe(wanted);
  expect(socket.events.map(({ data }) => data.trace)).toEqual([wanted]);

  const accepted = system.observed.find(({ kind, detail }) => kind === "smtp.accepted" && detail.key === key);
  const [root = ""] = accepted?.traces ?? [];
  expect(root).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
  const kinds = new Set(
    system.observed.filter(({ traces }) => traces.includes(root)).map(({ kind }) => kind),
  );
  for (const kind of ["s3.put", "sns.publish", "sns.deliver", "sqs.send", "sqs.receive", "lambda.start"])
    expect(kinds).toContain(kind);
});

test("the whole path denied nothing", () => {
  expect(system.app.iam.denials()).toEqual([]);
});
