import { decodeRaw, decodeText, isStateful } from "./charset.ts";
import { decodeBase64, decodeQuotedPrintable } from "./transfer-encoding.ts";
import type { Note } from "./types.ts";

interface Word {
  charset: string;
  encoding: "B" | "Q";
  text: string;
  /** Index after the word. */
  end: number;
}

/** Far beyond RFC 2047's 75, for the senders that put a whole header into one word; keeps the search linear. */
const longestWord = 2048;

/** The encoded word that starts at `start`, where `=?` stands. */
export function wordAt(source: string, start: number): Word | undefined {
  const charsetEnd = source.indexOf("?", start + 2);
  if (charsetEnd < 0 || charsetEnd - start > 80 || source[charsetEnd + 2] !== "?") return undefined;
  const charset = source.slice(start + 2, charsetEnd);
  if (/[\s<>"]/.test(charset)) return undefined;
  const letter = source[charsetEnd + 1]?.toUpperCase();
  if (letter !== "B" && letter !== "Q") return undefined;
  const text = charsetEnd + 3;
  const window = source.slice(text, text + longestWord);
  const length = window.indexOf("?=");
  if (length >= 0)
    return { charset, encoding: letter, text: window.slice(0, length), end: text + length + 2 };
  // Not closed: it ends where the next one starts or, without one, at the header's end.
  const next = window.indexOf("=?");
  const open = (next < 0 ? window : window.slice(0, next)).replace(/\?$/, "");
  if (letter === "B" && /[^A-Za-z0-9+/=\s]/.test(open)) return undefined;
  return { charset, encoding: letter, text: open, end: text + (next < 0 ? window.length : next) };
}

function wordBytes(word: Pick<Word, "encoding" | "text">, note: Note): Buffer {
  if (word.encoding === "B") return decodeBase64(word.text, note) ?? Buffer.from(word.text, "latin1");
  return decodeQuotedPrintable(Buffer.from(word.text.replaceAll("_", " "), "latin1"), note);
}

/**
 * Text of neighbouring words. Those of one charset are joined before they are decoded, because senders split
 * characters, and even base64 quanta, between words (forbidden by RFC 2047 §5, and common).
 */
function decodeRun(run: Word[], note: Note, hint: string | undefined): string {
  let text = "";
  for (let i = 0; i < run.length; ) {
    const first = run[i];
    if (first === undefined) break;
    const charset = first.charset.toLowerCase();
    const chunks: Buffer[] = [];
    const alone = isStateful(charset);
    let next = i;
    for (
      let word: Word | undefined = first;
      word !== undefined && word.charset.toLowerCase() === charset;
      word = run[next]
    ) {
      let base64 = word.text;
      next++;
      while (word.encoding === "B" && base64.length % 4 !== 0 && !base64.includes("=")) {
        const following: Word | undefined = run[next];
        if (
          following === undefined ||
          following.encoding !== "B" ||
          following.charset.toLowerCase() !== charset
        )
          break;
        base64 += following.text;
        next++;
      }
      chunks.push(wordBytes({ encoding: word.encoding, text: base64 }, note));
      if (alone) break;
    }
    text += decodeText(Buffer.concat(chunks), charset, note, hint);
    i = next;
  }
  return text;
}

/**
 * Decodes an unstructured value: RFC 2047 words (also where the RFC forbids them: inside quotes, without blanks
 * around them, with raw 8-bit bytes or blanks inside) and raw 8-bit bytes between them.
 * @param latin1 unfolded value, each byte as one code unit
 * @param hint charset of the body, tried for bytes that are not UTF-8
 */
export function decodeWords(latin1: string, note: Note, hint?: string): string {
  let start = latin1.indexOf("=?");
  if (start < 0) return decodeRaw(latin1, note, hint);
  let text = "";
  let run: Word[] = [];
  let position = 0;
  while (start >= 0) {
    const word = wordAt(latin1, start);
    if (word === undefined) {
      start = latin1.indexOf("=?", start + 2);
      continue;
    }
    const between = latin1.slice(position, start);
    if (run.length === 0 || between.trim() !== "") {
      text += decodeRun(run, note, hint) + decodeRaw(between, note, hint);
      run = [];
    }
    run.push(word);
    position = word.end;
    start = latin1.indexOf("=?", position);
  }
  text += decodeRun(run, note, hint) + decodeRaw(latin1.slice(position), note, hint);
  // A line break smuggled in by an encoded word must not become a header line in what is written from it later.
  return text.replace(/[\r\n]+/g, " ");
}
