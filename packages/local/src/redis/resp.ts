/**
 * The wire protocol of Redis, versions 2 and 3 (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 * Bytes are carried in strings of Latin-1 characters, one a byte.
 */

/** A value as a command answers it. Strings are bulk strings. */
export type Reply =
  | null
  | number
  | string
  | NoList
  | Status
  | Failure
  | Double
  | Pairs
  | Members
  | Scored
  | Push
  | Reply[];

/** Nothing where a list would be: version 2 has a sign of its own for it. */
export class NoList {}
export const NO_LIST = new NoList();

/** `+OK` */
export class Status {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export const OK = new Status("OK");

/** An error answer; its first word is the code that clients go by. */
export class Failure extends Error {}

/** A number that version 2 writes as a string. */
export class Double {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}
/** Names and values; version 2 writes them one after the other. */
export class Pairs {
  readonly entries: [string, Reply][];
  constructor(entries: Iterable<[string, Reply]>) {
    this.entries = [...entries];
  }
}
export class Members {
  readonly items: string[];
  constructor(items: Iterable<string>) {
    this.items = [...items];
  }
}
/** Members with their scores: flat in version 2, a pair each in version 3. */
export class Scored {
  readonly entries: [string, number][];
  constructor(entries: [string, number][]) {
    this.entries = entries;
  }
}
/** Something the server says unasked. */
export class Push {
  readonly items: Reply[];
  constructor(items: Reply[]) {
    this.items = items;
  }
}

export function encode(reply: Reply, version: 2 | 3): string {
  if (reply === null) return version === 3 ? "_\r\n" : "$-1\r\n";
  if (reply instanceof NoList) return version === 3 ? "_\r\n" : "*-1\r\n";
  if (typeof reply === "string") return `$${reply.length}\r\n${reply}\r\n`;
  if (typeof reply === "number") return `:${reply}\r\n`;
  if (reply instanceof Status) return `+${reply.text}\r\n`;
  if (reply instanceof Failure) return `-${reply.message.replace(/[\r\n]+/g, " ")}\r\n`;
  if (reply instanceof Double)
    return version === 3 ? `,${formatDouble(reply.value)}\r\n` : encode(formatDouble(reply.value), 2);
  if (reply instanceof Pairs)
    return `${version === 3 ? `%${reply.entries.length}` : `*${reply.entries.length * 2}`}\r\n${reply.entries
      .map(([name, value]) => encode(name, version) + encode(value, version))
      .join("")}`;
  if (reply instanceof Members)
    return `${version === 3 ? "~" : "*"}${reply.items.length}\r\n${reply.items.map((item) => encode(item, version)).join("")}`;
  if (reply instanceof Scored)
    return version === 3
      ? encode(
          reply.entries.map(([member, score]) => [member, new Double(score)]),
          3,
        )
      : encode(
          reply.entries.flatMap(([member, score]) => [member, formatDouble(score)]),
          2,
        );
  const items = reply instanceof Push ? reply.items : reply;
  const sign = reply instanceof Push && version === 3 ? ">" : "*";
  return `${sign}${items.length}\r\n${items.map((item) => encode(item, version)).join("")}`;
}

/** As Redis prints doubles: `inf`, no trailing zeros. */
export function formatDouble(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

const MOST_ARGUMENTS = 1024 * 1024;
const LONGEST_ARGUMENT = 512 * 1024 * 1024;
const LONGEST_INLINE = 64 * 1024;

/** What cannot be understood: the connection is closed after it. */
export class ProtocolError extends Error {}

/** Takes bytes as they come and gives whole requests: arrays of bulk strings, or a line of words. */
export class RequestParser {
  #rest = "";
  /** Arguments of a request that has not come whole, and how many it will have. */
  #pending: string[] = [];
  #wanted = 0;
  /** Length of the bulk string that comes, or -1 when its length does. */
  #bulk = -1;

  /** @throws ProtocolError */
  feed(chunk: Buffer): string[][] {
    const data = this.#rest + chunk.toString("latin1");
    const requests: string[][] = [];
    let at = 0;
    const line = () => {
      const end = data.indexOf("\n", at);
      if (end < 0) {
        if (data.length - at > LONGEST_INLINE)
          throw new ProtocolError("Protocol error: too big inline request");
        return undefined;
      }
      const text = data.slice(at, data[end - 1] === "\r" ? end - 1 : end);
      at = end + 1;
      return text;
    };
    for (;;) {
      if (this.#wanted === 0) {
        const text = line();
        if (text === undefined) break;
        if (!text.startsWith("*")) {
          const words = text.split(/[ \t]+/).filter((word) => word !== "");
          if (words.length > 0) requests.push(words);
          continue;
        }
        const count = wholeNumber(text.slice(1));
        if (count === undefined || count > MOST_ARGUMENTS)
          throw new ProtocolError("Protocol error: invalid multibulk length");
        this.#wanted = Math.max(0, count);
        this.#pending = [];
        continue;
      }
      if (this.#bulk < 0) {
        const text = line();
        if (text === undefined) break;
        const length = text.startsWith("$") ? wholeNumber(text.slice(1)) : undefined;
        if (!text.startsWith("$"))
          throw new ProtocolError(`Protocol error: expected '$', got '${text.slice(0, 1)}'`);
        if (length === undefined || length < 0 || length > LONGEST_ARGUMENT)
          throw new ProtocolError("Protocol error: invalid bulk length");
        this.#bulk = length;
      }
      if (data.length - at < this.#bulk + 2) break;
      this.#pending.push(data.slice(at, at + this.#bulk));
      at += this.#bulk + 2;
      this.#bulk = -1;
      if (this.#pending.length === this.#wanted) {
        requests.push(this.#pending);
        this.#wanted = 0;
      }
    }
    this.#rest = data.slice(at);
    return requests;
  }
}

function wholeNumber(text: string): number | undefined {
  return /^-?\d{1,10}$/.test(text) ? Number(text) : undefined;
}
