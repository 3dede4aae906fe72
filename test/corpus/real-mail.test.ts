/** Real mail without expected results: what can be known of it without another parser. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ParsedMail, parseMail } from "@frontdesk/core/mime";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { corpusFolder, type Sample, samples, spamAssassin } from "./corpus.ts";

/** The fields of the header as a plain reading of its lines gives them: names only, before the first empty line. */
function fieldNames(raw: Buffer): string[] {
  const header = raw.toString("latin1").split(/\r?\n[ \t]*\r?\n/, 1)[0] ?? "";
  return [...header.matchAll(/^([!-9;-~]+):/gm)].map((match) => (match[1] ?? "").toLowerCase());
}

/** What a count of its own says about a message, in one line each, where the parse disagrees. */
function disagreements({ name, raw }: Sample, mail: ParsedMail): string[] {
  const wrong: string[] = [];
  const names = fieldNames(raw);
  if (names.length > 0 && mail.headers.length < names.length)
    wrong.push(`${name}: ${mail.headers.length} of ${names.length} fields`);
  if (
    /^from:.*@/im.test(raw.toString("latin1").split(/\r?\n[ \t]*\r?\n/, 1)[0] ?? "") &&
    !mail.from.some(({ address }) => address.includes("@"))
  )
    wrong.push(
      `${name}: no sender in ${JSON.stringify(mail.headers.find(({ key }) => key === "from")?.value)}`,
    );
  return wrong;
}

/** How often each defect was noted, the commonest first. */
function tally(mails: ParsedMail[]): string {
  const counts = new Map<string, number>();
  for (const { defects } of mails)
    for (const defect of defects) counts.set(defect, (counts.get(defect) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([defect, count]) => `${defect} ${count}`)
    .join(", ");
}

/** Parses them all; nothing is caught, so the first failure fails the test with its message's name. */
function parseAll(all: Sample[]): ParsedMail[] {
  return all.map(({ name, raw }) => {
    try {
      return parseMail(raw);
    } catch (cause) {
      throw new Error(`${name} failed to parse`, { cause });
    }
  });
}

describe("SpamAssassin's corpus", () => {
  const all = spamAssassin();
  const mails = parseAll(all);

  it("parses whole: every header field, and a sender wherever the header has one", () => {
    expect(all.length).toBeGreaterThan(6000);
    expect(all.flatMap((sample, i) => disagreements(sample, mails[i] ?? parseMail(sample.raw)))).toEqual([]);
    console.log(`  ${all.length} messages; ${tally(mails)}`);
  });

  it("has something to read in all but a handful, and a date in 99 %", () => {
    expect(mails.filter(({ text, attachments }) => text === undefined && attachments.length === 0)).toEqual(
      [],
    );
    expect(mails.filter(({ text }) => text === undefined).length).toBeLessThan(10);
    expect(mails.filter(({ date }) => date !== undefined).length / mails.length).toBeGreaterThan(0.99);
  });
});

it("parses rspamd's hostile mail: every header field, and a sender wherever the header has one", () => {
  const all = samples("rspamd", /\.eml/);
  const mails = parseAll(all);
  console.log(`  ${all.length} messages; ${tally(mails)}`);
  expect(all.flatMap((sample, i) => disagreements(sample, mails[i] ?? parseMail(sample.raw)))).toEqual([]);
});

describe("mikel/mail's fixtures", () => {
  it("parse, the broken ones with their defect named", () => {
    const all = samples("mikel-mail", /\.eml$/);
    const mails = parseAll(all);
    console.log(`  ${all.length} messages; ${tally(mails)}`);
    expect(mails.every(({ headers }) => headers.length > 0)).toBe(true);
  });

  it("of attachments give as many files as their sender declared", () => {
    const wrong = samples("mikel-mail/attachment_emails", /\.eml$/).flatMap(({ name, raw }) => {
      const declared = raw.toString("latin1").match(/^content-disposition:\s*attachment/gim)?.length ?? 0;
      const found = parseMail(raw).attachments.length;
      return found >= declared ? [] : [`${name}: ${found} of ${declared}`];
    });
    expect(wrong).toEqual([]);
  });

  it("of bounces name a recipient and a status", () => {
    const bounces = samples("mikel-mail/multipart_report_emails", /\.eml$/)
      .filter(({ raw }) => /content-type:\s*message\/delivery-status/i.test(raw.toString("latin1")))
      .map(({ name, raw }) => ({ name, recipients: parseMail(raw).deliveryStatus?.recipients ?? [] }));
    expect(bounces.length).toBeGreaterThan(2);
    expect(
      bounces.filter(
        ({ recipients }) =>
          !recipients.some(({ action, status }) => action !== undefined && status !== undefined),
      ),
    ).toEqual([]);
  });
});

it("parses the replies of Discourse's reply trimmer", () => {
  for (const mail of parseAll(samples("discourse-email_reply_trimmer", /emails\/.*\.txt$/)))
    expect(mail.text).toBeDefined();
});

it("parses the fixtures of mailparser and postal-mime", () => {
  const mails = parseAll([...samples("mailparser", /\.eml$/), ...samples("postal-mime", /\.eml$/)]);
  console.log(`  ${mails.length} messages; ${tally(mails)}`);
  expect(mails.every(({ headers }) => headers.length > 0)).toBe(true);
});

it("finds every message of the Fedora list's archive, with its identifier, subject and parents", () => {
  const row = z.object({
    message_id: z.string(),
    subject: z.string(),
    in_reply_to: z.string().nullable(),
    references: z.string().nullable(),
  });
  const folder = join(corpusFolder, "jwzthreading-fedora");
  const rows = z.array(row).parse(JSON.parse(readFileSync(join(folder, "expected_threads.json"), "utf8")));
  const archive = readFileSync(join(folder, "fedora-devel-mailman/2010-January.txt"), "latin1");
  const mails = archive
    .split(/^(?=From \S+@\S+ \w{3} \w{3} )/m)
    .filter((message) => message.trim() !== "")
    .map((message) => parseMail(Buffer.from(message, "latin1")));
  const ids = (value: string | null) =>
    [...(value ?? "").matchAll(/<([^<>]+)>/g)].map((match) => (match[1] ?? "").replace(/\s+/g, ""));
  const squeeze = (text: string) => text.replace(/\s+/g, " ").trim();
  expect(mails.length).toBe(rows.length);
  const wrong = rows.flatMap((row, i) => {
    const mail = mails[i];
    const ours = [[mail?.messageId], squeeze(mail?.subject ?? ""), mail?.inReplyTo, mail?.references];
    const theirs = [
      ids(row.message_id),
      squeeze(row.subject),
      ids(row.in_reply_to),
      [...new Set(ids(row.references))],
    ];
    return JSON.stringify(ours) === JSON.stringify(theirs)
      ? []
      : [`${JSON.stringify(ours)} / ${JSON.stringify(theirs)}`];
  });
  expect(wrong).toEqual([]);
});
