import { decodeText } from "./charset.ts";
import { decodeWords } from "./encoded-words.ts";
import type { Note } from "./types.ts";

export interface Parameterised {
  /** What stands before the first `;`, in lower case and without comments. */
  value: string;
  /** By name in lower case; decoded. */
  parameters: Map<string, string>;
}

/** More than any real field has; the rest is left out. */
const mostParameters = 200;

/** Index of the next `;` that is not inside quotes, or the string's end. A quote that nobody closes is no quote. */
function nextSemicolon(source: string, start: number): number {
  for (let i = start; i < source.length; i++) {
    const char = source[i];
    if (char === ";") return i;
    if (char !== '"') continue;
    let close = i + 1;
    while (close < source.length && source[close] !== '"') close += source[close] === "\\" ? 2 : 1;
    if (close >= source.length) {
      const semicolon = source.indexOf(";", i);
      return semicolon < 0 ? source.length : semicolon;
    }
    i = close;
  }
  return source.length;
}

/** The text of one parameter value: unquoted, or a token without the comment after it. */
function unquote(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('"')) {
    // `us-ascii (Plain text)`: a comment follows. `Annual report (2).pdf` is a file name that should have been quoted.
    return trimmed.replace(/^([^\s()]+)\s+\([^()]*\)$/, "$1").replace(/"$/, "");
  }
  let value = "";
  for (let i = 1; i < trimmed.length; i++) {
    const char = trimmed[i];
    if (char === '"') break;
    // Windows paths are written unescaped: a backslash is an escape only before what needs one.
    if (char === "\\" && (trimmed[i + 1] === '"' || trimmed[i + 1] === "\\")) value += trimmed[++i];
    else value += char;
  }
  return value;
}

function percentDecode(text: string): Buffer {
  return Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
}

interface Segment {
  index: number;
  extended: boolean;
  text: string;
}

/** Joins the segments of one parameter (RFC 2231 §3 and §4) and decodes them. */
function joinSegments(segments: Segment[], note: Note): string {
  segments.sort((a, b) => a.index - b.index);
  let charset: string | undefined;
  const chunks: Buffer[] = [];
  for (const [i, segment] of segments.entries()) {
    let text = segment.text;
    if (i === 0 && segment.extended) {
      const quoted = /^([^']{0,60})'[^']{0,60}'(.*)$/s.exec(text);
      if (quoted === null) note("parameter-charset-missing");
      charset = quoted?.[1] || undefined;
      text = quoted?.[2] ?? text;
    }
    chunks.push(segment.extended ? percentDecode(text) : Buffer.from(text, "latin1"));
  }
  return decodeText(Buffer.concat(chunks), charset, note);
}

/**
 * Reads a value with parameters (Content-Type, Content-Disposition): RFC 2231 continuations and charsets, RFC 2047
 * words where senders put them, missing quotes and semicolons.
 * @param value unfolded, each byte as one code unit
 */
export function parseParameterised(value: string, note: Note, hint?: string): Parameterised {
  const parameters = new Map<string, string>();
  const segmented = new Map<string, Segment[]>();
  const firstEnd = nextSemicolon(value, 0);
  let head = value.slice(0, firstEnd);
  let position = firstEnd + 1;
  // `text/plain charset=utf-8`: the semicolon was forgotten.
  const glued = /^([^\s;=]+)\s+([\w-]+(?:\*\d{1,4})?\*?=.*)$/s.exec(head.trim());
  if (glued !== null) {
    head = glued[1] ?? "";
    position = value.indexOf(glued[2] ?? "", 0);
  }
  for (let count = 0; position < value.length && count < mostParameters; count++) {
    let stop = nextSemicolon(value, position);
    const equals = value.indexOf("=", position);
    if (equals < 0) break;
    if (equals > stop) {
      position = stop + 1;
      continue;
    }
    let text = value.slice(equals + 1, stop);
    // `a="b" c=d` and `a=b c=d`: again without the semicolon.
    const missing = /^\s*(?:"(?:[^"\\]|\\.)*"|[^\s";]+)\s+(?=[\w-]+\*?(?:\d+\*?)?=)/.exec(text);
    if (missing !== null) {
      stop = equals + missing[0].length;
      text = value.slice(equals + 1, stop + 1);
    }
    const spelled = value
      .slice(position, equals)
      .slice(0, 200)
      .replace(/\([^()]*\)/g, "")
      .trim()
      .toLowerCase();
    position = stop + 1;
    const name = /^(.*?)(?:\*(\d{1,4}))?(\*)?$/s.exec(spelled);
    const base = name?.[1] ?? spelled;
    if (name?.[2] !== undefined || name?.[3] !== undefined) {
      const segments = segmented.get(base) ?? [];
      segments.push({ index: Number(name[2] ?? 0), extended: name[3] !== undefined, text: unquote(text) });
      segmented.set(base, segments);
    } else if (base !== "" && !parameters.has(base)) {
      parameters.set(base, decodeWords(unquote(text), note, hint));
    }
  }
  // RFC 2231's form wins over the plain one, which is there for readers that do not know it.
  for (const [name, segments] of segmented) parameters.set(name, joinSegments(segments, note));
  return {
    value: head
      .replace(/\([^()]*\)/g, "")
      .replace(/\s+/g, "")
      .toLowerCase(),
    parameters,
  };
}

/**
 * File name to show and store under: the last component of any path, without control and direction characters (which
 * make `exe.fdp` look like a PDF), at most 200 characters with its ending kept.
 */
export function cleanFilename(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const base = name
    // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the purpose
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, "")
    .split(/[/\\]/)
    .findLast((part) => part.trim() !== "")
    ?.trim();
  if (base === undefined || /^\.*$/.test(base)) return undefined;
  if (base.length <= 200) return base;
  const ending = /\.[^.]{1,20}$/.exec(base)?.[0] ?? "";
  return (base.slice(0, 200 - ending.length) + ending).toWellFormed();
}
