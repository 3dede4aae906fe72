/** Header sections (RFC 5322 section 2.2), read as SES tells of them in its notices. */

export interface Header {
  name: string;
  /** Unfolded; encoded words as they came. */
  value: string;
}

/** End of the header section: the empty line, with the bytes of its line end. @returns -1 when it has not come yet. */
export function headerEnd(bytes: Buffer): number {
  if (bytes[0] === 0x0a) return 1;
  if (bytes[0] === 0x0d && bytes[1] === 0x0a) return 2;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3;
  }
  return -1;
}

const fieldStart = /^([!-9;-~]+)[ \t]*:/;

/** Splits a section into its fields, each with its continuation lines and line ends. */
function fieldsOf(section: string): string[] {
  const fields: string[] = [];
  for (const line of section.split(/(?<=\n)/)) {
    if (/^[ \t]/.test(line) && fields.length > 0) fields.push((fields.pop() ?? "") + line);
    else fields.push(line);
  }
  return fields;
}

/** Takes out every field of the name. */
export function takeOut(section: Buffer, name: string): { section: Buffer; values: string[] } {
  const wanted = name.toLowerCase();
  if (!section.toString("latin1").toLowerCase().includes(wanted)) return { section, values: [] };
  const values: string[] = [];
  const kept = fieldsOf(section.toString("latin1")).filter((field) => {
    if (fieldStart.exec(field)?.[1]?.toLowerCase() !== wanted) return true;
    values.push(fieldValue(field));
    return false;
  });
  return { section: Buffer.from(kept.join(""), "latin1"), values };
}

/** The fields up to the first line that is none. Bytes are UTF-8 where they can be, else Latin-1. */
export function parseHeaders(section: Buffer): Header[] {
  const headers: Header[] = [];
  for (const field of fieldsOf(decodeBytes(section))) {
    const name = fieldStart.exec(field)?.[1];
    if (name === undefined) break;
    headers.push({ name, value: fieldValue(field) });
  }
  return headers;
}

const fieldValue = (field: string) =>
  field
    .slice(field.indexOf(":") + 1)
    .replace(/\r?\n(?=[ \t])/g, "")
    .replace(/[\r\n]+$/, "")
    .trim();

function decodeBytes(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}

/** Encoded words (RFC 2047) in clear. What cannot be decoded stays as it is. */
export function decodeWords(text: string): string {
  return text
    .replace(/(\?=)[ \t]+(?==\?[^?\s]+\?[bq]\?)/gi, "$1")
    .replace(
      /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?\s]*)\?=/gi,
      (word, charset: string, kind: string, data: string) => {
        try {
          const bytes =
            kind.toLowerCase() === "b"
              ? Buffer.from(data, "base64")
              : Buffer.from(
                  data
                    .replaceAll("_", " ")
                    .replace(/=([0-9a-f]{2})/gi, (_hex, digits: string) =>
                      String.fromCharCode(Number.parseInt(digits, 16)),
                    ),
                  "latin1",
                );
          return new TextDecoder(charset).decode(bytes);
        } catch {
          return word;
        }
      },
    );
}

/**
 * The entries of an address list, as written, with the address of each (RFC 5322 section 3.4). Commas in quotes,
 * comments and angle brackets do not separate; group names are dropped.
 */
export function splitAddresses(value: string): { text: string; address: string }[] {
  const entries: string[] = [];
  let entry = "";
  let quoted = false;
  let depth = 0;
  let inAngle = false;
  for (let at = 0; at < value.length; at++) {
    const char = value.charAt(at);
    if (char === "\\" && (quoted || depth > 0)) {
      entry += char + value.charAt(++at);
      continue;
    }
    if (char === '"' && depth === 0) quoted = !quoted;
    else if (!quoted && char === "(") depth++;
    else if (!quoted && char === ")") depth = Math.max(0, depth - 1);
    else if (!quoted && depth === 0 && (char === "<" || char === ">")) inAngle = char === "<";
    if (!quoted && depth === 0 && !inAngle && (char === "," || char === ";" || char === ":")) {
      if (char !== ":") entries.push(entry);
      entry = "";
    } else entry += char;
  }
  entries.push(entry);
  return entries.flatMap((raw) => {
    const text = raw.trim();
    const address = (/<([^<>]*)>[^<>]*$/.exec(text)?.[1] ?? text.replace(/\([^()]*\)/g, "")).trim();
    return address.includes("@") ? [{ text, address }] : [];
  });
}
