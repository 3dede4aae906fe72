import { decodeRaw, decodeText, metaCharset } from "./charset.ts";
import { summarise } from "./fields.ts";
import { unflow } from "./flowed.ts";
import { htmlToText } from "./html-text.ts";
import { cleanFilename } from "./parameters.ts";
import type { Part } from "./structure.ts";
import { type Decoded, decodeTransferEncoding } from "./transfer-encoding.ts";
import type { Attachment, Limits, Note } from "./types.ts";

/** HTML that text is made from, in code units: some 500 pages. */
const longestHtml = 2 * 1024 * 1024;

/** Line ends as LF alone, without a byte order mark. */
function withLineFeeds(text: string): string {
  const start = text.startsWith("\ufeff") ? text.slice(1) : text;
  if (!start.includes("\r")) return start;
  return start.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
}

/** Bytes and text of the leaves of one message; each leaf is decoded once. */
export class PartReader {
  readonly #bytes: Buffer;
  readonly #limits: Limits;
  readonly #note: Note;
  readonly #decoded = new Map<Part, Decoded>();
  #budget: number;

  constructor(bytes: Buffer, limits: Limits, note: Note) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#note = note;
    this.#budget = limits.decodedBytes;
  }

  decoded(part: Part): Decoded {
    const known = this.#decoded.get(part);
    if (known !== undefined) return known;
    const raw = this.#bytes.subarray(part.start, part.end);
    let decoded: Decoded = { content: raw.subarray(0, 0), undecodable: false };
    // No transfer encoding makes more bytes than it is given, so the sent size is the bound.
    if (raw.length > this.#budget) this.#note("decoded-size-exceeded");
    else {
      decoded = decodeTransferEncoding(raw, part.encoding, this.#note);
      this.#budget -= decoded.content.length;
    }
    this.#decoded.set(part, decoded);
    return decoded;
  }

  /** Text of a text part: charset decoded, lines ended by LF, flowed lines joined. */
  text(part: Part): string {
    const { content } = this.decoded(part);
    // Four bytes a character at most, so this cuts nothing that the bound on the length would keep.
    const bytes = content.subarray(0, this.#limits.textLength * 4);
    const isHtml = part.type === "text/html";
    const charset = part.parameters.get("charset") ?? (isHtml ? metaCharset(bytes) : undefined);
    let text = withLineFeeds(decodeText(bytes, charset, this.#note));
    if (text.length > this.#limits.textLength) text = text.slice(0, this.#limits.textLength).toWellFormed();
    if (bytes.length < content.length || text.length === this.#limits.textLength) this.#note("text-too-long");
    if (part.type === "text/plain" && part.parameters.get("format")?.toLowerCase() === "flowed") {
      text = unflow(text, part.parameters.get("delsp")?.toLowerCase() === "yes");
    }
    if (part.type === "text/plain" && /^(?:begin [0-7]{3,4} \S|=ybegin )/m.test(text))
      this.#note("inline-encoded-file");
    return text;
  }

  /** Text to read, made from the HTML or the rich text where that is what was sent. */
  readable(part: Part): string {
    const text = this.text(part);
    if (part.type === "text/plain") return text;
    if (text.length > longestHtml) this.#note("text-too-long");
    return htmlToText(text.slice(0, longestHtml));
  }

  attachment(part: Part, related: boolean): Attachment {
    const { content } = this.decoded(part);
    const attachment: Attachment = {
      contentType: part.type,
      disposition: part.disposition ?? (related ? "inline" : "attachment"),
      size: content.length,
      content,
      related,
      partPath: part.path,
    };
    const filename = cleanFilename(part.dispositionParameters.get("filename") ?? part.parameters.get("name"));
    if (filename !== undefined) attachment.filename = filename;
    const contentId = decodeRaw(part.header.first.get("content-id") ?? "", this.#note)
      .trim()
      .replace(/^<(.*)>$/, "$1");
    if (contentId !== "") attachment.contentId = contentId.slice(0, 900);
    if (
      /^(?:message\/(?:rfc822|global|rfc822-headers|global-headers)|text\/rfc822-headers)$/.test(part.type)
    ) {
      const summary = summarise(content, this.#limits, this.#note);
      if (summary === undefined) this.#note("nested-message-without-header");
      else attachment.message = summary;
    }
    return attachment;
  }
}
