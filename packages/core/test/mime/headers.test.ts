import { parseDate } from "@frontdesk/core/mime";
import { describe, expect, it } from "vitest";
import { parse, utf8 } from "./message.ts";

const subject = (value: string) => parse(`Subject: ${value}`, "", "x").subject;

describe("subjects", () => {
  it.each([
    ["quoted-printable words", "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus?= Bern", "Grüße aus Bern"],
    ["base64 words", "=?UTF-8?B?UHLDvGZ1bmc=?=", "Prüfung"],
    ["neighbouring words without the blank between", "=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"],
    ["a language in the charset", "=?us-ascii*EN?Q?Keith?=", "Keith"],
    ["a character split between two words", "=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "ü"],
    ["a base64 quantum split between two words", "=?utf-8?B?w7?= =?utf-8?B?xi?=", "üb"],
    ["blanks inside a word", "=?utf-8?Q?two words?=", "two words"],
    ["words without blanks around them", "a=?utf-8?Q?=C3=BC?=b", "aüb"],
    ["raw 8-bit bytes inside a word", "=?iso-8859-1?Q?Fr\xf6sche?=", "Frösche"],
    ["raw UTF-8 inside a word", `=?utf-8?Q?${utf8("Frö")}_sche?=`, "Frö sche"],
    ["a word that is not closed", "=?utf-8?Q?Gr=C3=BC=C3=9Fe", "Grüße"],
    ["an unknown charset", "=?x-nonsense?Q?caf=E9?=", "café"],
    ["no charset", "=??Q?caf=C3=A9?=", "café"],
    [
      "ISO-2022-JP words, each shifting by itself",
      "=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?= =?ISO-2022-JP?B?GyRCOGwbKEI=?=",
      "日本語",
    ],
    ["UTF-7", "=?utf-7?Q?Gr+APwA3w-e?=", "Grüße"],
    ["raw UTF-8", utf8("Grüße 日本"), "Grüße 日本"],
    ["raw windows-1252", "Gr\xfc\xdfe \x80 5", "Grüße € 5"],
    ["raw ISO-2022-JP", "\x1b$BF|K\\8l\x1b(B", "日本語"],
    ["a question mark that starts no word", "what =? really ?= yes", "what =? really ?= yes"],
    ["folds", "one\r\n two\r\n\tthree", "one two three"],
  ])("reads %s", (_, value, expected) => {
    expect(subject(value)).toBe(expected);
  });

  it("takes the body's charset for raw bytes that are not UTF-8", () => {
    const mail = parse(
      "Subject: \xcf\xf0\xe8\xe2\xe5\xf2",
      "Content-Type: text/plain; charset=windows-1251",
      "",
      "x",
    );
    expect(mail.subject).toBe("Привет");
    expect(mail.defects).toContain("header-8bit");
  });

  it("lets no encoded word smuggle in a line break or a NUL", () => {
    const mail = parse("Subject: =?utf-8?Q?a=0D=0ABcc:_x@y=00z?=", "", "x");
    expect(mail.subject).toBe("a Bcc: x@yz");
    expect(mail.bcc).toEqual([]);
  });
});

describe("the header", () => {
  it("keeps every field in its order, raw and decoded", () => {
    const mail = parse("X-A: 1", "Subject: =?utf-8?Q?=C3=BC?=", " more", "x-a: 2", "", "body");
    expect(mail.headers.map(({ name, key, value }) => [name, key, value])).toEqual([
      ["X-A", "x-a", "1"],
      ["Subject", "subject", "ü more"],
      ["x-a", "x-a", "2"],
    ]);
    expect(mail.headers[1]?.raw).toBe(" =?utf-8?Q?=C3=BC?=\r\n more");
  });

  it("skips an mbox line and blank lines ahead of it", () => {
    expect(parse("", "From a@b Mon Jan  1 00:00:00 2001", "Subject: s", "", "t")).toMatchObject({
      subject: "s",
      text: "t",
    });
  });

  it("takes a line that lost its indent for the continuation of the field before", () => {
    const mail = parse(
      "Content-Type: multipart/mixed;",
      'boundary="b"',
      "Subject: s",
      "",
      "--b",
      "",
      "text",
      "--b--",
    );
    expect(mail).toMatchObject({ text: "text", subject: "s" });
    expect(mail.defects).toContain("header-malformed-line");
  });

  it("starts the body at a line that is no field when the blank line is missing", () => {
    const mail = parse("Subject: s", "Dear all,", "", "text");
    expect(mail).toMatchObject({ subject: "s", text: "Dear all,\n\ntext" });
    expect(mail.defects).toContain("header-end-missing");
  });

  it("reads LF alone, CR alone and CRLF as line ends", () => {
    for (const end of ["\n", "\r", "\r\n"]) {
      const mail = parse(["Subject: s", "To: a@b", "", "one", "two"].join(end));
      expect(mail).toMatchObject({ subject: "s", text: "one\ntwo", to: [{ address: "a@b" }] });
    }
  });

  it("uses the first of a repeated field, and says so", () => {
    const mail = parse("From: a@x", "From: b@x", "Subject: 1", "Subject: 2", "", "t");
    expect(mail).toMatchObject({ from: [{ address: "a@x" }], subject: "1" });
    expect(mail.defects).toEqual(expect.arrayContaining(["duplicate-from", "duplicate-subject"]));
  });

  it("is clean, that is without defects, for a clean message", () => {
    expect(
      parse("From: a@x", "To: b@x", "Date: Tue, 1 Jul 2003 10:52:37 +0200", "Message-ID: <1@x>", "", "t")
        .defects,
    ).toEqual([]);
  });

  it("reads the small fields", () => {
    const mail = parse(
      "List-Id: The staff =?utf-8?Q?=C3=BC?= <staff.example.com>",
      "Auto-Submitted: Auto-Replied; owner-email=x@y",
      "Precedence: BULK",
      "X-SES-Spam-Verdict: pass",
      "X-SES-Virus-Verdict: NONSENSE",
      "X-Gm-Original-To: jobs@example.com",
      "X-Gm-Spam: 1",
      "X-Gm-Phishy: 0",
      "",
      "t",
    );
    expect(mail).toMatchObject({
      listId: "staff.example.com",
      autoSubmitted: "auto-replied",
      precedence: "bulk",
      sesVerdicts: { spam: "PASS" },
      googleHeaders: { originalTo: ["jobs@example.com"], spam: true, phishy: false },
    });
    expect(mail.sesVerdicts).not.toHaveProperty("virus");
  });

  it("reads Outlook's Thread-Index: one root for the conversation, a depth for the reply", () => {
    const root = Buffer.from([1, ...Array.from({ length: 21 }, (_, i) => i)]);
    const reply = Buffer.concat([root, Buffer.alloc(10)]);
    const index = (value: Buffer) => parse(`Thread-Index: ${value.toString("base64")}`, "", "t").threadIndex;
    expect(index(root)).toEqual({ root: root.toString("hex"), depth: 0 });
    expect(index(reply)).toEqual({ root: root.toString("hex"), depth: 2 });
    expect(index(Buffer.from("short"))).toBeUndefined();
  });
});

describe("identifiers", () => {
  const ids = (value: string) => parse(`References: ${value}`, "", "t").references;

  it.each([
    ["several", "<a@x> <b@x>\r\n <c@x>", ["a@x", "b@x", "c@x"]],
    ["obsolete phrases between them", 'Your message of "Tue, 1 Jul" <a@x> (sent)', ["a@x"]],
    ["folds inside one", "<a\r\n @x>", ["a@x"]],
    ["commas between them", "<a@x>,<b@x>", ["a@x", "b@x"]],
    ["a bracket that is not closed", "<a@x <b@x>", ["a@x", "b@x"]],
    ["no brackets", "a@x b@x", ["a@x", "b@x"]],
    ["repeats", "<a@x> <a@x>", ["a@x"]],
    ["encoded words", "=?us-ascii?Q?=3Ca=40x=3E_=3Cb=40x=3E?=", ["a@x", "b@x"]],
    ["prose", "my mail of yesterday", []],
    ["nothing", "", []],
  ])("reads References with %s", (_, value, expected) => {
    expect(ids(value)).toEqual(expected);
  });

  it("gives Message-ID and In-Reply-To without brackets", () => {
    expect(parse("Message-ID: <a@x>", "In-Reply-To: <b@x> <c@x>", "", "t")).toMatchObject({
      messageId: "a@x",
      inReplyTo: ["b@x", "c@x"],
    });
    expect(parse("Message-ID: ", "", "t").messageId).toBeUndefined();
  });
});

describe("dates", () => {
  it.each([
    ["Tue, 1 Jul 2003 10:52:37 +0200", "2003-07-01T08:52:37.000Z"],
    ["1 Jul 03 10:52 GMT", "2003-07-01T10:52:00.000Z"],
    ["Fri, 21 Nov 97 09(comment (nested)):   55  :  06 -0600", "1997-11-21T15:55:06.000Z"],
    ["Fri, 21 Nov 97 09:55:06 EST", "1997-11-21T14:55:06.000Z"],
    ["Fri, 21 Nov 1997 09:55:06 -0600 (CST)", "1997-11-21T15:55:06.000Z"],
    ["Thu, 22 Aug 0102 12:07:35 +0800", "2002-08-22T04:07:35.000Z"],
    ["Mon, 1 Jan 2024 10:00:00 K", "2024-01-01T10:00:00.000Z"],
    ["Mon, 1 Jan 2024 10:00:00", "2024-01-01T10:00:00.000Z"],
    ["Tue Jul  1 10:52:37 2003", "2003-07-01T10:52:37.000Z"],
    ["2024-02-29T12:00:00+05:30", "2024-02-29T06:30:00.000Z"],
    ["31 Feb 2024 10:00:00 +0000", undefined],
    ["1 Jul 2003 25:00:00 +0000", undefined],
    ["yesterday", undefined],
    ["", undefined],
  ])("reads %j", (value, expected) => {
    expect(parseDate(value)?.toISOString()).toBe(expected);
  });
});
