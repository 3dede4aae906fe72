/**
 * What SES says of a message to topics and functions.
 * https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
 */
import { decodeWords, type Header, splitAddresses } from "./headers.ts";
import type { Envelope } from "./stamp.ts";
import type { Verdicts } from "./verdicts.ts";

/** Beyond it headers are left out, and the notice says so. */
const MOST_HEADER_BYTES = 10 * 1024;

export interface MailObject {
  timestamp: string;
  source: string;
  messageId: string;
  destination: string[];
  headersTruncated: boolean;
  headers: Header[];
  commonHeaders: Record<string, string | string[]>;
}
export interface ReceiptObject {
  timestamp: string;
  processingTimeMillis: number;
  recipients: string[];
  spamVerdict: { status: string };
  virusVerdict: { status: string };
  spfVerdict: { status: string };
  dkimVerdict: { status: string };
  dmarcVerdict: { status: string };
  dmarcPolicy?: string;
  action: Record<string, string>;
}

/** @param headers Those of the stored message, SES's own first. */
export function mailObject(envelope: Envelope, headers: Header[]): MailObject {
  const { shown, truncated } = truncate(headers);
  const addressed = ["to", "cc"].flatMap((name) => addresses(headers, name).map(({ address }) => address));
  return {
    timestamp: new Date(envelope.receivedAt).toISOString(),
    source: envelope.source,
    messageId: envelope.messageId,
    // The message's own word for it, not the envelope's, which is in `receipt.recipients`.
    destination: addressed.length > 0 ? [...new Set(addressed)] : envelope.recipients,
    headersTruncated: truncated,
    headers: shown,
    commonHeaders: commonHeaders(envelope, headers),
  };
}

export function receiptObject(
  details: { now: number; receivedAt: number; recipients: string[]; scanned: boolean },
  verdicts: Verdicts,
  action: Record<string, string>,
): ReceiptObject {
  const scan = (status: string) => ({ status: details.scanned ? status : "DISABLED" });
  return {
    timestamp: new Date(details.receivedAt).toISOString(),
    processingTimeMillis: Math.max(0, Math.round(details.now - details.receivedAt)),
    recipients: details.recipients,
    spamVerdict: scan(verdicts.spam),
    virusVerdict: scan(verdicts.virus),
    spfVerdict: { status: verdicts.spf },
    dkimVerdict: { status: verdicts.dkim },
    dmarcVerdict: { status: verdicts.dmarc },
    ...(verdicts.dmarc === "FAIL" && { dmarcPolicy: verdicts.dmarcPolicy }),
    action,
  };
}

function truncate(headers: Header[]) {
  let bytes = 0;
  for (const [index, { name, value }] of headers.entries()) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    if (bytes > MOST_HEADER_BYTES) return { shown: headers.slice(0, index), truncated: true };
  }
  return { shown: headers, truncated: false };
}

const single = [
  ["date", "date"],
  ["messageId", "message-id"],
  ["sender", "sender"],
  ["subject", "subject"],
] as const;
const lists = [
  ["from", "from"],
  ["to", "to"],
  ["cc", "cc"],
  ["bcc", "bcc"],
  ["replyTo", "reply-to"],
] as const;

/** Only what the message has. */
function commonHeaders(envelope: Envelope, headers: Header[]) {
  const common: Record<string, string | string[]> = { returnPath: envelope.source };
  for (const [key, name] of lists) {
    const entries = addresses(headers, name);
    if (entries.length > 0) common[key] = entries.map(({ text }) => decodeWords(text));
  }
  for (const [key, name] of single) {
    const found = headers.find((header) => header.name.toLowerCase() === name);
    if (found) common[key] = decodeWords(found.value);
  }
  return common;
}

function addresses(headers: Header[], name: string) {
  return headers
    .filter((header) => header.name.toLowerCase() === name)
    .flatMap(({ value }) => splitAddresses(value));
}
