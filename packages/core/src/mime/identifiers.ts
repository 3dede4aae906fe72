import { decodeWords } from "./encoded-words.ts";
import type { Note, ThreadIndex } from "./types.ts";

/** RFC 5322 sets no bound; a database index does. Longer ones are nobody's. */
const longest = 900;

function clean(id: string): string | undefined {
  // Folding and copying leave blanks inside; identifiers have none outside of quotes.
  const text = id
    .replace(/\([^()]*\)/g, "")
    .replace(/\s+/g, "")
    .replace(/^<+|>+$/g, "");
  if (text === "" || text.length > longest) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  return /[\u0000-\u001f<>]/.test(text) ? undefined : text;
}

/**
 * Message identifiers of a field, without brackets and repeats, in their order. Reads RFC 5322 §3.6.4 and the obsolete
 * form with phrases between them; mends missing brackets, blanks and folds inside, commas between, RFC 2047 words.
 * @param limit identifiers at most; of more, the first and the last ones are kept, as RFC 5537 §3.4.4 advises
 */
export function parseIdentifiers(latin1: string, limit: number, note: Note): string[] {
  const value = decodeWords(latin1, note);
  const found = new Set<string>();
  let position = 0;
  let outside = "";
  let close = value.indexOf(">");
  while (position < value.length) {
    const open = value.indexOf("<", position);
    if (open < 0) break;
    outside += ` ${value.slice(position, open)}`;
    // Looked for again only once it was passed: a field of nothing but "<" costs one search, not one each.
    if (close >= 0 && close < open) close = value.indexOf(">", open + 1);
    const next = value.indexOf("<", open + 1);
    let stop = close;
    if (close < 0 || (next >= 0 && next < close && value.slice(open + 1, next).trim() !== "")) {
      note("identifier-unclosed");
      stop = next < 0 ? value.length : next;
    }
    const id = clean(value.slice(open + 1, stop));
    if (id !== undefined) found.add(id);
    position = stop === close ? stop + 1 : stop;
  }
  if (found.size === 0) {
    // No brackets at all: take what has the form of an identifier, if nothing but identifiers is there.
    outside += ` ${value.slice(position)}`;
    const tokens = outside.split(/[\s,;>]+/).filter((token) => token !== "");
    if (tokens.length > 0 && tokens.every((token) => /^[^\s<>"():]+@[^\s<>"():]+$/.test(token))) {
      note("identifier-without-brackets");
      for (const token of tokens) {
        const id = clean(token);
        if (id !== undefined) found.add(id);
      }
    } else if (tokens.length === 1 && tokens[0] !== undefined && tokens[0].length > 8) {
      note("identifier-without-brackets");
      const id = clean(tokens[0]);
      if (id !== undefined) found.add(id);
    }
  }
  const all = [...found];
  if (all.length <= limit) return all;
  note("too-many-references");
  return [...all.slice(0, 1), ...all.slice(1 - limit)];
}

/** Outlook's Thread-Index: base64 of a 22-byte root and five bytes for each reply. Undefined when it is not that. */
export function parseThreadIndex(value: string): ThreadIndex | undefined {
  const letters = value.replace(/\s+/g, "");
  if (letters.length > 4096 || !/^[A-Za-z0-9+/]{28,}=*$/.test(letters)) return undefined;
  const bytes = Buffer.from(letters, "base64");
  if (bytes.length < 22 || bytes[0] !== 1) return undefined;
  return { root: bytes.subarray(0, 22).toString("hex"), depth: Math.floor((bytes.length - 22) / 5) };
}
