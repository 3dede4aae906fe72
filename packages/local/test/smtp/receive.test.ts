import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  Client,
  message,
  type Notice,
  region,
  rule,
  startReceiver,
  storeAction,
  topicArn,
} from "./support.ts";

let ses: Awaited<ReturnType<typeof startReceiver>>;
let clients: Client[] = [];
async function open(...args: Parameters<typeof startReceiver>) {
  ses = await startReceiver(...args);
}
async function client() {
  const made = await Client.connect(ses.mail.port(region));
  clients.push(made);
  return made;
}
afterEach(async () => {
  for (const one of clients) one.close();
  clients = [];
  await ses.stop();
});
const ruleArn = "arn:aws:ses:us-east-1:123456789012:receipt-rule-set/set:receipt-rule/inbound";
const principal = {
  kind: "service",
  service: "ses.amazonaws.com",
  sourceArn: ruleArn,
  sourceAccount: "123456789012",
};

describe("what is stored", () => {
  test("the message is put as SES with its rule, SES's fields in front, and answered after that", async () => {
    await open([rule()]);
    let stored = false;
    ses.behaviour.put = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      stored = true;
    };
    const answer = await (await client()).send(message("Hello\r\n..dot\r\nend"));
    expect(stored).toBe(true);
    const [object] = ses.objects;
    const messageId = object?.key.replace("raw/", "") ?? "";
    expect(messageId).toMatch(/^[0-9a-v]{40}$/);
    expect(answer).toBe(`250 OK ${messageId}`);
    expect(object).toMatchObject({
      principal,
      bucket: "mail",
      trace: expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
    });
    expect(object?.body.split("\r\n")).toEqual([
      "Return-Path: <ada@sender.example>",
      "Received: from mail.sender.example (localhost [127.0.0.1])",
      ` by inbound-smtp.us-east-1.amazonaws.com with SMTP id ${messageId}`,
      " for jobs@example.com;",
      expect.stringMatching(/^ \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000 \(UTC\)$/),
      "X-SES-Spam-Verdict: PASS",
      "X-SES-Virus-Verdict: PASS",
      "Received-SPF: pass (spfCheck: domain of sender.example designates 127.0.0.1 as permitted sender) client-ip=127.0.0.1; envelope-from=ada@sender.example; helo=mail.sender.example;",
      "Authentication-Results: amazonses.com;",
      " spf=pass (spfCheck: domain of sender.example designates 127.0.0.1 as permitted sender) client-ip=127.0.0.1; envelope-from=ada@sender.example; helo=mail.sender.example;",
      " dkim=pass header.i=@sender.example;",
      " dmarc=pass header.from=sender.example;",
      expect.stringMatching(/^X-SES-RECEIPT: [\w+/=]+$/),
      expect.stringMatching(/^X-SES-DKIM-SIGNATURE: a=rsa-sha256; q=dns\/txt; b=; .*d=amazonses.com;/),
      "From: Ada <ada@sender.example>",
      "To: jobs@example.com",
      "Subject: Hi",
      "",
      "Hello",
      ".dot",
      "end",
      "",
    ]);
  });

  test("with several recipients nobody is named in Received, and the notice has them all", async () => {
    await open([rule()]);
    await (await client()).send(message(), ["jobs@example.com", "hidden@example.com"]);
    const received = ses.objects[0]?.body.slice(0, ses.objects[0].body.indexOf("X-SES-Spam"));
    expect(received).toContain(" with SMTP id ");
    expect(received).not.toContain("hidden@example.com");
    expect(received).not.toContain(" for ");
    expect(ses.published[0]?.notice.receipt.recipients).toEqual(["jobs@example.com", "hidden@example.com"]);
    expect(ses.published[0]?.notice.mail.destination).toEqual(["jobs@example.com"]);
  });

  test("the notice has SES's shape, the trace goes along, and the observation tells the key", async () => {
    await open([rule()]);
    const headers = [
      'Cc: "Doe, John" <john@other.example>, Team: a@team.example, b@team.example;',
      "Date: Mon, 5 Aug 2019 21:29:57 +0000",
      "Message-ID: <1@sender.example>",
      "X-Folded: one\r\n two\r\n\tthree",
      "Subject: =?UTF-8?Q?Caf=C3=A9_?=\r\n =?utf-8?b?4pyT?=",
    ];
    await (await client()).send(message("Hello", headers).replace("Subject: Hi\r\n", ""));
    const [object] = ses.objects;
    const [first] = ses.published;
    const messageId = object?.key.replace("raw/", "");
    expect(first).toMatchObject({
      principal,
      topicArn,
      subject: "Amazon SES Email Receipt Notification",
      trace: object?.trace,
    });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(first?.notice).toEqual({
      notificationType: "Received",
      mail: {
        timestamp: time,
        source: "ada@sender.example",
        messageId,
        destination: ["jobs@example.com", "john@other.example", "a@team.example", "b@team.example"],
        headersTruncated: false,
        headers: expect.any(Array),
        commonHeaders: {
          returnPath: "ada@sender.example",
          from: ["Ada <ada@sender.example>"],
          to: ["jobs@example.com"],
          cc: ['"Doe, John" <john@other.example>', "a@team.example", "b@team.example"],
          date: "Mon, 5 Aug 2019 21:29:57 +0000",
          messageId: "<1@sender.example>",
          subject: "Café ✓",
        },
      },
      receipt: {
        timestamp: time,
        processingTimeMillis: expect.any(Number),
        recipients: ["jobs@example.com"],
        spamVerdict: { status: "PASS" },
        virusVerdict: { status: "PASS" },
        spfVerdict: { status: "PASS" },
        dkimVerdict: { status: "PASS" },
        dmarcVerdict: { status: "PASS" },
        action: { type: "S3", topicArn, bucketName: "mail", objectKeyPrefix: "raw/", objectKey: object?.key },
      },
    });
    const names = first?.notice.mail.headers.map(({ name }) => name);
    expect(names?.slice(0, 8)).toEqual([
      "Return-Path",
      "Received",
      "X-SES-Spam-Verdict",
      "X-SES-Virus-Verdict",
      "Received-SPF",
      "Authentication-Results",
      "X-SES-RECEIPT",
      "X-SES-DKIM-SIGNATURE",
    ]);
    expect(first?.notice.mail.headers).toContainEqual({ name: "X-Folded", value: "one two\tthree" });
    expect(ses.observations).toMatchObject([
      {
        kind: "smtp.accepted",
        traces: [object?.trace],
        detail: { messageId, recipients: ["jobs@example.com"], key: object?.key, size: expect.any(Number) },
      },
    ]);
  });

  test("headers beyond 10 KB are left out of the notice, and stay in the object", async () => {
    await open([rule()]);
    const long = Array.from({ length: 40 }, (_, index) => `X-Long-${index}: ${"x".repeat(400)}`);
    await (await client()).send(message("Hello", long));
    const { mail } = ses.published[0]?.notice as Notice;
    expect(mail.headersTruncated).toBe(true);
    expect(JSON.stringify(mail.headers).length).toBeLessThan(14_000);
    expect(mail.headers.length).toBeGreaterThan(20);
    expect(ses.objects[0]?.body).toContain("X-Long-39: ");
  });

  test("a message larger than what is kept in memory is streamed through a file that is gone afterwards", async () => {
    await open([rule()]);
    const body = `${"0123456789abcdef".repeat(4)}\r\n`.repeat(20_000);
    expect(await (await client()).send(message(body))).toMatch(/^250 /);
    expect(ses.objects[0]?.streamed).toBe(true);
    expect(ses.objects[0]?.body.endsWith(`\r\n\r\n${body}\r\n`)).toBe(true);
    expect(readdirSync(join(ses.root, "smtp/spool"))).toEqual([]);
  });
});

describe("verdicts", () => {
  const verdict = (name: string) => ses.published.at(-1)?.notice.receipt[`${name}Verdict`];
  const eicar = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
  const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

  test("the test virus fails, in clear and as an attachment, and GTUBE is spam", async () => {
    await open([rule()]);
    const attached = Buffer.from(eicar).toString("base64").replace(/.{76}/g, "$&\r\n");
    for (const body of [eicar, attached]) {
      await (await client()).send(message(body));
      expect([verdict("virus"), verdict("spam")]).toEqual([{ status: "FAIL" }, { status: "PASS" }]);
    }
    await (await client()).send(message(gtube));
    expect([verdict("virus"), verdict("spam")]).toEqual([{ status: "PASS" }, { status: "FAIL" }]);
    expect(ses.objects.at(-1)?.body).toContain("X-SES-Spam-Verdict: FAIL\r\n");
  });

  test("a sign that arrives in two packets is found", async () => {
    await open([rule()]);
    const sender = await client();
    await sender.send(message(`${"filler\r\n".repeat(20_000)}${gtube}`));
    expect(verdict("spam")).toEqual({ status: "FAIL" });
  });

  test("a developer sets them for the run, a message's own header comes before and is not stored", async () => {
    await open([rule()]);
    ses.mail.verdicts.set({ spf: "FAIL", dmarc: "FAIL", dmarcPolicy: "quarantine", spam: "GRAY" });
    await (await client()).send(
      message("Hello", [
        "X-Local-SES-Verdicts: spam=FAIL;\r\n virus=processing_failed; dkim=FAIL",
        "X-After: yes",
      ]),
    );
    expect(ses.published[0]?.notice.receipt).toMatchObject({
      spamVerdict: { status: "FAIL" },
      virusVerdict: { status: "PROCESSING_FAILED" },
      spfVerdict: { status: "FAIL" },
      dkimVerdict: { status: "FAIL" },
      dmarcVerdict: { status: "FAIL" },
      dmarcPolicy: "quarantine",
    });
    const body = ses.objects[0]?.body ?? "";
    expect(body).not.toMatch(/X-Local-SES|processing_failed/);
    expect(body).toContain("Subject: Hi\r\nX-After: yes\r\n\r\nHello");
    expect(body).toContain("Received-SPF: fail (spfCheck: domain of sender.example does not designate");
    expect(body).toContain(
      " dkim=fail header.i=@sender.example;\r\n dmarc=fail header.from=sender.example;\r\n",
    );
    ses.mail.verdicts.reset();
    await (await client()).send(message());
    expect(verdict("spf")).toEqual({ status: "PASS" });
  });

  test("a verdict that does not exist is refused with what is wrong", async () => {
    await open([rule()]);
    const answer = await (await client()).send(message("Hello", ["X-Local-SES-Verdicts: spam=MAYBE"]));
    expect(answer).toMatch(/^554 5\.6\.0 X-Local-SES-Verdicts: "spam=MAYBE" must be one of spam, virus/);
    expect(ses.objects).toEqual([]);
  });

  test("a rule without scanning has no spam and virus verdicts", async () => {
    await open([rule({ scanEnabled: false })]);
    await (await client()).send(message(gtube));
    expect(ses.objects[0]?.body).not.toMatch(/X-SES-(Spam|Virus)-Verdict/);
    expect(verdict("spam")).toEqual({ status: "DISABLED" });
  });

  test("verdicts that a sender writes itself are below SES's own", async () => {
    await open([rule()]);
    await (await client()).send(
      message("Hello", ["X-SES-Spam-Verdict: PASS", "X-Local-SES-Verdicts: spam=FAIL"]),
    );
    const verdicts = [...(ses.objects[0]?.body ?? "").matchAll(/^X-SES-Spam-Verdict: (\w+)/gm)];
    expect(verdicts.map((match) => match[1])).toEqual(["FAIL", "PASS"]);
  });
});

describe("rules", () => {
  test("addresses, labels, domains and subdomains match as SES's conditions say", async () => {
    await open([rule({ recipients: ["user@a.example", "b.example", ".c.example", "x+y@d.example"] })]);
    const sender = await client();
    await sender.say("EHLO x");
    await sender.say("MAIL FROM:<a@b.example>");
    const answers: Record<string, string> = {};
    const accepted = [
      "user@a.example",
      "USER+label@A.example",
      "any@B.example",
      "any@deep.er.c.example",
      "x+y@d.example",
    ];
    const refused = [
      "other@a.example",
      "any@sub.b.example",
      "any@c.example",
      "any@evilc.example",
      "x@d.example",
      "x+z@d.example",
    ];
    for (const address of [...accepted, ...refused])
      answers[address] = await sender.say(`RCPT TO:<${address}>`);
    for (const address of accepted) expect(answers[address], address).toMatch(/^250/);
    for (const address of refused) expect(answers[address], address).toBe("550 5.1.1 Mailbox does not exist");
  });

  test("each rule acts for whom it matches, in the order of `after`, and stop ends the set", async () => {
    const to = (name: string, recipients: string[], more: object = {}) =>
      rule({ name, recipients, actions: [{ ...storeAction, prefix: `${name}/` }], ...more });
    await open([
      to("third", ["example.com"], { after: "second" }),
      to("first", ["a@example.com"]),
      to("second", ["b@example.com"], {
        after: "first",
        actions: [{ ...storeAction, prefix: "second/" }, { kind: "stop" }],
      }),
      to("off", ["example.com"], { enabled: false, after: "first" }),
      to("elsewhere", ["example.com"], { ruleSet: "inactive" }),
    ]);
    await (await client()).send(message(), ["a@example.com", "b@example.com", "c@example.com"]);
    await (await client()).send(message(), ["c@example.com", "a@example.com"]);
    expect(ses.objects.map(({ key }) => key.split("/")[0])).toEqual(["first", "second", "first", "third"]);
    expect(ses.published.map(({ notice }) => notice.receipt.recipients)).toEqual([
      ["a@example.com"],
      ["b@example.com"],
      ["a@example.com"],
      ["c@example.com", "a@example.com"],
    ]);
    const [one, two] = ses.objects.map(({ key }) => key.split("/")[1]);
    expect(one).toBe(two);
  });

  test("without an active rule set all mail is refused, and the log says why", async () => {
    await open([rule()], { active: {} });
    expect(await (await client()).send(message())).toBe("550 5.1.1 Mailbox does not exist");
    expect(ses.lines).toEqual([
      "smtp: no receipt rule set is active in us-east-1; all mail is refused there",
    ]);
    expect(ses.announced()).toEqual([]);
  });

  test("an SNS action carries the message, in the encoding asked for, up to 150 KB", async () => {
    const action = { kind: "sns", topicArn } as const;
    await open([rule({ actions: [action, { ...action, encoding: "Base64" }] })]);
    expect(await (await client()).send(message("Grüße"))).toMatch(/^250/);
    const [plain, encoded] = ses.published.map(({ notice }) => notice);
    expect(plain?.receipt.action).toEqual({ type: "SNS", topicArn, encoding: "UTF8" });
    expect(plain?.content).toMatch(/^Return-Path: <ada@sender\.example>\r\n[\s\S]*\r\n\r\nGr/);
    expect(Buffer.from(encoded?.content ?? "", "base64").toString()).toBe(plain?.content);
    expect(await (await client()).send(message("x".repeat(998).concat("\r\n").repeat(160)))).toMatch(
      /^552 5\.3\.4/,
    );
    expect(ses.published.length).toBe(2);
  });

  test("a header that is added is there for the actions behind, a bounce refuses with its own words", async () => {
    const bounce = {
      kind: "bounce",
      message: "Mailbox is closed",
      smtpReplyCode: "550",
      statusCode: "5.2.1",
      sender: "me@example.com",
      topicArn,
    } as const;
    await open([
      rule({
        actions: [{ kind: "addHeader", name: "X-Route", value: "jobs\r\nX-Evil: 1" }, storeAction, bounce],
      }),
    ]);
    expect(await (await client()).send(message())).toBe("550 5.2.1 Mailbox is closed");
    expect(ses.objects[0]?.body).toContain("X-Route: jobs X-Evil: 1\r\nFrom: Ada");
    expect(ses.published.at(-1)?.notice.receipt.action).toEqual({
      type: "Bounce",
      topicArn,
      smtpReplyCode: "550",
      statusCode: "5.2.1",
      message: "Mailbox is closed",
      sender: "me@example.com",
    });
  });

  test("a function gets SES's event; a synchronous one may stop the rules", async () => {
    const functionArn = "arn:aws:lambda:us-east-1:123456789012:function:mail";
    const call = (invocation: "Event" | "RequestResponse") =>
      ({ kind: "lambda", functionArn, invocation }) as const;
    await open([
      rule({ actions: [call("Event"), call("RequestResponse"), storeAction] }),
      rule({ name: "next", after: "inbound" }),
    ]);
    ses.behaviour.answer = '{"disposition":"stop_rule"}';
    await (await client()).send(message());
    expect(ses.objects.length).toBe(1);
    ses.behaviour.answer = '{"disposition":"STOP_RULE_SET"}';
    await (await client()).send(message());
    expect(ses.objects.length).toBe(1);
    ses.behaviour.answer = "null";
    await (await client()).send(message());
    expect(ses.objects.length).toBe(3);
    expect(ses.invoked[0]).toMatchObject({
      arn: functionArn,
      async: true,
      traces: [ses.objects[0]?.trace],
      event: {
        Records: [
          {
            eventSource: "aws:ses",
            eventVersion: "1.0",
            ses: {
              mail: { source: "ada@sender.example" },
              receipt: { action: { type: "Lambda", functionArn, invocationType: "Event" } },
            },
          },
        ],
      },
    });
    ses.behaviour.functionError = "Unhandled";
    expect(await (await client()).send(message())).toMatch(/^451/);
  });
});

describe("what cannot be stored is not taken", () => {
  test("a bucket or a topic that fails is answered 451, so that the sender comes again; nothing is told of why", async () => {
    await open([rule()]);
    ses.behaviour.put = async () => {
      throw new Error("AccessDenied: secret reasons");
    };
    const sender = await client();
    expect(await sender.send(message())).toBe("451 4.3.0 The message could not be stored, try again later");
    expect(ses.lines.at(-1)).toContain("AccessDenied: secret reasons");
    delete ses.behaviour.put;
    ses.behaviour.publish = () => {
      throw new Error("no topic");
    };
    expect(await sender.send(message())).toMatch(/^451/);
    delete ses.behaviour.publish;
    expect(await sender.send(message())).toMatch(/^250/);
    expect(ses.observations.length).toBe(1);
  });

  test("faults strike before, when nothing is stored, and after, when the sender does not learn that it is", async () => {
    await open([rule()]);
    const error = { error: { code: "ServiceUnavailable", status: 503 } };
    ses.cloud.faults.add({ service: "ses", operation: "ReceiveEmail", effect: error });
    expect(await (await client()).send(message())).toMatch(/^451/);
    expect(ses.objects.length).toBe(0);
    ses.cloud.faults.add({ service: "ses", phase: "after", resource: ruleArn, effect: error });
    expect(await (await client()).send(message())).toMatch(/^451/);
    expect(ses.objects.length).toBe(1);
  });
});

describe("SES's set-up message", () => {
  test("is put and announced once when a rule is made, not at the next start", async () => {
    await open([rule()]);
    expect(ses.announced()).toMatchObject([
      { bucket: "mail", key: "raw/AMAZON_SES_SETUP_NOTIFICATION", principal },
    ]);
    expect(ses.announced()[0]?.body).toContain("Subject: Amazon SES Setup Notification\r\n");
    expect(ses.announcedNotices()[0]?.notice.receipt.action).toMatchObject({
      objectKey: "raw/AMAZON_SES_SETUP_NOTIFICATION",
    });
    const again = await startReceiver(
      [rule(), rule({ name: "new", actions: [{ kind: "s3", bucket: "other" }] })],
      {
        root: ses.root,
      },
    );
    expect(again.announced().map(({ bucket, key }) => `${bucket}/${key}`)).toEqual([
      "other/AMAZON_SES_SETUP_NOTIFICATION",
    ]);
    await again.stop();
  });
});
