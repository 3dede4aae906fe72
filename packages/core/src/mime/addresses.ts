import { decodeWords, wordAt } from "./encoded-words.ts";
import type { Address, Note } from "./types.ts";

/** What was collected of one mailbox. */
interface Draft {
  /** Display name or bare address, quotes removed. */
  phrase: string;
  /** An unquoted at-sign was seen. */
  at: boolean;
  /** The phrase has a quoted string in it: its commas and at-signs are text. */
  quoted: boolean;
  /** Content of `<...>`. */
  angle: string | undefined;
  comments: string[];
}

/** RFC 5321 §4.5.3.1 allows 256; beyond this nothing is an address, and the patterns below stay cheap. */
const longestAddress = 1000;
const longestName = 4000;

const emptyDraft = (): Draft => ({ phrase: "", at: false, quoted: false, angle: undefined, comments: [] });

/** Index of the quote that closes the one at `start`, or -1. */
function closingQuote(source: string, start: number): number {
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === '"') return i;
  }
  return -1;
}

/** Index of the parenthesis that closes the one at `start`; comments nest. -1 when there is none. */
function closingParenthesis(source: string, start: number): number {
  let depth = 0;
  for (let i = start; i < source.length; i++) {
    const char = source[i];
    if (char === "\\") i++;
    else if (char === "(") depth++;
    else if (char === ")" && --depth === 0) return i;
  }
  return -1;
}

const unescaped = (text: string) => (text.includes("\\") ? text.replace(/\\(.)/gs, "$1") : text);

/** `<@relay:local@domain>`, blanks and comments inside, doubled brackets: to a plain `local@domain`. */
function cleanAddress(text: string): string {
  let address = text.slice(0, longestAddress).trim();
  if (address.includes("(")) address = address.replace(/\([^()]*\)/g, "");
  address = address.replace(/^[<\s]+|[>\s]+$/g, "").replace(/^mailto:/i, "");
  if (address.startsWith("@") && address.includes(":")) address = address.slice(address.indexOf(":") + 1);
  // Quoted local parts keep their blanks, everything else has none.
  const quotedLocal = /^("(?:[^"\\]|\\.)*")\s*@(.*)$/s.exec(address);
  if (quotedLocal !== null) {
    const [, local = "", domain = ""] = quotedLocal;
    const plain = unescaped(local.slice(1, -1));
    const needsQuotes = !/^[^\s"(),:;<>@[\\\]]+$/.test(plain) || plain.startsWith(".") || plain.endsWith(".");
    return `${needsQuotes ? local : plain}@${domain.replace(/\s+/g, "")}`;
  }
  if (!address.includes("@")) return address;
  address = address.replace(/\s*([@.])\s*/g, "$1");
  // `<Anna a@x.org>`: what has the at-sign is the address.
  if (/\s/.test(address)) address = address.split(/\s+/).find((word) => word.includes("@")) ?? address;
  address = address.replace(/^['`]+|['`.,;:]+$/g, "");
  return address.endsWith("]") && !address.includes("[") ? address.slice(0, -1) : address;
}

/** What stands where a sender hides the recipients, with or without the group's punctuation. It is nobody's address. */
const undisclosed = /^(?:undisclosed|unlisted|hidden|suppressed)[-_. ]?recipients?[\s:;]*$/i;

/** The mailbox in `phrase` without angle brackets, and what is left of the phrase beside it. */
function bareAddress(phrase: string): { address: string; rest: string } {
  // Blanks around "@", and around the dots of the domain, are obsolete but legal.
  const joined = phrase.replace(/ ?@ ?/g, "@").replace(/(@[^ .]+) ?\. ?/g, "$1.");
  // A quoted local part may have at-signs of its own, and what counts is the one after it.
  const quote = joined.indexOf('"@');
  const at = quote < 0 ? joined.indexOf("@") : quote + 1;
  let start = at;
  if (joined[at - 1] === '"') start = Math.max(0, joined.lastIndexOf('"', at - 2));
  else while (start > 0 && !/[\s"<>]/.test(joined[start - 1] ?? "")) start--;
  let stop = at + 1;
  while (stop < joined.length && !/[\s"<>]/.test(joined[stop] ?? "")) stop++;
  if (at < 0 || start === at || stop === at + 1) return { address: "", rest: phrase };
  return {
    address: cleanAddress(joined.slice(start, stop)),
    rest: `${joined.slice(0, start)} ${joined.slice(stop)}`.trim().replace(/^[[(]|[\])]$/g, ""),
  };
}

/**
 * Reads an address list (RFC 5322 §3.4 with the obsolete forms of §4.4, and what senders make of it): groups, comments
 * as names, routes, missing brackets and quotes, RFC 2047 words anywhere, `;` between mailboxes, names with bare commas.
 * @param value unfolded, each byte as one code unit
 * @param limit mailboxes at most; more are left out and noted
 */
export function parseAddresses(value: string, limit: number, note: Note, hint?: string): Address[] {
  let latin1 = value.replace(/\s+/g, " ");
  const result: Address[] = [];
  let draft = emptyDraft();
  let group: string | undefined;
  /** "Doe" of `Doe, John <x@y>`: kept until the mailbox that it belongs to shows up. */
  let loose = "";
  const decode = (text: string) => decodeWords(text.trim(), note, hint).replace(/\s+/g, " ").trim();

  const add = (name: string, address: string) => {
    if (result.length >= limit) {
      note("too-many-addresses");
      return;
    }
    const decoded = decodeWords(address, note, hint);
    if (undisclosed.test(decoded)) return;
    result.push({
      // Mailers repeat the address as the name, which says nothing.
      name: name.toLowerCase() === decoded.toLowerCase() ? "" : name,
      address: decoded,
      ...(group === undefined ? {} : { group }),
    });
  };
  const flushLoose = () => {
    if (loose === "") return;
    const text = decode(loose);
    if (text !== "") add(/\s/.test(text) ? text : "", /\s/.test(text) ? "" : text);
    loose = "";
  };
  const finish = () => {
    const { phrase, at, quoted, angle, comments } = draft;
    draft = emptyDraft();
    const text = phrase.trim().slice(0, longestName);
    if (angle !== undefined) {
      let address = cleanAddress(angle);
      let name = text;
      if (address === "" && name.includes("@")) ({ address, rest: name } = bareAddress(name));
      else if (loose !== "" && name !== "" && !quoted) {
        name = `${loose}, ${name}`;
        loose = "";
        note("address-unquoted-comma");
      }
      flushLoose();
      add(decode(name === "" ? comments.join(" ") : name), address);
      return;
    }
    if (text === "") return;
    if (at || (quoted && /^\S+@\S+$/.test(text))) {
      flushLoose();
      const { address, rest } = bareAddress(text);
      add(
        decode(rest === "" ? comments.join(" ") : rest.replace(/^"(.*)"$/s, "$1")),
        address === "" ? text : address,
      );
      return;
    }
    flushLoose();
    loose = text;
  };

  let i = 0;
  while (i < latin1.length && result.length < limit) {
    const char = latin1[i];
    if (char === '"') {
      const close = closingQuote(latin1, i);
      if (close >= 0) {
        const inner = latin1.slice(i + 1, close);
        // As part of an address (`"john doe"@x`) the quotes stay; as a name they go.
        const isLocal = /^\s*@/.test(latin1.slice(close + 1, close + 10));
        draft.phrase += isLocal ? `"${inner}"` : unescaped(inner);
        draft.quoted = true;
        i = close + 1;
        continue;
      }
      note("address-unclosed-quote");
      i++;
      // Nothing closes any later quote either: the rest is read without them.
      latin1 = latin1.slice(0, i) + latin1.slice(i).replaceAll('"', " ");
      continue;
    }
    if (char === "(") {
      const close = closingParenthesis(latin1, i);
      if (close >= 0) {
        draft.comments.push(unescaped(latin1.slice(i + 1, close)));
        draft.phrase += " ";
        i = close + 1;
        continue;
      }
      latin1 = latin1.slice(0, i) + latin1.slice(i).replaceAll("(", " ");
      continue;
    }
    if (char === "<") {
      const stop = angleEnd(latin1, i);
      if (latin1[stop] !== ">") note("address-unclosed-angle");
      const inner = latin1.slice(i + 1, stop);
      if (draft.angle?.includes("@")) finish();
      draft.angle = inner;
      i = latin1[stop] === ">" ? stop + 1 : stop;
      continue;
    }
    if (char === "=" && latin1[i + 1] === "?") {
      const word = wordAt(latin1, i);
      if (word !== undefined) {
        draft.phrase += latin1.slice(i, word.end);
        i = word.end;
        continue;
      }
    }
    if (char === ",") finish();
    else if (char === ";") {
      finish();
      flushLoose();
      group = undefined;
    } else if (char === ":" && group === undefined && draft.angle === undefined && !draft.at) {
      const name = decode(draft.phrase);
      if (name.toLowerCase() !== "mailto") {
        flushLoose();
        group = name;
      }
      draft = emptyDraft();
    } else {
      draft.phrase += char;
      if (char === "@") draft.at = true;
    }
    i++;
  }
  if (i < latin1.length) note("too-many-addresses");
  finish();
  flushLoose();
  return result;
}

/** Index of the `>` that ends the angle address at `start`; without one, of the comma, `<` or end where it must end. */
function angleEnd(source: string, start: number): number {
  const limit = Math.min(source.length, start + longestAddress);
  let at = false;
  let comma = -1;
  for (let i = start + 1; i < limit; i++) {
    const char = source[i];
    if (char === "@") at = true;
    else if (char === '"') {
      const close = closingQuote(source, i);
      if (close < 0) break;
      i = close;
    } else if (char === ">") {
      // `<<a@b>>`
      while (source[i + 1] === ">") i++;
      return i;
    } else if (char === "<" && at) return comma < 0 ? i : comma;
    else if ((char === "," || char === ";") && at && comma < 0 && source[start + 1] !== "@") comma = i;
  }
  return comma < 0 ? limit : comma;
}
