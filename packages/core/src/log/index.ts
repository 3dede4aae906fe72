import { context } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import { describe } from "../error/index.ts";

export const levels = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];

/** Values by name. Bodies, tokens and SQL parameters have no business here. */
export type Fields = Record<string, unknown>;

type Sink = (line: string) => void;

const state: { level: Level; sink: Sink } = {
  level: "info",
  // One write a line: Lambda takes each line of stdout as one log event.
  sink: (line) => process.stdout.write(`${line}\n`),
};

/** Sets the level and, for tests, where lines go. */
export function configure(options: { level?: Level; sink?: Sink }): void {
  if (options.level !== undefined) state.level = options.level;
  if (options.sink !== undefined) state.sink = options.sink;
}

export const debug = (message: string, fields?: Fields) => write("debug", message, fields);
export const info = (message: string, fields?: Fields) => write("info", message, fields);
export const warn = (message: string, fields?: Fields) => write("warn", message, fields);
export const error = (message: string, fields?: Fields) => write("error", message, fields);

function write(level: Level, message: string, fields: Fields = {}): void {
  if (levels.indexOf(level) < levels.indexOf(state.level)) return;
  const current = context();
  const line = {
    at: new Date(now()).toISOString(),
    level,
    message,
    trace: current?.trace,
    requestId: current?.requestId,
    actor: current && (current.actor.kind === "user" ? current.actor.userId : current.actor.name),
    ...(redact(fields, 0) as Fields),
  };
  state.sink(JSON.stringify(line));
}

/**
 * Names whose values are never written, whoever passes them. The list is a net below the rule that nobody should.
 * `token` covers ID, access and CSRF tokens, `cookie` and `set-cookie`, `authorization` its header.
 */
const secret =
  /pass(?:word|wd)?|secret|token|ticket|authorization|cookie|credential|signature|private.?key|api.?key/i;
const content = /^(?:body|text|html|raw|content|params|parameters|sql|query)$/i;

const longestText = 500;
const deepest = 5;

function redact(value: unknown, depth: number): unknown {
  if (value instanceof Error) return describe(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "string")
    return value.length > longestText ? `${value.slice(0, longestText)}…` : value;
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= deepest) return "[…]";
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      secret.test(key) || content.test(key) ? "[redacted]" : redact(item, depth + 1),
    ]),
  );
}
