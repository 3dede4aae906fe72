import type { Note } from "./types.ts";

const LF = 0x0a;
const CR = 0x0d;
const EQUALS = 0x3d;

/** Value of a hexadecimal digit, or -1. */
function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x41 && byte <= 0x46) return byte - 0x37;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return -1;
}

/** Quoted-printable (RFC 2045 §6.7). A `=` that starts nothing stays as it is. */
export function decodeQuotedPrintable(input: Buffer, note: Note): Buffer {
  if (!input.includes(EQUALS)) return input;
  const output = Buffer.allocUnsafe(input.length);
  let length = 0;
  for (let i = 0; i < input.length; i++) {
    const byte = input[i] ?? 0;
    if (byte !== EQUALS) {
      output[length++] = byte;
      continue;
    }
    const high = hexValue(input[i + 1]);
    const low = high < 0 ? -1 : hexValue(input[i + 2]);
    if (low >= 0) {
      output[length++] = (high << 4) | low;
      i += 2;
      continue;
    }
    // A soft line break, perhaps with the blanks that a gateway added before the line's end.
    let end = i + 1;
    while (input[end] === 0x20 || input[end] === 0x09) end++;
    if (input[end] === CR && input[end + 1] === LF) i = end + 1;
    else if (input[end] === LF || input[end] === CR) i = end;
    else if (end >= input.length) i = end;
    else {
      note("quoted-printable-invalid");
      output[length++] = byte;
    }
  }
  return output.subarray(0, length);
}

/**
 * Base64 (RFC 2045 §6.8), read as leniently as it can be: foreign characters are skipped, padding in the middle
 * (concatenated runs) is bridged, a missing end is made up. Undefined when it is not base64 at all.
 */
export function decodeBase64(input: string, note: Note): Buffer | undefined {
  const text = input.trim();
  if (text === "") return Buffer.alloc(0);
  const padding = text.indexOf("=");
  if ((padding < 0 || padding >= text.length - 2) && !/[^A-Za-z0-9+/=\r\n]/.test(text)) {
    const decoded = Buffer.from(text, "base64");
    if (decoded.length > 0) return decoded;
  }
  const foreign = text.match(/[^A-Za-z0-9+/=\s_-]/g)?.length ?? 0;
  // Blanks between letters are what prose has, and base64 has not.
  const blanks = text.match(/\w (?=\w)/g)?.length ?? 0;
  if ((foreign + blanks) * 8 >= text.length) return undefined;
  if (foreign > 0) note("base64-illegal-characters");
  const chunks: Buffer[] = [];
  // A run that ends in padding is whole in itself; words after it ("== ignored") are not base64 but a remark.
  for (const run of text.split(/=+/)) {
    const letters = run.replace(/[^A-Za-z0-9+/_-]/g, "");
    if (letters === "") continue;
    if (chunks.length > 0) {
      if (letters.length < 16) {
        note("base64-trailing-text");
        continue;
      }
      note("base64-concatenated");
    }
    if (letters.length % 4 === 1) note("base64-truncated");
    chunks.push(Buffer.from(letters, "base64"));
  }
  const decoded = Buffer.concat(chunks);
  return decoded.length === 0 ? undefined : decoded;
}

/** UNIX uuencode, from its `begin` line to `end`. Undefined when there is no `begin`. */
export function decodeUuencode(input: string, note: Note): Buffer | undefined {
  const begin = /^begin [0-7]{3,4} ?[^\r\n]*\r?\n/m.exec(input);
  if (begin === null) return undefined;
  const output = Buffer.allocUnsafe(Math.ceil((input.length * 3) / 4) + 3);
  let length = 0;
  let ended = false;
  let position = begin.index + begin[0].length;
  while (position < input.length) {
    const next = input.indexOf("\n", position);
    const stop = next < 0 ? input.length : next;
    const line = input.slice(position, stop).trimEnd();
    position = stop + 1;
    if (line === "end") {
      ended = true;
      break;
    }
    if (line === "") continue;
    let remaining = (line.charCodeAt(0) - 32) & 63;
    if (remaining > Math.ceil(((line.length - 1) * 3) / 4) + 2) note("uuencode-short-line");
    for (let i = 1; remaining > 0 && i < line.length; i += 4) {
      // Blanks at a line's end may have been cut off; they stand for zero, as the grave accent does.
      const a = ((line.charCodeAt(i) || 32) - 32) & 63;
      const b = ((line.charCodeAt(i + 1) || 32) - 32) & 63;
      const c = ((line.charCodeAt(i + 2) || 32) - 32) & 63;
      const d = ((line.charCodeAt(i + 3) || 32) - 32) & 63;
      const triple = (a << 18) | (b << 12) | (c << 6) | d;
      for (let shift = 16; shift >= 0 && remaining > 0; shift -= 8, remaining--)
        output[length++] = (triple >> shift) & 255;
    }
  }
  if (!ended) note("uuencode-truncated");
  return output.subarray(0, length);
}

/** yEnc (yenc.org, draft 1.3), from `=ybegin` to `=yend`. Undefined when there is no `=ybegin`. */
export function decodeYenc(input: string, note: Note): Buffer | undefined {
  const begin = /^=ybegin [^\r\n]*\r?\n(?:=ypart [^\r\n]*\r?\n)?/m.exec(input);
  if (begin === null) return undefined;
  const start = begin.index + begin[0].length;
  const end = input.indexOf("\n=yend", start - 1);
  if (end < 0) note("yenc-truncated");
  const data = input.slice(start, end < 0 ? input.length : end);
  const output = Buffer.allocUnsafe(data.length);
  let length = 0;
  for (let i = 0; i < data.length; i++) {
    const code = data.charCodeAt(i);
    if (code === CR || code === LF) continue;
    if (code === EQUALS) {
      i++;
      if (i < data.length) output[length++] = (data.charCodeAt(i) - 64 - 42) & 255;
    } else output[length++] = (code - 42) & 255;
  }
  const size = /\bsize=(\d{1,12})/.exec(input.slice(end + 1, end + 200))?.[1];
  if (end >= 0 && size !== undefined && Number(size) !== length) note("yenc-size-mismatch");
  return output.subarray(0, length);
}

export interface Decoded {
  content: Buffer;
  /** The declared encoding could not be undone: `content` is what was sent. */
  undecodable: boolean;
}

/**
 * Undoes a Content-Transfer-Encoding.
 * @param raw bytes as sent; returned as they are for 7bit, 8bit and binary
 */
export function decodeTransferEncoding(raw: Buffer, encoding: string, note: Note): Decoded {
  const asSent: Decoded = { content: raw, undecodable: false };
  let content: Buffer | undefined;
  switch (encoding) {
    case "":
    case "7bit":
    case "8bit":
    case "binary":
      return asSent;
    case "base64":
      content = decodeBase64(raw.toString("latin1"), note);
      break;
    case "quoted-printable":
      return { content: decodeQuotedPrintable(raw, note), undecodable: false };
    case "x-uuencode":
    case "x-uue":
    case "uuencode":
    case "uue":
      content = decodeUuencode(raw.toString("latin1"), note);
      break;
    case "x-yencode":
    case "x-yenc":
    case "yenc":
      content = decodeYenc(raw.toString("latin1"), note);
      break;
    default:
      note("transfer-encoding-unknown");
      return asSent;
  }
  if (content !== undefined) return { content, undecodable: false };
  note("transfer-encoding-invalid");
  return { content: raw, undecodable: true };
}
