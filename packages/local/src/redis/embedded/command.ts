/** What a command is made of, and what all of them read their arguments with. */
import { Failure, formatDouble, type Reply } from "../resp.ts";
import type { Engine } from "./engine.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Session } from "./session.ts";

export interface Context {
  db: Keyspace;
  engine: Engine;
  session: Session;
  now(): number;
  /** False in a transaction and in a script, where nothing waits. */
  mayBlock: boolean;
}
export interface Command {
  /** Number of arguments with the name; negative: at least so many. */
  arity: number;
  /** Arguments without the name. A promise: the connection waits. */
  run(context: Context, args: string[]): Reply | Promise<Reply>;
  /** Which arguments are keys, for the slots of a cluster. */
  keys?(args: string[]): string[];
  /** Not allowed in scripts. */
  noScript?: boolean;
}
export type Table = Record<string, Command>;

export const firstKey = (args: string[]) => args.slice(0, 1);
export const twoKeys = (args: string[]) => args.slice(0, 2);
export const allKeys = (args: string[]) => args;
export const alternateKeys = (args: string[]) => args.filter((_arg, index) => index % 2 === 0);
export const allButLast = (args: string[]) => args.slice(0, -1);
/** `numkeys key [key ...]` from an argument on. */
export const countedKeys = (from: number) => (args: string[]) =>
  args.slice(from + 1, from + 1 + (Number.parseInt(args[from] ?? "0", 10) || 0));

export const syntaxError = () => new Failure("ERR syntax error");

export function at(args: string[], index: number): string {
  const arg = args[index];
  if (arg === undefined) throw syntaxError();
  return arg;
}

/** @throws Failure when it is no 64-bit integer (kept exact up to 2^53). */
export function integer(text: string, message = "value is not an integer or out of range"): number {
  const value = /^-?(0|[1-9]\d{0,18})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new Failure(`ERR ${message}`);
  return value;
}

export function float(text: string, message = "value is not a valid float"): number {
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  const value = infinite
    ? infinite[1] === "-"
      ? Number.NEGATIVE_INFINITY
      : Number.POSITIVE_INFINITY
    : /^\s|\s$|^$|^[+-]?0x/i.test(text)
      ? Number.NaN
      : Number(text);
  if (Number.isNaN(value)) throw new Failure(`ERR ${message}`);
  return value;
}

/** As INCRBYFLOAT stores its result: never in exponents. */
export function plainNumber(value: number): string {
  const text = formatDouble(value);
  return text.includes("e") ? value.toFixed(17).replace(/\.?0+$/, "") : text;
}

/** Both ends may count from the back. */
export function slice<T>(items: T[], start: number, stop: number): T[] {
  const from = Math.max(0, start < 0 ? items.length + start : start);
  const to = stop < 0 ? items.length + stop : stop;
  return from > to ? [] : items.slice(from, to + 1);
}

/** Redis' glob patterns: `*`, `?`, `[a-c]`, `[^x]`, backslash. */
export function glob(pattern: string): (text: string) => boolean {
  let source = "";
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern.charAt(index);
    if (char === "*") source += "[\\s\\S]*";
    else if (char === "?") source += "[\\s\\S]";
    else if (char === "[") {
      const end = pattern.indexOf("]", index + 1);
      const inner = pattern.slice(index + 1, end < 0 ? undefined : end);
      const negated = inner.startsWith("^");
      const members = (negated ? inner.slice(1) : inner).replace(/[\\\]^]/g, "\\$&");
      source += members === "" ? "(?!)" : `[${negated ? "^" : ""}${members}]`;
      if (end < 0) break;
      index = end;
    } else {
      const literal = char === "\\" && index + 1 < pattern.length ? pattern.charAt(++index) : char;
      source += literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    }
  }
  try {
    const expression = new RegExp(`^${source}$`);
    return (text) => expression.test(text);
  } catch {
    return () => false; // a range that runs backwards
  }
}

/** Everything in one step: the cursor is always done. A client that loops until 0 sees each element once. */
export function scanned<T>(items: T[], args: string[], name: (item: T) => string): T[] {
  integer(at(args, 0), "invalid cursor");
  let matches: ((text: string) => boolean) | undefined;
  for (let index = 1; index < args.length; index += 2) {
    const option = at(args, index).toUpperCase();
    const value = at(args, index + 1);
    if (option === "MATCH") matches = glob(value);
    else if (option === "COUNT") {
      if (integer(value) < 1) throw syntaxError();
    } else if (option !== "TYPE") throw syntaxError();
  }
  return matches ? items.filter((item) => matches(name(item))) : items;
}

/** Words that stand for themselves among options. */
export function takeFlags<F extends string>(
  args: string[],
  known: readonly F[],
  refuse: (option: string) => Failure = syntaxError,
): Set<F> {
  const flags = new Set<F>();
  for (const arg of args) {
    const flag = known.find((name) => name === arg.toUpperCase());
    if (!flag) throw refuse(arg);
    flags.add(flag);
  }
  return flags;
}
