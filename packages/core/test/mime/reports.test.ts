import { describe, expect, it } from "vitest";
import { parse } from "./message.ts";

const received = (value: string) => parse(`Received: ${value}`, "", "t").receivedTop;
const results = (value: string) => parse(`Authentication-Results: ${value}`, "", "t").authenticationResults;

describe("the topmost Received field", () => {
  it("gives host, recipient and time as SES writes them", () => {
    expect(
      received(
        "from mail-a.google.com (mail-a.google.com [209.85.1.1])\r\n by inbound-smtp.us-east-1.amazonaws.com with SMTP id abc123\r\n for jobs@mail.example.com;\r\n Tue, 01 Jul 2003 10:52:37 +0000 (UTC)",
      ),
    ).toEqual({
      from: "mail-a.google.com",
      by: "inbound-smtp.us-east-1.amazonaws.com",
      with: "SMTP",
      id: "abc123",
      for: ["jobs@mail.example.com"],
      date: new Date("2003-07-01T10:52:37Z"),
    });
  });

  it("takes nothing out of comments, and brackets off the recipient", () => {
    expect(
      received("from x (for evil@y by z) by real.host for <a@x.org>; 1 Jul 2003 10:00 +0000"),
    ).toMatchObject({
      by: "real.host",
      for: ["a@x.org"],
    });
  });

  it("is the first one only", () => {
    expect(
      parse("Received: by one for a@x; 1 Jul 2003 10:00 +0000", "Received: by two for b@x", "", "t")
        .receivedTop,
    ).toMatchObject({
      by: "one",
      for: ["a@x"],
    });
  });
});

describe("the topmost Authentication-Results field", () => {
  it("gives methods, results and properties; those below are ignored", () => {
    const mail = parse(
      'Authentication-Results: amazonses.com;\r\n spf=pass (spfCheck: domain of example.com) client-ip=1.2.3.4; dkim=pass header.i=@example.com header.s="a b";\r\n dmarc = fail policy.dmarc=none',
      "Authentication-Results: evil.example; dmarc=pass",
      "",
      "t",
    );
    expect(mail.authenticationResults).toEqual({
      server: "amazonses.com",
      methods: [
        { method: "spf", result: "pass", properties: { "client-ip": "1.2.3.4" } },
        { method: "dkim", result: "pass", properties: { "header.i": "@example.com", "header.s": "a b" } },
        { method: "dmarc", result: "fail", properties: { "policy.dmarc": "none" } },
      ],
    });
  });

  it("knows `none`, a version, and nonsense", () => {
    expect(results("mx.example 1; none")).toEqual({ server: "mx.example", methods: [] });
    expect(results("")).toBeUndefined();
  });

  it("gives properties named like members of Object no power", () => {
    const properties = results("x; spf=pass __proto__=y constructor=z")?.methods[0]?.properties ?? {};
    expect(Object.getPrototypeOf(properties)).toBe(Object.prototype);
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(["constructor"]));
  });
});

describe("reports", () => {
  const report = (type: string, status: string[], original: string[]) =>
    parse(
      `Content-Type: multipart/report; report-type=${type}; boundary=r`,
      "",
      "--r",
      "",
      "Human text",
      "--r",
      ...status,
      "--r",
      ...original,
      "--r--",
    );

  it("a bounce names its recipients, causes and the message that bounced", () => {
    const mail = report(
      "delivery-status",
      [
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example.com",
        "Arrival-Date: Tue, 1 Jul 2003 10:52:37 +0200",
        "",
        "Original-Recipient: rfc822;info@x.org",
        "Final-Recipient: rfc822; <anna@x.org>",
        "Action: FAILED (bad)",
        "Status: 5.1.1 (no such user)",
        "Remote-MTA: dns; mx.x.org",
        "Diagnostic-Code: smtp; 550 5.1.1 unknown\r\n user",
        "",
        "Final-Recipient: rfc822; b@x.org",
        "Action: delayed",
        "Status: 4.0.0",
      ],
      ["Content-Type: text/rfc822-headers", "", "Message-ID: <sent@x>", "Subject: Offer", "To: anna@x.org"],
    );
    expect(mail.deliveryStatus).toMatchObject({
      reportingMta: "mx.example.com",
      arrivalDate: new Date("2003-07-01T08:52:37Z"),
      recipients: [
        {
          originalRecipient: "info@x.org",
          finalRecipient: "anna@x.org",
          action: "failed",
          status: "5.1.1",
          remoteMta: "mx.x.org",
          diagnosticCode: "550 5.1.1 unknown user",
        },
        { finalRecipient: "b@x.org", action: "delayed", status: "4.0.0" },
      ],
      returned: { messageId: "sent@x", subject: "Offer", to: [{ address: "anna@x.org" }] },
    });
    expect(mail.text).toBe("Human text");
  });

  it("a complaint names its kind, its recipients and the message complained about", () => {
    const mail = report(
      "feedback-report",
      [
        "Content-Type: message/feedback-report",
        "",
        "Feedback-Type: Abuse",
        "User-Agent: Some/1",
        "Original-Mail-From: <us@example.com>",
        "Original-Rcpt-To: <anna@x.org>",
        "Original-Rcpt-To: b@x.org",
        "Source-IP: 192.0.2.1",
      ],
      ["Content-Type: message/rfc822", "", "Message-ID: <sent@x>", "", "body"],
    );
    expect(mail.feedbackReport).toMatchObject({
      type: "abuse",
      originalMailFrom: "us@example.com",
      originalRecipients: ["anna@x.org", "b@x.org"],
      sourceIp: "192.0.2.1",
      returned: { messageId: "sent@x" },
    });
  });

  it("an invitation gives its method and its calendar", () => {
    const calendar = ["BEGIN:VCALENDAR", "METHOD:REQUEST", "END:VCALENDAR"];
    const mail = parse(
      "Content-Type: multipart/alternative; boundary=b",
      "",
      "--b",
      "",
      "Come!",
      "--b",
      "Content-Type: text/calendar; charset=utf-8; method=request",
      "",
      ...calendar,
      "--b--",
    );
    expect(mail).toMatchObject({
      text: "Come!",
      calendars: [{ method: "REQUEST", content: calendar.join("\n"), partPath: "2" }],
      attachments: [{ contentType: "text/calendar" }],
    });
    expect(parse("Content-Type: text/calendar", "", ...calendar).calendars[0]?.method).toBe("REQUEST");
  });
});
