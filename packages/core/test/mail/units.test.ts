import { describe, expect, test } from "vitest";
import {
  MemoryBudget,
  mailboxesOf,
  parseNotices,
  prepare,
  recipientsOf,
  trustOf,
} from "../../src/mail/index.ts";
import { parseMail } from "../../src/mime/index.ts";
import { mail, s3Notice, sesNotice } from "../support/world.ts";

const mailboxes = new Map([
  ["jobs@desk.test", "mbx_jobs"],
  ["a+b@desk.test", "mbx_plus"],
]);

describe("mailboxesOf", () => {
  test.each([
    ["jobs@desk.test", ["mbx_jobs"]],
    ["JOBS@Desk.Test", ["mbx_jobs"]],
    ["jobs+anything@desk.test", ["mbx_jobs"]],
    ["a+b@desk.test", ["mbx_plus"]],
    ["a@desk.test", []],
    ["jobs@sub.desk.test", []],
    ["jobs@desk.test.evil.test", []],
    ["xjobs@desk.test", []],
    ["+jobs@desk.test", []],
    ["jobs", []],
    ["", []],
  ])("%s: %j", (address, expected) => {
    expect(mailboxesOf([address], mailboxes)).toEqual(expected);
  });

  test("a mailbox that is named twice is there once", () => {
    expect(mailboxesOf(["jobs@desk.test", "Jobs+x@desk.test"], mailboxes)).toEqual(["mbx_jobs"]);
  });
});

const sesReceived = (host = "mail-wm1-f49.google.com", recipient = " for jobs@desk.test") =>
  `Received: from mail.example (${host} [209.85.128.49])\r\n by inbound-smtp.us-east-1.amazonaws.com with SMTP id x1${recipient};\r\n Fri, 02 Jan 2026 03:04:05 +0000 (UTC)\r\n`;
const results = (spf: string) =>
  `Authentication-Results: amazonses.com; spf=${spf} smtp.mailfrom=x; dkim=fail\r\n`;
const google = "X-Gm-Original-To: payroll@desk.test\r\nX-Gm-Spam: 1\r\nX-Gm-Phishy: 0\r\n";
const parsed = (head: string) => parseMail(Buffer.from(head + mail()));

describe("whom a message is for without SES's notice", () => {
  test("SES's own topmost Received comes first", () => {
    expect(recipientsOf(parsed(sesReceived() + results("pass") + google))).toEqual({
      source: "received",
      addresses: ["jobs@desk.test"],
    });
  });

  test("then Google's headers, when the message is proven to come from Google", () => {
    expect(recipientsOf(parsed(sesReceived(undefined, "") + results("pass") + google))).toEqual({
      source: "google",
      addresses: ["payroll@desk.test"],
    });
  });

  test.each([
    ["another host", sesReceived("mail.evil.test", "") + results("pass") + google],
    [
      "a host that only looks like Google's",
      sesReceived("mail.google.com.evil.test", "") + results("pass") + google,
    ],
    ["a failed SPF check", sesReceived(undefined, "") + results("softfail") + google],
    ["no check at all", sesReceived(undefined, "") + google],
    [
      "a Received that is not SES's",
      `Received: from a (mail.google.com [1.2.3.4]) by mx.evil.test; Fri, 02 Jan 2026 03:04:05 +0000\r\n${results("pass")}${google}`,
    ],
  ])("Google's headers count for nothing from %s", (_, head) => {
    expect(recipientsOf(parsed(head)).source).toBe("header");
  });

  test("a `for` that the sender wrote counts for nothing", () => {
    const forged = "Received: from a by b for payroll@desk.test; Fri, 02 Jan 2026 03:04:05 +0000\r\n";
    expect(recipientsOf(parsed(forged)).source).toBe("header");
    expect(recipientsOf(parsed(sesReceived(undefined, "") + forged)).source).toBe("header");
  });
});

describe("trust without SES's notice", () => {
  test("SES's headers above the sender's first Received count", () => {
    const head = `${sesReceived()}X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: FAIL\r\n${results("pass")}`;
    expect(trustOf(parsed(head))).toMatchObject({
      source: "ses-headers",
      trusted: false,
      verdicts: { spam: "PASS", virus: "FAIL", spf: "PASS", dkim: "FAIL" },
    });
  });

  test("those below it, and all where SES did not receive, are the sender's own", () => {
    const below = `${sesReceived()}Received: from x by y; Fri, 02 Jan 2026 03:04:05 +0000\r\nX-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\n`;
    const alone = "X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\n";
    for (const head of [below, alone])
      expect(trustOf(parsed(head))).toMatchObject({ source: "none", trusted: false, verdicts: {} });
  });

  test("Google's verdict is kept apart, and only if it is Google's", () => {
    expect(trustOf(parsed(sesReceived() + results("pass") + google)).google).toEqual({
      spam: true,
      phishy: false,
    });
    expect(trustOf(parsed(sesReceived("evil.test") + results("pass") + google)).google).toBeUndefined();
  });
});

describe("prepare", () => {
  const prepared = (raw: string) =>
    prepare(parseMail(Buffer.from(raw)), { messageId: "msg_01JD0000000000000000000000", size: 1 });

  test.each([
    ["auto-submitted", { "Auto-Submitted": "auto-replied" }],
    ["list", { "List-Id": "<l.example>" }],
    ["bulk", { Precedence: "bulk" }],
    ["no-message-id", { "Message-ID": "" }],
  ])("flags %s", (flag, headers) => {
    expect(prepared(mail({ headers })).flags).toContain(flag);
  });

  test("Auto-Submitted: no is sent by a person", () => {
    expect(prepared(mail({ headers: { "Auto-Submitted": "no" } })).flags).toEqual([]);
  });

  test("the same content by another route has the same hash, other content another one", () => {
    const hash = (raw: string) => prepared(raw).contentHash;
    const one = hash(mail());
    expect(hash(`Received: from x by y; Fri, 02 Jan 2026 03:04:05 +0000\r\n${mail()}`)).toBe(one);
    expect(hash(mail({ headers: { Subject: "[list] A question" } }))).toBe(one);
    expect(hash(mail({ body: "Hello!\r\n" }))).not.toBe(one);
    expect(hash(mail({ headers: { From: "else@example.org" } }))).not.toBe(one);
  });

  test("a message that names itself as its ancestor has no such ancestor", () => {
    expect(prepared(mail({ headers: { References: "<a@x> <question@example.org>" } })).references).toEqual([
      "a@x",
    ]);
  });
});

describe("notices", () => {
  test("keys are decoded in S3's event alone", () => {
    const key = "inbound/a b+c%20d/ü";
    expect(parseNotices(s3Notice(key).body)).toMatchObject([{ source: "s3", key, size: 100 }]);
    expect(parseNotices(sesNotice(key, ["A@x.test"]).body)).toMatchObject([
      { source: "ses", key, recipients: ["a@x.test"], verdicts: { spam: "PASS" } },
    ]);
  });

  test("raw delivery, without SNS's envelope, is read too", () => {
    const { Message } = JSON.parse(sesNotice("k", []).body) as { Message: string };
    expect(parseNotices(Message)).toHaveLength(1);
  });

  test("several records in one event are several notices; removals are none", () => {
    const record = (key: string, eventName: string) => ({
      eventSource: "aws:s3",
      eventName,
      eventTime: "2026-01-02T03:04:05Z",
      s3: { bucket: { name: "mail" }, object: { key } },
    });
    const body = JSON.stringify({
      Records: [
        record("a", "ObjectCreated:Put"),
        record("b", "ObjectRemoved:Delete"),
        record("c", "ObjectCreated:Copy"),
      ],
    });
    expect(parseNotices(body).map(({ key }) => key)).toEqual(["a", "c"]);
  });

  test.each([
    ["no JSON", "{"],
    ["another shape", "[]"],
    ["JSON that is no object", "null"],
    ["an SNS envelope around no JSON", JSON.stringify({ Type: "Notification", Message: "x" })],
    [
      "a key that is not URL-encoded",
      JSON.stringify({
        Records: [
          {
            eventSource: "aws:s3",
            eventName: "ObjectCreated:Put",
            eventTime: "x",
            s3: { bucket: { name: "b" }, object: { key: "%E0%A4%A" } },
          },
        ],
      }),
    ],
    [
      "an SES notification of another action",
      JSON.stringify({ notificationType: "Received", mail: {}, receipt: { action: { type: "Lambda" } } }),
    ],
  ])("%s is one clear error", (_, body) => {
    expect(() => parseNotices(body)).toThrow(/not JSON|is not an|not URL-encoded/);
  });

  test("a verdict that SES may add one day is not taken for a pass", () => {
    expect(parseNotices(sesNotice("k", [], { spam: "EXCELLENT" }).body)[0]?.verdicts?.spam).toBeUndefined();
  });
});

describe("MemoryBudget", () => {
  test("gives room in the order of asking, and never more than there is", async () => {
    const budget = new MemoryBudget(10);
    const order: string[] = [];
    const first = await budget.take(6);
    const big = budget.take(8).then((release) => {
      order.push("big");
      return release;
    });
    const small = budget.take(1).then((release) => {
      order.push("small");
      return release;
    });
    await Promise.resolve();
    expect(order).toEqual([]);
    first();
    first();
    await Promise.all([big, small]);
    expect(order).toEqual(["big", "small"]);
  });
});
