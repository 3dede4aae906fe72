/**
 * Against the results that another parser (stalwart's mail-parser) got for the same messages: subject, senders,
 * recipients, whether there is text, and how many attachments.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseMail } from "@frontdesk/core/mime";
import { expect, it } from "vitest";
import { z } from "zod";
import { corpusFolder, samples } from "./corpus.ts";

/** Of all messages, how many have to agree in all five; and in the subject, senders and recipients alone. */
const floors = { all: 0.78, subject: 0.95, from: 0.95, to: 0.95 };
/** Differences that nobody has looked at yet: none among the messages at hand, few among those of a larger corpus. */
const mostUnnamed = 0.05;

/** Ours is meant to differ here; each line says why. */
const meant: Record<string, string> = {
  "legacy/052": "the subject is raw ISO 8859-1, which the reference leaves undecoded",
  "malformed/001": "one boundary is the beginning of another; the reference takes the longer for the shorter",
  "malformed/002": "a multipart without parts: its text is shown, not attached",
  "malformed/003": "no closing boundary: the text is shown, not attached",
  "malformed/004": "no closing boundary: the text is shown, not attached",
  "malformed/006": "no closing boundary: the text is shown, not attached",
  "malformed/007": "the reference makes a part of what follows a closing boundary",
  "malformed/008": "no closing boundary: the text is shown, not attached",
  "malformed/009":
    "an outer boundary ends the inner multipart (RFC 2046 §5.1.2); the reference takes it for text",
  "malformed/011":
    "an outer boundary ends the inner multipart (RFC 2046 §5.1.2); the reference takes it for text",
  "malformed/012":
    "an outer boundary ends the inner multipart (RFC 2046 §5.1.2); the reference loses a message",
  "thirdparty/015": "an attached message with an unclosed boundary; the reference loses the two after it",
};

const mailbox = z.object({ address: z.string().nullish() });
const field = z.object({ name: z.unknown(), value: z.unknown() });
const reference = z.object({
  text_body: z.array(z.number()),
  attachments: z.array(z.number()),
  parts: z.array(z.object({ headers: z.array(field) })).min(1),
});
const addresses = z.object({
  Address: z.union([
    z.object({ List: z.array(mailbox) }),
    z.object({ Group: z.array(z.object({ addresses: z.array(mailbox) })) }),
  ]),
});

interface Outcome {
  subject: string;
  from: string;
  to: string;
  text: boolean;
  attachments: number;
}

const squeeze = (text: string) => text.replace(/\s+/g, " ").trim();

function expectedOutcome(json: unknown): Outcome {
  const { text_body, attachments, parts } = reference.parse(json);
  const value = (name: string) => parts[0]?.headers.findLast((header) => header.name === name)?.value;
  const list = (name: string) => {
    const parsed = addresses.safeParse(value(name));
    if (!parsed.success) return "";
    const { Address } = parsed.data;
    const all = "List" in Address ? Address.List : Address.Group.flatMap((group) => group.addresses);
    return all.flatMap(({ address }) => address ?? []).join(", ");
  };
  const subject = z.object({ Text: z.string() }).safeParse(value("subject"));
  return {
    subject: subject.success ? squeeze(subject.data.Text) : "",
    from: list("from"),
    to: list("to"),
    text: text_body.length > 0,
    attachments: attachments.length,
  };
}

function ourOutcome(raw: Buffer): Outcome {
  const mail = parseMail(raw);
  const list = (found: { address: string }[]) =>
    found
      .map(({ address }) => address)
      .filter((address) => address !== "")
      .join(", ");
  return {
    subject: squeeze(mail.subject),
    from: list(mail.from),
    to: list(mail.to),
    text: mail.text !== undefined,
    attachments: mail.attachments.length,
  };
}

it("agrees with the expected results of stalwart's parser, but for what is named", () => {
  const cases = samples("stalwart/eml", /\.eml$/).map(({ name, raw }) => {
    const path = join(corpusFolder, name.replace(/\.eml$/, ".json"));
    if (!existsSync(path)) throw new Error(`${name} has no expected result beside it (${path})`);
    return {
      id: name.replace(/^stalwart\/eml\/|\.eml$/g, ""),
      ours: ourOutcome(raw),
      expected: expectedOutcome(JSON.parse(readFileSync(path, "utf8"))),
    };
  });
  const agreed = { all: 0, subject: 0, from: 0, to: 0, text: 0, attachments: 0 };
  const unnamed: string[] = [];
  for (const { id, ours, expected } of cases) {
    const differing = (["subject", "from", "to", "text", "attachments"] as const).filter((key) => {
      if (ours[key] !== expected[key]) return true;
      agreed[key]++;
      return false;
    });
    if (differing.length === 0) {
      agreed.all++;
      continue;
    }
    const line = `${id}: ${differing.map((key) => `${key} is ${JSON.stringify(ours[key])}, expected ${JSON.stringify(expected[key])}`).join("; ")}`;
    console.log(`  differs  ${line}\n           ${meant[id] ?? "NOT NAMED"}`);
    if (meant[id] === undefined) unnamed.push(line);
  }
  const share = (count: number) => count / cases.length;
  console.log(
    `  of ${cases.length}: ${Object.entries(agreed)
      .map(([key, count]) => `${key} ${count} (${(share(count) * 100).toFixed(0)} %)`)
      .join(", ")}`,
  );
  expect(share(unnamed.length), unnamed.join("\n")).toBeLessThanOrEqual(mostUnnamed);
  expect(share(agreed.all)).toBeGreaterThanOrEqual(floors.all);
  expect(share(agreed.subject)).toBeGreaterThanOrEqual(floors.subject);
  expect(share(agreed.from)).toBeGreaterThanOrEqual(floors.from);
  expect(share(agreed.to)).toBeGreaterThanOrEqual(floors.to);
});
