import type { Limits, Note } from "./types.ts";

/** A header field as found; decoding is left to those who know what the field holds. */
export interface RawField {
  name: string;
  key: string;
  /** Bytes after the colon, folds included. */
  raw: string;
}

export interface HeaderBlock {
  fields: RawField[];
  /** First field of each name, unfolded. */
  first: Map<string, string>;
  /** Index of the first byte after the header and its blank line. */
  end: number;
}

/** Field name and colon; RFC 5322 §4.5 allows blanks between them. */
const fieldStart = /([!-9;-~]{1,200})[ \t]*:/y;
/** What may follow a header whose blank line was forgotten, or precede the first field. */
const mboxLine = /(?:>?From [^\r\n]{1,500}|[ \t]*)\r?\n/y;

function startsField(source: string, position: number): boolean {
  fieldStart.lastIndex = position;
  return fieldStart.test(source);
}

/** Unfolds (RFC 5322 §2.2.3): a line break and the blanks after it become one blank. */
export function unfold(raw: string): string {
  const trimmed = raw.trim();
  return trimmed.includes("\n") || trimmed.includes("\r")
    ? trimmed.replace(/[ \t]?(?:\r\n?|\n)+[ \t]*/g, " ")
    : trimmed;
}

/** Skips blank lines and mbox separators ("From x@y Mon ...") ahead of a message's first field. */
export function skipPreface(source: string): number {
  let position = 0;
  for (let lines = 0; lines < 100; lines++) {
    mboxLine.lastIndex = position;
    const line = mboxLine.exec(source);
    if (line === null) break;
    position += line[0].length;
  }
  return startsField(source, position) ? position : 0;
}

/**
 * Reads the header that starts at `position`.
 *
 * A line that is neither a field nor a continuation, with fields after it, is taken for the continuation of the
 * field before it (senders forget the indent, above all before `boundary=`); followed by anything else it is the
 * first line of a body whose blank line is missing.
 *
 * @param end where the part ends at the latest
 * @param isDelimiter whether a line starting with `--` ends the part; it is given the Content-Type read so far
 */
export function readHeader(
  source: string,
  position: number,
  end: number,
  limits: Limits,
  note: Note,
  isDelimiter: (start: number, stop: number, contentType: string | undefined) => boolean,
): HeaderBlock {
  const fields: RawField[] = [];
  const first = new Map<string, string>();
  const budget = position + limits.headerBytes;
  let cursor = position;
  let name = "";
  let valueStart = -1;
  let valueEnd = -1;
  const finish = () => {
    if (valueStart < 0) return;
    if (fields.length >= limits.headers) note("too-many-headers");
    else {
      let raw = source.slice(valueStart, valueEnd);
      if (raw.includes("\0")) {
        // It has no place in a header, and PostgreSQL cannot store it.
        note("nul-characters");
        raw = raw.replaceAll("\0", "");
      }
      const field = { name, key: name.toLowerCase(), raw };
      fields.push(field);
      if (!first.has(field.key)) first.set(field.key, unfold(field.raw));
    }
    valueStart = -1;
  };
  const contentType = () =>
    name.toLowerCase() === "content-type" && valueStart >= 0 && !first.has("content-type")
      ? source.slice(valueStart, valueEnd)
      : first.get("content-type");
  while (cursor < end) {
    const newline = source.indexOf("\n", cursor);
    const next = newline < 0 || newline >= end ? end : newline + 1;
    const lineEnd =
      newline < 0 || newline >= end
        ? end
        : newline > cursor && source[newline - 1] === "\r"
          ? newline - 1
          : newline;
    if (lineEnd === cursor) {
      cursor = next;
      break;
    }
    const code = source.charCodeAt(cursor);
    if (code === 0x20 || code === 0x09) {
      if (source.slice(cursor, lineEnd).trim() === "" && !continues(source, next, end)) {
        // A blank line with blanks in it.
        note("header-end-with-blanks");
        cursor = next;
        break;
      }
      if (valueStart >= 0) valueEnd = lineEnd;
    } else if (
      code === 0x2d &&
      source.charCodeAt(cursor + 1) === 0x2d &&
      isDelimiter(cursor, lineEnd, contentType())
    ) {
      note("header-end-missing");
      break;
    } else if (startsField(source, cursor) && fieldStart.lastIndex <= lineEnd) {
      finish();
      name = source.slice(cursor, fieldStart.lastIndex - 1).trimEnd();
      valueStart = fieldStart.lastIndex;
      valueEnd = lineEnd;
    } else if (valueStart >= 0 && fieldsFollow(source, next)) {
      note("header-malformed-line");
      valueEnd = lineEnd;
    } else {
      note("header-end-missing");
      break;
    }
    cursor = next;
    if (cursor > budget) {
      note("header-too-large");
      const blank = /\r?\n\r?\n/g;
      blank.lastIndex = cursor - 1;
      const found = blank.exec(source);
      cursor = found === null ? end : Math.min(end, found.index + found[0].length);
      break;
    }
  }
  finish();
  return { fields, first, end: cursor };
}

/** Whether a field starts at `position`, perhaps after indented lines (of a name folded ahead of its colon). */
function fieldsFollow(source: string, position: number): boolean {
  let cursor = position;
  while (source[cursor] === " " || source[cursor] === "\t") {
    const newline = source.indexOf("\n", cursor);
    if (newline < 0) return false;
    cursor = newline + 1;
  }
  return startsField(source, cursor);
}

/** Whether the header goes on at `position`: with a field, or with an indented line that is not empty. */
function continues(source: string, position: number, end: number): boolean {
  if (position >= end) return false;
  if (startsField(source, position)) return true;
  const code = source.charCodeAt(position);
  if (code !== 0x20 && code !== 0x09) return false;
  const newline = source.indexOf("\n", position);
  const line = source.slice(position, newline < 0 || newline > end ? end : newline);
  return line.trim() !== "";
}
