import { type ParsedMail, type ParseOptions, parseMail } from "@frontdesk/core/mime";

/** Lines joined by CRLF, each character below U+0100 as one byte: raw 8-bit is written `\xfc`. */
export function bytes(...lines: string[]): Buffer {
  return Buffer.from(lines.join("\r\n"), "latin1");
}

export function parse(...lines: string[]): ParsedMail {
  return parseMail(bytes(...lines));
}

export function parseWith(options: ParseOptions, ...lines: string[]): ParsedMail {
  return parseMail(bytes(...lines), options);
}

/** UTF-8 bytes of the text as raw 8-bit characters. */
export function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
