import { parseAddresses } from "./addresses.ts";
import { parseDate } from "./dates.ts";
import { decodeWords } from "./encoded-words.ts";
import { type HeaderBlock, readHeader, skipPreface, unfold } from "./headers.ts";
import { parseIdentifiers } from "./identifiers.ts";
import type { Address, Header, Limits, MessageSummary, Note } from "./types.ts";

/** Structured fields are read up to here: some 4,000 addresses. Longer ones are noted. */
const longestStructured = 256 * 1024;

/** The fields that a message may have once only (RFC 5322 §3.6); a second one is a trick or an accident. */
const singular = new Set(
  "date from sender reply-to to cc bcc message-id in-reply-to references subject content-type".split(" "),
);

/** Typed reading of one header. */
export class Fields {
  readonly #block: HeaderBlock;
  readonly #limits: Limits;
  readonly #note: Note;
  readonly #hint: string | undefined;

  /** @param hint charset of the body, for raw 8-bit bytes */
  constructor(block: HeaderBlock, limits: Limits, note: Note, hint: string | undefined) {
    this.#block = block;
    this.#limits = limits;
    this.#note = note;
    this.#hint = hint;
  }

  /** All fields in their order, decoded; notes the repeated ones. */
  all(): Header[] {
    const seen = new Set<string>();
    return this.#block.fields.map(({ name, key, raw }) => {
      if (seen.has(key) && singular.has(key)) this.#note(`duplicate-${key}`);
      seen.add(key);
      return { name, key, raw, value: decodeWords(unfold(raw), this.#note, this.#hint) };
    });
  }

  /** First field of the name, unfolded and not decoded. */
  raw(key: string): string | undefined {
    const value = this.#block.first.get(key);
    if (value === undefined || value.length <= longestStructured) return value;
    this.#note("field-too-long");
    return value.slice(0, longestStructured);
  }

  /** First field of the name as text. */
  text(key: string): string | undefined {
    const value = this.#block.first.get(key);
    return value === undefined ? undefined : decodeWords(value, this.#note, this.#hint).trim();
  }

  /** Mailboxes of the first field of the name. */
  addresses(key: string): Address[] {
    return parseAddresses(this.raw(key) ?? "", this.#limits.listEntries, this.#note, this.#hint);
  }

  /** Mailboxes of every field of the name: senders repeat To and Cc instead of folding them. */
  allAddresses(key: string): Address[] {
    const found: Address[] = [];
    for (const field of this.#block.fields) {
      if (field.key !== key) continue;
      const room = this.#limits.listEntries - found.length;
      if (room <= 0) break;
      found.push(
        ...parseAddresses(unfold(field.raw).slice(0, longestStructured), room, this.#note, this.#hint),
      );
    }
    return found;
  }

  identifiers(key: string): string[] {
    return parseIdentifiers(this.raw(key) ?? "", this.#limits.listEntries, this.#note);
  }

  date(key: string): Date | undefined {
    const value = this.raw(key);
    const date = value === undefined ? undefined : parseDate(value);
    if (value !== undefined && date === undefined) this.#note(`${key}-invalid`);
    return date;
  }
}

/** Head of a message inside a message; undefined when there is no header at all. */
export function summarise(content: Buffer, limits: Limits, note: Note): MessageSummary | undefined {
  const source = content.toString("latin1", 0, limits.headerBytes);
  const block = readHeader(source, skipPreface(source), source.length, limits, note, () => false);
  if (block.fields.length === 0) return undefined;
  const fields = new Fields(block, limits, note, undefined);
  const summary: MessageSummary = {
    subject: fields.text("subject") ?? "",
    from: fields.addresses("from"),
    to: fields.addresses("to"),
  };
  const [messageId] = fields.identifiers("message-id");
  if (messageId !== undefined) summary.messageId = messageId;
  const date = fields.date("date");
  if (date !== undefined) summary.date = date;
  return summary;
}
