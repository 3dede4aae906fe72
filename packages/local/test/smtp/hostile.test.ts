import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import nodemailer from "nodemailer";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { stamp } from "../../src/smtp/stamp.ts";
import { judge } from "../../src/smtp/verdicts.ts";
import { Client, message, region, rule, startReceiver } from "./support.ts";

let ses: Awaited<ReturnType<typeof startReceiver>>;
let clients: Client[] = [];
beforeEach(async () => {
  ses = await startReceiver([rule()]);
});
afterEach(async () => {
  for (const one of clients) one.close();
  clients = [];
  await ses.stop();
});
async function client() {
  const made = await Client.connect(ses.mail.port(region));
  clients.push(made);
  return made;
}
/** Up to DATA's 354. */
async function inData() {
  const sender = await client();
  await sender.say("EHLO x.example");
  await sender.say("MAIL FROM:<a@b.example>");
  await sender.say("RCPT TO:<jobs@example.com>");
  expect(await sender.say("DATA")).toMatch(/^354/);
  return sender;
}
const bodyOf = (index = 0) => ses.objects[index]?.body.replace(/^[\s\S]*?X-SES-DKIM-SIGNATURE:.*\r\n/, "");
async function stillWell() {
  const before = ses.objects.length;
  expect(await (await client()).send(message())).toMatch(/^250 OK /);
  expect(ses.objects.length).toBe(before + 1);
}
const spooled = () => readdirSync(join(ses.root, "smtp/spool"));

describe("what is offered", () => {
  test("SIZE, 8BITMIME, SMTPUTF8, STARTTLS and PIPELINING; no login, no chunks, no delivery reports", async () => {
    const sender = await client();
    const offer = (await sender.say("EHLO x.example")).split("\r\n").map((line) => line.slice(4));
    expect(offer.slice(1).sort()).toEqual([
      "8BITMIME",
      "PIPELINING",
      "SIZE 41943040",
      "SMTPUTF8",
      "STARTTLS",
    ]);
    for (const command of [
      "BDAT 10",
      "AUTH PLAIN AGEAYg==",
      "XCLIENT ADDR=1.2.3.4",
      "WIZ",
      "SHELL",
      "KILL",
      "TURN",
    ])
      expect(await sender.say(command), command).toMatch(/^5\d\d /);
  });

  test("STARTTLS is on the endpoint's own certificate, and a rule may require it", async () => {
    await ses.stop();
    ses = await startReceiver([rule({ tlsPolicy: "Require" })]);
    expect(await (await client()).send(message())).toBe("530 5.7.0 Must issue a STARTTLS command first");
    const transport = nodemailer.createTransport({
      host: "127.0.0.1",
      port: ses.mail.port(region),
      requireTLS: true,
      tls: { ca: ses.cloud.ca.pem, servername: `inbound-smtp.${region}.amazonaws.com` },
    });
    await transport.sendMail({ envelope: { from: "a@b.example", to: "jobs@example.com" }, raw: message() });
    transport.close();
    expect(ses.objects.length).toBe(1);
    expect(ses.cloud.addresses.toJSON()).toEqual({
      "inbound-smtp.us-east-1.amazonaws.com:25": `127.0.0.1:${ses.mail.port(region)}`,
    });
  });

  test("commands sent along with STARTTLS in clear are not heard inside TLS", async () => {
    const sender = await client();
    await sender.say("EHLO x.example");
    sender.socket.removeAllListeners("data");
    sender.socket.write("STARTTLS\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<jobs@example.com>\r\n");
    await once(sender.socket, "data");
    const secure: TLSSocket = connectTls({
      socket: sender.socket,
      ca: ses.cloud.ca.pem,
      servername: `inbound-smtp.${region}.amazonaws.com`,
    });
    await once(secure, "secureConnect");
    secure.write("EHLO x.example\r\n");
    await once(secure, "data");
    secure.write("DATA\r\n");
    const [answer] = (await once(secure, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^503 /);
    secure.destroy();
  });
});

describe("size", () => {
  test("more than 40 MB is refused with 552 when it is announced", async () => {
    const sender = await client();
    await sender.say("EHLO x.example");
    expect(await sender.say("MAIL FROM:<a@b.example> SIZE=41943041")).toMatch(/^552 /);
    expect(await sender.say("MAIL FROM:<a@b.example> SIZE=41943040")).toMatch(/^250 /);
  });

  test("more than 40 MB is refused with 552 when it comes, without being held or kept", async () => {
    const sender = await inData();
    const line = Buffer.from(`${"x".repeat(1022)}\r\n`.repeat(1024));
    const before = process.memoryUsage().rss;
    let most = 0;
    for (let sent = 0; sent < 60 * 2 ** 20; sent += line.length) {
      if (!sender.socket.write(line)) await once(sender.socket, "drain");
      most = Math.max(most, process.memoryUsage().rss);
    }
    expect(await sender.say(".")).toMatch(/^552 /);
    expect(most - before).toBeLessThan(60 * 2 ** 20);
    expect(ses.objects).toEqual([]);
    expect(spooled()).toEqual([]);
    expect(await sender.send(message())).toMatch(/^250 /);
  });
});

describe("smuggling", () => {
  const inner =
    "MAIL FROM:<evil@b.example>\r\nRCPT TO:<jobs@example.com>\r\nDATA\r\nSubject: smuggled\r\n\r\nx";
  test.each([
    ["LF dot LF", "\n.\n"],
    ["LF dot CRLF", "\n.\r\n"],
    ["CRLF dot LF", "\r\n.\n"],
    ["CRLF dot CR", "\r\n.\r"],
    ["CR dot CR", "\r.\r"],
    ["CR dot CRLF", "\r.\r\n"],
    ["CRLF NUL dot CRLF", "\r\n\0.\r\n"],
  ])("%s ends no message: what follows stays in it", async (_name, ending) => {
    const sender = await inData();
    sender.socket.write(`${message("first")}${ending}${inner}`);
    expect(await sender.say("\r\n.")).toMatch(/^250 /);
    expect(ses.objects.length).toBe(1);
    expect(bodyOf()).toContain("Subject: smuggled");
  });

  test("a dot at the start of a line, cut anywhere by the network, is content", async () => {
    const sender = await inData();
    for (const byte of `${message("one")}\r\n..\r\n...two\r\n`) {
      sender.socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await sender.say(".")).toMatch(/^250 /);
    expect(bodyOf()).toBe(`${message("one")}\r\n.\r\n..two\r\n`);
  });
});

describe("odd messages", () => {
  test.each([
    ["bare LF throughout", "From: a@b.example\nX-Local-SES-Verdicts: spam=FAIL\nSubject: x\n\nbody\n"],
    ["NUL bytes", "From: a@b.example\r\nSubject: a\0b\r\n\r\nbo\0dy"],
    [
      "raw 8-bit bytes",
      Buffer.from([...Buffer.from("Subject: "), 0xe9, 0xff, 0x0d, 0x0a, 0x0d, 0x0a, 0x80, 0xfe]),
    ],
    ["no header", "\r\njust text"],
    ["no header and no empty line", "just text"],
    ["nothing", ""],
    ["only a header", "Subject: x\r\nFrom: a@b.example"],
    ["a header that begins with a continuation", " folded: x\r\nSubject: y\r\n\r\nz"],
    ["a line of a megabyte", `Subject: x\r\n\r\n${"a".repeat(2 ** 20)}`],
    ["a header of a megabyte", `X-Long: ${"a".repeat(2 ** 20)}\r\n\r\nbody`],
    ["a hundred thousand header fields", `${"X: y\r\n".repeat(100_000)}\r\nbody`],
    [
      "random bytes",
      Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * 7919) % 251)).subarray(3),
    ],
  ])("%s: stored as it came, with a notice", async (_name, data) => {
    expect(await (await client()).send(data)).toMatch(/^250 /);
    expect(ses.published.length).toBe(1);
    const wanted = (typeof data === "string" ? data : data.toString("latin1")).replace(/X-Local-SES.*\n/, "");
    expect(bodyOf() === `${wanted}\r\n`).toBe(true);
    expect(ses.published[0]?.notice.mail.commonHeaders).toBeTypeOf("object");
  });

  test("the override header is taken out of bare-LF mail too, and heeded", async () => {
    await (await client()).send("From: a@b.example\nX-Local-SES-Verdicts: spam=FAIL\n\nbody");
    expect(ses.published[0]?.notice.receipt.spamVerdict).toEqual({ status: "FAIL" });
  });

  test("an internationalised sender and recipient are kept in the envelope", async () => {
    await ses.stop();
    ses = await startReceiver([rule({ recipients: [] })]);
    const sender = await client();
    await sender.say("EHLO x.example");
    const utf8 = (text: string) => Buffer.from(text).toString("latin1");
    expect(await sender.say(utf8("MAIL FROM:<zoë@bücher.example> SMTPUTF8 BODY=8BITMIME"))).toMatch(/^250/);
    expect(await sender.say(utf8("RCPT TO:<jöbs@bücher.example>"))).toMatch(/^250/);
    await sender.say("DATA");
    expect(await sender.say(`${message()}\r\n.`)).toMatch(/^250/);
    const [published] = ses.published;
    expect(published?.notice.mail.source).toBe("zoë@bücher.example");
    expect(published?.notice.receipt.recipients).toEqual(["jöbs@bücher.example"]);
  });

  test("a bounce has an empty sender", async () => {
    expect(await (await client()).send(message(), ["jobs@example.com"], "")).toMatch(/^250/);
    expect(ses.objects[0]?.body).toMatch(/^Return-Path: <>\r\n/);
    expect(ses.published[0]?.notice.mail.source).toBe("");
  });

  test("what a sender says of itself writes no header field", async () => {
    const sender = await client();
    expect(await sender.say("EHLO evil\rX-Injected: 1")).toMatch(/^501 /);
    const envelope = {
      region,
      messageId: "id",
      trace: "",
      receivedAt: 0,
      source: "a\r\nX-Injected: 1\u2028@b.example",
      recipients: ["c\0\nX-Injected: 2@example.com"],
      helo: "evil\u0085X-Injected: 3\n\nbody",
      remoteAddress: "127.0.0.1",
    };
    const from = { name: "From", value: "<x\r\nX-Injected: 4@evil.example>" };
    const text = stamp(envelope, [from], judge({ spam: false, virus: false }), true, []).toString();
    expect(text).not.toMatch(/^X-Injected/m);
    expect(text.split("\r\n")).toHaveLength(15);
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\p{Cc}\u2028]/u);
    await stillWell();
  });
});

describe("odd senders", () => {
  test("500 recipients are taken, more wait for another transaction", async () => {
    const sender = await client();
    await sender.say("EHLO x.example");
    await sender.say("MAIL FROM:<a@b.example>");
    for (let index = 0; index < 500; index++)
      expect(await sender.say(`RCPT TO:<user${index}@example.com>`)).toMatch(/^250/);
    expect(await sender.say("RCPT TO:<user500@example.com>")).toMatch(/^452/);
    await sender.say("DATA");
    expect(await sender.say(`${message()}\r\n.`)).toMatch(/^250/);
    expect(ses.published[0]?.notice.receipt.recipients).toHaveLength(500);
  });

  test("two messages pipelined whole are two objects", async () => {
    const sender = await client();
    await sender.say("EHLO x.example");
    const envelope = "MAIL FROM:<a@b.example>\r\nRCPT TO:<jobs@example.com>\r\nDATA\r\n";
    sender.socket.write(`${envelope}${message("one")}\r\n.\r\n${envelope}${message("two")}\r\n.\r\nQUIT\r\n`);
    const answers: string[] = [];
    for (let answer = await sender.reply(); answer !== ""; answer = await sender.reply())
      answers.push(answer.slice(0, 3));
    expect(answers).toEqual(["250", "250", "354", "250", "250", "250", "354", "250", "221"]);
    expect([bodyOf(0), bodyOf(1)]).toEqual([`${message("one")}\r\n`, `${message("two")}\r\n`]);
  });

  test("one that goes away in the middle of a message leaves nothing", async () => {
    const sender = await inData();
    const chunk = "x".repeat(1000).concat("\r\n").repeat(500);
    sender.socket.write(`${message()}${chunk}`);
    await vi.waitFor(() => expect(spooled().length).toBe(1));
    sender.socket.resetAndDestroy();
    await vi.waitFor(() => expect(spooled()).toEqual([]));
    expect(ses.objects).toEqual([]);
    await stillWell();
  });

  test("garbage, endless lines and half commands end at most their own connection", async () => {
    for (const bytes of [
      Buffer.alloc(100_000, 0xff),
      Buffer.from("\0\0\0\r\n\r\n\r\n"),
      Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
      Buffer.from("MAIL FROM:<<<>>>\r\nRCPT TO:\r\nDATA\r\nRSET extra\r\nEHLO\r\n"),
      Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]),
    ]) {
      const sender = await client();
      sender.socket.write(bytes);
      sender.socket.end();
      await once(sender.socket, "close");
    }
    await stillWell();
  });

  test("stopping lets a message that is being stored finish, and leaves no port", async () => {
    let release = () => {};
    const storing = new Promise<void>((resolve) => {
      ses.behaviour.put = () => {
        resolve();
        return new Promise<void>((done) => {
          release = done;
        });
      };
    });
    const sender = await client();
    const answer = sender.send(message());
    await storing;
    const port = ses.mail.port(region);
    const stopped = ses.mail.stop();
    release();
    await stopped;
    expect(ses.objects.length).toBe(1);
    expect(["", "250"]).toContain((await answer).slice(0, 3));
    await expect(Client.connect(port)).rejects.toThrow(/ECONNREFUSED/);
  });
});
