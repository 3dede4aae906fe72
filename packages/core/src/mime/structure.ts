import { type HeaderBlock, readHeader, skipPreface, unfold } from "./headers.ts";
import { type Parameterised, parseParameterised } from "./parameters.ts";
import type { Disposition, Limits, Note } from "./types.ts";

/** A node of the MIME tree; leaves have no children. */
export interface Part {
  header: HeaderBlock;
  /** `type/subtype` in lower case; text/plain (or message/rfc822 in a digest) where none or none valid is given. */
  type: string;
  parameters: Map<string, string>;
  disposition: Disposition | undefined;
  dispositionParameters: Map<string, string>;
  /** Content-Transfer-Encoding in lower case, empty when there is none. */
  encoding: string;
  /** Bounds of the body in the source. */
  start: number;
  end: number;
  children: Part[];
  /** Place in IMAP's numbering; empty for a message that is a multipart. */
  path: string;
}

/** Content-Type, Content-Disposition and the like are read up to here. */
const longestField = 64 * 1024;
/** RFC 2046 §5.1.1 allows 70 characters; senders write more. Longer lines are no delimiters. */
const longestBoundary = 250;

/** Each guess reads the rest of the message once more, so their number is what keeps the whole linear. */
const mostGuesses = 4;

interface Delimiter {
  /** Index in the stack of open boundaries. */
  level: number;
  closing: boolean;
  /** The line's own first byte, and the first byte after it. */
  start: number;
  next: number;
}

/** The tree of one message. Reads the source once, from front to back, whatever is in it. */
export class TreeReader {
  readonly #source: string;
  readonly #limits: Limits;
  readonly #note: Note;
  /** Boundaries of the multiparts that are open, outermost first. */
  readonly #open: string[] = [];
  #leaves = 0;
  #guesses = 0;

  constructor(source: string, limits: Limits, note: Note) {
    this.#source = source;
    this.#limits = limits;
    this.#note = note;
  }

  read(): Part {
    const start = skipPreface(this.#source);
    return this.#readPart(start, "text/plain", "").part;
  }

  /** The delimiter of an open multipart that the line holds, innermost first. */
  #match(start: number, stop: number): { level: number; closing: boolean } | undefined {
    if (stop - start > longestBoundary + 4) return undefined;
    const line = this.#source.slice(start + 2, stop).trimEnd();
    for (let level = this.#open.length - 1; level >= 0; level--) {
      const boundary = this.#open[level] ?? "";
      if (!line.startsWith(boundary)) continue;
      if (line.length === boundary.length) return { level, closing: false };
      if (line.length === boundary.length + 2 && line.endsWith("--")) return { level, closing: true };
    }
    return undefined;
  }

  /** The next delimiter at or after `position`, which is a line's first byte. */
  #nextDelimiter(position: number): Delimiter | undefined {
    if (this.#open.length === 0) return undefined;
    const source = this.#source;
    const after = (from: number) => {
      const found = source.indexOf("\n--", from);
      return found < 0 ? -1 : found + 1;
    };
    for (let start = source.startsWith("--", position) ? position : after(position); start >= 0; ) {
      const newline = source.indexOf("\n", start);
      const stop = newline < 0 ? source.length : newline;
      const found = this.#match(start, stop);
      if (found !== undefined) return { ...found, start, next: newline < 0 ? source.length : newline + 1 };
      start = newline < 0 ? -1 : after(newline);
    }
    return undefined;
  }

  /** Where a body ends whose delimiter line starts at `start`: the line break before it belongs to the delimiter. */
  #beforeDelimiter(start: number, floor: number): number {
    let end = start;
    if (end > floor && this.#source[end - 1] === "\n") end--;
    if (end > floor && this.#source[end - 1] === "\r") end--;
    return end;
  }

  /** Reads the part that starts at `position`, up to the delimiter (of whatever level) that ends it. */
  #readPart(
    position: number,
    defaultType: string,
    path: string,
  ): { part: Part; stop: Delimiter | undefined } {
    const source = this.#source;
    let own: { contentType: string; boundary: string | undefined } | undefined;
    const header = readHeader(
      source,
      position,
      source.length,
      this.#limits,
      this.#note,
      (start, stop, contentType) => {
        if (this.#match(start, stop) !== undefined) return true;
        // The first delimiter of the part itself may follow its header at once, the blank line forgotten.
        if (contentType === undefined || stop - start > longestBoundary + 4) return false;
        if (own?.contentType !== contentType) {
          own = {
            contentType,
            boundary: parseParameterised(unfold(contentType.slice(0, longestField)), () => {}).parameters.get(
              "boundary",
            ),
          };
        }
        return own.boundary !== undefined && source.slice(start + 2, stop).trimEnd() === own.boundary;
      },
    );
    const field = (key: string) => header.first.get(key)?.slice(0, longestField);
    const contentType = readContentType(field("content-type"), defaultType, this.#note);
    const disposition = parseParameterised(
      field("content-disposition") ?? "",
      this.#note,
      contentType.parameters.get("charset"),
    );
    const part: Part = {
      header,
      type: contentType.value,
      parameters: contentType.parameters,
      // RFC 2183 §2.8: a disposition that is not known is an attachment.
      disposition:
        disposition.value === "" ? undefined : disposition.value === "inline" ? "inline" : "attachment",
      dispositionParameters: disposition.parameters,
      encoding: (field("content-transfer-encoding") ?? "")
        .replace(/\([^()]*\)|["';\s].*$/g, "")
        .trim()
        .toLowerCase(),
      start: header.end,
      end: source.length,
      children: [],
      path,
    };
    const isMultipart = part.type.startsWith("multipart/");
    if (isMultipart && this.#open.length < this.#limits.depth && this.#leaves < this.#limits.parts) {
      const stop = this.#readChildren(part);
      if (part.children.length > 0) return { part, stop };
      // RFC 2046 §5.1: a multipart that is none is shown as text.
      this.#note("multipart-without-parts");
      part.type = "text/plain";
      part.encoding = /^(?:base64|quoted-printable)$/.test(part.encoding) ? part.encoding : "";
    } else if (isMultipart) {
      this.#note(this.#open.length < this.#limits.depth ? "too-many-parts" : "nesting-too-deep");
      part.type = "application/octet-stream";
    }
    this.#leaves++;
    if (part.path === "") part.path = "1";
    const stop = this.#nextDelimiter(part.start);
    if (stop !== undefined) part.end = Math.max(part.start, this.#beforeDelimiter(stop.start, part.start));
    return { part, stop };
  }

  /** Reads the parts of a multipart; returns the delimiter of an outer one at which it ended, if it did. */
  #readChildren(part: Part): Delimiter | undefined {
    let boundary = part.parameters.get("boundary")?.trimEnd().slice(0, longestBoundary) ?? "";
    let first: Delimiter | undefined;
    if (boundary !== "") {
      this.#open.push(boundary);
      first = this.#nextDelimiter(part.start);
      if (first !== undefined && first.level === this.#open.length - 1)
        return this.#readSiblings(part, first);
      this.#open.pop();
    }
    // The boundary is missing, or never occurs: the line that looks like one, with a part's header after it, is it.
    if (this.#guesses++ >= mostGuesses) return first;
    if (boundary === "") first = this.#nextDelimiter(part.start);
    boundary = this.#guessBoundary(part.start, first?.start ?? this.#source.length) ?? "";
    if (boundary === "") return first;
    this.#note("boundary-guessed");
    this.#open.push(boundary);
    first = this.#nextDelimiter(part.start);
    if (first !== undefined && first.level === this.#open.length - 1) return this.#readSiblings(part, first);
    this.#open.pop();
    return first;
  }

  #guessBoundary(start: number, limit: number): string | undefined {
    const pattern = /^--([^\s-][^\r\n]{0,200}|-[^\r\n]{4,200})\r?\ncontent-[a-z-]{2,40}[ \t]*:/gim;
    pattern.lastIndex = start;
    const found = pattern.exec(this.#source);
    return found === null || found.index >= limit ? undefined : found[1]?.trimEnd();
  }

  /** The boundary is on the stack, `first` is its first delimiter. Takes the boundary off the stack. */
  #readSiblings(part: Part, first: Delimiter): Delimiter | undefined {
    const level = this.#open.length - 1;
    const childType = part.type === "multipart/digest" ? "message/rfc822" : "text/plain";
    let current: Delimiter | undefined = first;
    while (current !== undefined && current.level === level && !current.closing) {
      if (this.#leaves >= this.#limits.parts) {
        this.#note("too-many-parts");
        current = this.#skipTo(current.next, level);
        break;
      }
      if (current.next >= this.#source.length) break;
      const number = part.children.length + 1;
      const childPath = part.path === "" ? `${number}` : `${part.path}.${number}`;
      const child = this.#readPart(current.next, childType, childPath);
      part.children.push(child.part);
      current = child.stop;
    }
    this.#open.pop();
    if (current === undefined || current.level !== level || !current.closing)
      this.#note("multipart-unclosed");
    part.end = current?.start ?? this.#source.length;
    if (current === undefined || current.level < level) return current;
    // What follows the closing delimiter is the epilogue; it ends at an outer one.
    return this.#nextDelimiter(current.next);
  }

  /** The delimiter that closes `level` or belongs to an outer multipart. */
  #skipTo(position: number, level: number): Delimiter | undefined {
    let current = this.#nextDelimiter(position);
    while (current !== undefined && current.level >= level && !current.closing)
      current = this.#nextDelimiter(current.next);
    return current;
  }
}

/** Type and parameters; the default where the field is missing or has no `type/subtype` (RFC 2045 §5.2). */
function readContentType(value: string | undefined, defaultType: string, note: Note): Parameterised {
  if (value === undefined) return { value: defaultType, parameters: new Map() };
  const parsed = parseParameterised(value, note);
  if (/^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+'-]{1,100}$/.test(parsed.value)) return parsed;
  if (/^multipart\/?$/.test(parsed.value) && parsed.parameters.has("boundary")) {
    note("content-type-invalid");
    return { ...parsed, value: "multipart/mixed" };
  }
  if (parsed.value !== "text") note("content-type-invalid");
  return { ...parsed, value: defaultType };
}
