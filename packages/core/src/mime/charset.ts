import { isAscii, isUtf8 } from "node:buffer";
import iconv from "./iconv-lite.cjs";
import type { Note } from "./types.ts";

/** Names found in mail that iconv-lite does not know by themselves. */
const aliases: Record<string, string> = {
  "iso-8859-1": "windows-1252",
  latin1: "windows-1252",
  l1: "windows-1252",
  "iso-8859-9": "windows-1254",
  "x-mac-roman": "macintosh",
  "x-mac-cyrillic": "maccyrillic",
  "x-gbk": "gbk",
  "x-euc-jp": "euc-jp",
  "dos-862": "cp862",
  "x-user-defined": "windows-1252",
  "unicode-2-0-utf-7": "utf-7",
  "x-unicode-2-0-utf-7": "utf-7",
  "csutf-8": "utf-8",
};

/** Labels that say nothing: the bytes are judged instead. */
const meaningless =
  /^(?:|unknown|x-unknown|unknown-8bit|x-unknown-8bit|default|default_charset|none|binary|8bit|undefined|null|\?+)$/;

/** Bytes up to here are looked at for signs of ISO 2022 and for `<meta charset>`. */
const sniffed = 4096;

const known = new Map<string, boolean>();

/** Whether iconv-lite has the charset. Remembered, because it looks an unknown one up by throwing. */
function exists(name: string): boolean {
  let found = known.get(name);
  if (found === undefined) {
    found = iconv().encodingExists(name);
    if (known.size < 1000) known.set(name, found);
  }
  return found;
}

function normalise(label: string | undefined): string | undefined {
  const name = (label ?? "")
    .toLowerCase()
    .replace(/\*.*$/, "")
    .replace(/^[\s"'=_]+|[\s"';,]+$/g, "")
    .replace(/\$esc$/, "");
  if (meaningless.test(name)) return undefined;
  return aliases[name] ?? name;
}

/** ISO-2022-KR (RFC 1557): shift-out and shift-in around EUC-KR without its high bits. */
function decodeIso2022Kr(bytes: Buffer): string {
  const euc: number[] = [];
  let shifted = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === 0x1b && bytes[i + 1] === 0x24 && bytes[i + 2] === 0x29) i += 3;
    else if (byte === 0x0e) shifted = true;
    else if (byte === 0x0f) shifted = false;
    else euc.push(shifted && byte > 0x20 ? byte | 0x80 : byte);
    if (byte === 0x0a) shifted = false;
  }
  return iconv().decode(Buffer.from(euc), "euc-kr");
}

/** HZ (RFC 1843): `~{` and `~}` around GB 2312 without its high bits. */
function decodeHz(bytes: Buffer): string {
  const euc: number[] = [];
  let shifted = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    const next = bytes[i + 1];
    if (byte === 0x7e && next === 0x7b) shifted = true;
    else if (byte === 0x7e && next === 0x7d) shifted = false;
    else if (byte === 0x7e && next === 0x7e && !shifted) euc.push(0x7e);
    else if (byte === 0x7e && next === 0x0a) shifted = false;
    else {
      if (byte === 0x0a) shifted = false;
      euc.push(shifted && byte > 0x20 ? byte | 0x80 : byte);
      continue;
    }
    i++;
  }
  return iconv().decode(Buffer.from(euc), "gb2312");
}

/** Charsets whose meaning of a byte depends on what came before: their encoded words are decoded one by one. */
export function isStateful(label: string): boolean {
  return /^(?:iso-2022|utf-7|unicode-1-1-utf-7|hz)/.test(normalise(label) ?? "");
}

/** Text of bytes whose charset is not known: ISO-2022-JP by its escapes, UTF-8 if it is valid, else windows-1252. */
function decodeUnlabelled(bytes: Buffer, hint: string | undefined): string {
  if (isAscii(bytes)) {
    const head = bytes.toString("latin1", 0, sniffed);
    if (head.includes("\x1b$B") || head.includes("\x1b$@"))
      return new TextDecoder("iso-2022-jp").decode(bytes);
    return bytes.toString("latin1");
  }
  if (isUtf8(bytes)) return bytes.toString("utf8");
  const name = normalise(hint);
  if (name !== undefined && name !== "utf-8" && name !== "us-ascii" && exists(name)) {
    return iconv().decode(bytes, name);
  }
  return iconv().decode(bytes, "windows-1252");
}

function decodeKnown(bytes: Buffer, label: string | undefined, hint: string | undefined, note: Note): string {
  const name = normalise(label);
  switch (name) {
    case undefined:
      return decodeUnlabelled(bytes, hint);
    case "us-ascii":
    case "ascii":
      if (!isAscii(bytes)) note("charset-8bit-in-ascii");
      return decodeUnlabelled(bytes, hint);
    case "utf-8":
    case "utf8":
      if (isUtf8(bytes)) return bytes.toString("utf8");
      note("charset-invalid-bytes");
      // With no single valid sequence in it, the label is wrong; with some, the text was cut or damaged.
      return /[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}/.test(
        bytes.toString("latin1"),
      )
        ? bytes.toString("utf8")
        : decodeUnlabelled(bytes, undefined);
    case "windows-1252":
      // Senders say ISO 8859-1 and write UTF-8. Text that is valid UTF-8 by chance is hardly ever anything else.
      if (isAscii(bytes)) return bytes.toString("latin1");
      break;
    case "iso-2022-jp":
    case "iso-2022-jp-1":
    case "iso-2022-jp-2":
    case "iso-2022-jp-ms":
      return new TextDecoder("iso-2022-jp").decode(bytes);
    case "iso-2022-kr":
      return decodeIso2022Kr(bytes);
    case "hz-gb-2312":
    case "hz":
      return decodeHz(bytes);
  }
  if (!exists(name)) {
    note("charset-unknown");
    return decodeUnlabelled(bytes, hint);
  }
  return iconv().decode(bytes, name);
}

/**
 * Text of bytes in the named charset. Never throws: an unknown label or bytes that do not fit it are noted and the
 * bytes judged by themselves. NUL, which PostgreSQL cannot store, is removed; lone surrogates become U+FFFD.
 */
export function decodeText(bytes: Buffer, label: string | undefined, note: Note, hint?: string): string {
  let text: string;
  try {
    text = decodeKnown(bytes, label, hint, note);
  } catch {
    // iconv-lite's decoders are total by intent; one that is not must cost a defect, not the message.
    note("charset-undecodable");
    text = bytes.toString("latin1");
  }
  if (text.includes("\u0000")) {
    note("nul-characters");
    text = text.replaceAll("\u0000", "");
  }
  return text.toWellFormed();
}

/** A header's raw bytes (as ISO 8859-1 code units) to text: RFC 6532 says UTF-8, older senders wrote anything. */
export function decodeRaw(latin1: string, note: Note, hint?: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes of ISO 2022 and NUL are what is looked for
  if (!/[\x80-\xff\x00\x1b]/.test(latin1)) return latin1;
  const bytes = Buffer.from(latin1, "latin1");
  if (!isAscii(bytes) && !isUtf8(bytes)) note("header-8bit");
  return decodeText(bytes, undefined, note, hint);
}

/** Charset that an HTML document names in its own `<meta>`, for parts that declare none. */
export function metaCharset(bytes: Buffer): string | undefined {
  return /<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}["']?([\w.:-]{2,40})/i.exec(
    bytes.toString("latin1", 0, sniffed),
  )?.[1];
}
