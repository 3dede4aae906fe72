import { parseDate } from "./dates.ts";
import { decodeWords } from "./encoded-words.ts";
import { readHeader } from "./headers.ts";
import type { DeliveryStatus, DeliveryStatusRecipient, FeedbackReport, Limits, Note } from "./types.ts";

type Fields = Map<string, string[]>;

/** Groups of fields between blank lines (RFC 3464 §2.1). */
function fieldGroups(content: Buffer, limits: Limits, note: Note): Fields[] {
  const source = content.toString("latin1", 0, limits.headerBytes);
  const groups: Fields[] = [];
  let position = 0;
  while (position < source.length && groups.length < limits.listEntries) {
    const header = readHeader(source, position, source.length, limits, note, () => false);
    if (header.fields.length > 0) {
      const fields: Fields = new Map();
      for (const field of header.fields) {
        const value = decodeWords(field.raw.replace(/\s+/g, " ").trim(), note);
        fields.set(field.key, [...(fields.get(field.key) ?? []), value]);
      }
      groups.push(fields);
    }
    if (header.end > position) position = header.end;
    else {
      // A line that is no field: leave it out.
      const newline = source.indexOf("\n", position);
      position = newline < 0 ? source.length : newline + 1;
    }
  }
  return groups;
}

/** `rfc822; user@host` without the type, and without brackets. */
function typed(value: string | undefined): string | undefined {
  const text = value
    ?.replace(/^[\w.-]{1,40}\s?;\s?/, "")
    .trim()
    .replace(/^<(.*)>$/, "$1");
  return text === "" ? undefined : text;
}

/** Only members that have a value. */
function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

/** Reads a message/delivery-status part (RFC 3464). */
export function parseDeliveryStatus(content: Buffer, limits: Limits, note: Note): DeliveryStatus {
  const groups = fieldGroups(content, limits, note);
  const isRecipient = (fields: Fields) =>
    fields.has("final-recipient") || fields.has("original-recipient") || fields.has("action");
  const message = groups.find((fields) => !isRecipient(fields)) ?? new Map();
  const recipients = groups.filter(isRecipient).map((fields): DeliveryStatusRecipient => {
    const first = (key: string) => fields.get(key)?.[0];
    return defined({
      originalRecipient: typed(first("original-recipient")),
      finalRecipient: typed(first("final-recipient")),
      action: /^[a-z]+/.exec(first("action")?.toLowerCase() ?? "")?.[0],
      status: /\d\.\d{1,3}\.\d{1,3}/.exec(first("status") ?? "")?.[0],
      remoteMta: typed(first("remote-mta")),
      diagnosticCode: typed(first("diagnostic-code")),
    });
  });
  return defined({
    reportingMta: typed(message.get("reporting-mta")?.[0]),
    arrivalDate: parseDate(message.get("arrival-date")?.[0] ?? ""),
    originalEnvelopeId: message.get("original-envelope-id")?.[0],
    recipients,
  });
}

/** Reads a message/feedback-report part (RFC 5965). */
export function parseFeedbackReport(content: Buffer, limits: Limits, note: Note): FeedbackReport {
  const fields: Fields = fieldGroups(content, limits, note)[0] ?? new Map();
  const first = (key: string) => fields.get(key)?.[0];
  return defined({
    type: first("feedback-type")?.toLowerCase() ?? "other",
    userAgent: first("user-agent"),
    originalMailFrom: typed(first("original-mail-from")),
    originalRecipients: (fields.get("original-rcpt-to") ?? [])
      .map((value) => typed(value))
      .filter((value) => value !== undefined),
    sourceIp: first("source-ip"),
    arrivalDate: parseDate(first("arrival-date") ?? first("received-date") ?? ""),
  });
}
