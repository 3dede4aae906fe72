import { createHash, randomFillSync } from "node:crypto";
import { monotonicFactory } from "ulid";
import * as z from "zod";
import { now } from "../clock/index.ts";

/** What each identifier is of. Prefix and ULID, so that it says what it is and sorts by the time it was made. */
const prefixes = {
  attachment: "att",
  event: "evt",
  failure: "fail",
  job: "job",
  jobLog: "jlog",
  mailbox: "mbx",
  media: "med",
  message: "msg",
  operation: "op",
  outbox: "out",
  raw: "raw",
  thread: "thr",
  user: "usr",
} as const;

export type Noun = keyof typeof prefixes;

/** 16 random numbers an identifier; ulid's own asks the system for each by itself, 2 % of the consumer's CPU. */
const drawn = new Uint32Array(1024);
let left = 0;
function random(): number {
  if (left === 0) {
    randomFillSync(drawn);
    left = drawn.length;
  }
  left -= 1;
  return (drawn[left] ?? 0) / 2 ** 32;
}
const next = monotonicFactory(random);

/** A new identifier, e.g. `msg_01JD…`: prefix, underscore, 26 characters of Crockford's base 32. */
export function create(noun: Noun): string {
  return `${prefixes[noun]}_${next(now())}`;
}

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/**
 * An identifier that follows from another one: the same input gives the same output, so that a step that is repeated
 * writes over what it wrote before. It keeps the parent's time.
 */
export function derive(noun: Noun, parent: string, part: string | number): string {
  const time = parent.slice(parent.indexOf("_") + 1).slice(0, 10);
  const digest = createHash("sha256").update(`${noun}\n${parent}\n${part}`).digest();
  let rest = "";
  for (const byte of digest.subarray(0, 16)) rest += alphabet[byte & 31];
  return `${prefixes[noun]}_${time}${rest}`;
}

/** Whether a text has the form of an identifier of this kind. */
export function is(noun: Noun, text: string): boolean {
  return text.startsWith(`${prefixes[noun]}_`) && /^[a-z]+_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
}

/** An identifier as a caller sends it. What is none is refused here: Postgres takes no NUL, and no index need be asked. */
export const Reference = z
  .string()
  .max(64)
  .regex(/^\w+$/, "must be an identifier such as msg_01M85RK07HS9T8XPHXKBPSSDSF");
