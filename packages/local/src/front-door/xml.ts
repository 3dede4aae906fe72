/** XML answers of the query protocol. */

/**
 * Members of query answers that are maps where the value looks like a structure, e.g. in SNS's GetTopicAttributes and
 * SES's GetIdentityVerificationAttributes. Elsewhere a service says so by giving a `Map`.
 */
const mapMembers = new Set([
  "Attributes",
  "VerificationAttributes",
  "DkimAttributes",
  "NotificationAttributes",
  "MailFromDomainAttributes",
]);

/**
 * Writes the members of an object as elements: arrays as `<member>` lists, a `Map` as `<entry>` list, dates in
 * ISO 8601, buffers in base64. What is undefined or null is left out.
 */
export function writeXml(value: Record<string, unknown>): string {
  let xml = "";
  for (const [name, member] of Object.entries(value)) xml += element(name, member);
  return xml;
}

function element(name: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "object") return `<${name}>${escapeXml(String(value))}</${name}>`;
  if (value instanceof Date) return `<${name}>${value.toISOString()}</${name}>`;
  if (Buffer.isBuffer(value)) return `<${name}>${value.toString("base64")}</${name}>`;
  if (Array.isArray(value))
    return `<${name}>${value.map((item) => element("member", item)).join("")}</${name}>`;
  if (value instanceof Map) return `<${name}>${entries(value)}</${name}>`;
  if (mapMembers.has(name)) return `<${name}>${entries(Object.entries(value))}</${name}>`;
  return `<${name}>${writeXml(value as Record<string, unknown>)}</${name}>`;
}

function entries(pairs: Iterable<[unknown, unknown]>): string {
  let xml = "";
  for (const [key, value] of pairs)
    xml += `<entry><key>${escapeXml(String(key))}</key>${element("value", value)}</entry>`;
  return xml;
}

const special = /[<>&"'\p{Cc}\ufffe\uffff]/u;
const escapes: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\r": "&#xD;",
};

/** What XML 1.0 cannot carry becomes U+FFFD: a control character in an error must not break the answer. */
export function escapeXml(text: string): string {
  if (!special.test(text)) return text;
  return text
    .replace(/[&<>"'\r]/g, (character) => escapes[character] ?? character)
    .replace(/[^\P{Cc}\t\n\r\x7f-\x9f]|[\ufffe\uffff]/gu, "\ufffd");
}
