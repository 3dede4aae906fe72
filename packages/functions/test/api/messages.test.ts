import { ingest } from "@frontdesk/core/mail";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { address, cdnUrl, sesNotice } from "../../../core/test/support/world.ts";
import { Message } from "../../src/api/schemas.ts";
import { call, expectJson, expectProblem } from "../support/api.ts";
import { createDesk, type Desk, type Person } from "../support/desk.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk?.stop());

const follow = async (path: string, person: Person = "recruiter") => {
  const response = await call(path, desk.claims[person]);
  expect(response.status).toBe(302);
  return new URL(response.headers.get("location") ?? "");
};

/** A message in its own words. */
async function store(id: string, lines: string[]): Promise<string> {
  desk.world.aws.put("mail", `inbound/${id}`, [`Message-ID: <${id}@example.org>`, ...lines, ""].join("\r\n"));
  expect(await ingest([sesNotice(`inbound/${id}`, [address("jobs")])])).toEqual({ failed: [] });
  const [row] = await desk.world.rows<{ id: string }>(
    "select id from frontdesk.messages where header_id = $1",
    [`${id}@example.org`],
  );
  return row?.id ?? "";
}

describe("a message", () => {
  test("comes with its text, its recipients in their roles, and its attachments", async () => {
    const { messageId, threadId, attachmentId } = desk.ids.shared;
    const message = await expectJson<Record<string, unknown>>(
      await call(`/messages/${messageId}`, desk.claims.recruiter),
    );
    expect(message).toMatchObject({
      id: messageId,
      threadId,
      state: "delivered",
      subject: "About shared",
      from: { address: "noor@example.org", name: "Noor" },
      text: expect.stringContaining("See attached."),
      headerId: "shared@example.org",
      references: [],
      mailboxIds: [desk.world.mailbox.jobs],
      recipients: [
        { role: "to", address: address("jobs"), name: "" },
        { role: "to", address: address("payroll"), name: "" },
      ],
      attachments: [{ id: attachmentId, filename: "shared – é.pdf", contentType: "application/pdf" }],
      trace: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  test("comes without its HTML, which is not safe to show", async () => {
    const id = await store("html", ["Content-Type: text/html", "", "<p>Hello <script>alert(1)</script></p>"]);
    const response = await call(`/messages/${id}`, desk.claims.recruiter);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ hasHtml: true, text: expect.stringContaining("Hello") });
    expect(text).not.toContain("<script");
  });

  test.each([
    ["no header at all", ["", "only text"]],
    ["dates that no calendar has", ["Date: Fri, 99 Foo 99999 99:99:99 +9999", "", "x"]],
    ["the year 12345", ["Date: Mon, 02 Jan 12345 03:04:05 +0000", "", "x"]],
    ["the year 1", ["Date: Mon, 02 Jan 0001 03:04:05 +0000", "", "x"]],
    ["NULs and lone surrogates", ["Subject: a\0b =?utf-8?B?7aCA?=", "From: \0 <\0@\0>", "", "c\0d\ud800"]],
    [
      "ten thousand recipients",
      [`To: ${Array.from({ length: 10_000 }, (_, n) => `a${n}@b.test`).join(",\r\n ")}`, "", "x"],
    ],
  ])("with %s is answered in the form that is promised", async (name, lines) => {
    const id = await store(name.replaceAll(/\W/g, ""), lines);
    const body = await expectJson(await call(`/messages/${id}`, desk.claims.recruiter));
    expect(Message.parse(body)).toEqual(body);
  });
});

describe("bytes", () => {
  test("of a message are those that SES wrote", async () => {
    const { messageId } = desk.ids.jobs;
    const address = await follow(`/messages/${messageId}/raw`);
    expect(address.pathname).toBe("/mail/inbound/jobs");
    expect(address.searchParams.get("response-content-type")).toBe("message/rfc822");
    expect(address.searchParams.get("response-content-disposition")).toContain(`${messageId}.eml`);
    const raw = await (await fetch(address)).text();
    expect(raw).toContain("Message-ID: <jobs@example.org>");
  });

  test("of an attachment are its own, under its own name", async () => {
    const { messageId, attachmentId } = desk.ids.jobs;
    const address = await follow(`/messages/${messageId}/attachments/${attachmentId}`);
    expect(address.origin).toBe(cdnUrl);
    expect(address.searchParams.get("Signature")).toBeTruthy();
    expect(address.searchParams.get("response-content-disposition")).toBe(
      "attachment; filename=\"jobs _ _.pdf\"; filename*=UTF-8''jobs%20%E2%80%93%20%C3%A9.pdf",
    );
    const stored = desk.world.aws.buckets.get("home")?.get(address.pathname.slice(1));
    expect(stored?.body.toString()).toContain("bytes of jobs");
    expect(stored?.headers).toEqual({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment",
    });
  });

  test("of a page are never of a type that a browser would run", async () => {
    const id = await store("page", [
      'Content-Type: multipart/mixed; boundary="b"',
      "",
      "--b",
      'Content-Type: text/html; charset="x"; name="a\r\n b.html"',
      'Content-Disposition: attachment; filename="../../a\\"; filename=b.html"',
      "",
      "<script>alert(1)</script>",
      "--b--",
    ]);
    const { attachments } = await expectJson<{ attachments: { id: string }[] }>(
      await call(`/messages/${id}`, desk.claims.recruiter),
    );
    const address = await follow(`/messages/${id}/attachments/${attachments[0]?.id}`);
    expect(address.searchParams.get("response-content-disposition")).toMatch(
      /^attachment; filename="[^"\r\n]*"; /,
    );
    expect(address.searchParams.has("response-content-type")).toBe(false);
  });

  test("are not handed out under another message's name", async () => {
    const [jobs, shared] = [desk.ids.jobs, desk.ids.shared];
    for (const person of ["admin", "recruiter"] as const)
      await expectProblem(
        await call(`/messages/${jobs.messageId}/attachments/${shared.attachmentId}`, desk.claims[person]),
        404,
        "attachment_not_found",
      );
  });

  test("in quarantine are for administrators", async () => {
    const { messageId, attachmentId } = desk.ids.quarantined;
    for (const path of [`/messages/${messageId}/raw`, `/messages/${messageId}/attachments/${attachmentId}`]) {
      await expectProblem(await call(path, desk.claims.recruiter), 403, "quarantined");
      expect((await follow(path, "admin")).searchParams.toString()).toContain("Signature=");
    }
  });
});
