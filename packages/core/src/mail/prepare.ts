/** From a parsed message to what is stored of it. Pure. */
import { createHash } from "node:crypto";
import * as id from "../id/index.ts";
import { looksLikePicture } from "../media/signature.ts";
import type { Address, Attachment, ParsedMail } from "../mime/index.ts";
import { domainOf, normalise } from "./routing.ts";
import type { MessageDetails } from "./types.ts";

export interface PreparedAttachment {
  id: string;
  position: number;
  filename: string | null;
  contentType: string;
  disposition: string;
  contentId: string | null;
  related: boolean;
  size: number;
  sha256: string;
  objectKey: string;
  /** Its bytes begin like a picture's: its sizes are asked for. */
  picture: boolean;
}

export interface PreparedRecipient {
  role: "to" | "cc" | "bcc" | "reply-to";
  position: number;
  address: string;
  name: string;
}

/** A message without the bytes of its attachments. */
export interface Prepared {
  headerId: string | null;
  contentHash: string;
  /** Oldest first; In-Reply-To and Outlook's conversation among them. */
  references: string[];
  subject: string;
  from: { address: string; name: string };
  sentAt: Date | null;
  snippet: string;
  text: string | null;
  html: string | null;
  flags: string[];
  details: MessageDetails;
  recipients: PreparedRecipient[];
  attachments: PreparedAttachment[];
  listId: string | undefined;
  size: number;
}

/** Postgres keeps up to a third of a page in an index; longer identifiers and addresses keep their hash. */
const longestKey = 500;
const longestSubject = 2_000;
const longestName = 500;
const longestAddress = 320;
const snippetLength = 200;
/** First and last ones: the root, and the nearest ancestors. */
const mostReferences = 50;
const mostRecipients = 1_000;

export function prepare(mail: ParsedMail, options: { messageId: string; size: number }): Prepared {
  const from = mail.from[0] ?? mail.sender ?? { address: "", name: "" };
  const attachments = mail.attachments.map((attachment, position) =>
    prepareAttachment(attachment, position, options.messageId),
  );
  const { references, cut } = referencesOf(mail);
  const text = mail.text === undefined ? null : clean(mail.text);
  const html = mail.html === undefined ? null : clean(mail.html);
  const prepared: Prepared = {
    headerId: mail.messageId === undefined ? null : key(mail.messageId),
    contentHash: "",
    references,
    subject: short(mail.subject, longestSubject),
    from: { address: addressOf(from), name: short(from.name, longestName) },
    sentAt: isPlausible(mail.date) ? mail.date : null,
    snippet: short(
      (text ?? "")
        .slice(0, 4 * snippetLength)
        .replace(/\s+/g, " ")
        .trim(),
      snippetLength,
    ),
    text,
    html,
    flags: flagsOf(mail),
    details: detailsOf(mail, cut),
    recipients: recipientsOf(mail),
    attachments,
    listId: mail.listId === undefined ? undefined : key(normalise(mail.listId)),
    size: options.size,
  };
  return { ...prepared, contentHash: contentHash(prepared, mail) };
}

function prepareAttachment(attachment: Attachment, position: number, messageId: string): PreparedAttachment {
  const attachmentId = id.derive("attachment", messageId, position);
  return {
    id: attachmentId,
    position,
    filename: attachment.filename === undefined ? null : short(attachment.filename, 255),
    contentType: short(attachment.contentType, 255),
    disposition: attachment.disposition,
    contentId: attachment.contentId === undefined ? null : short(attachment.contentId, longestKey),
    related: attachment.related,
    size: attachment.size,
    sha256: createHash("sha256").update(attachment.content).digest("hex"),
    objectKey: `attachments/${messageId}/${attachmentId}`,
    picture: looksLikePicture(attachment.content),
  };
}

/**
 * What a reader sees. Copies of one message that came by different routes differ in trace headers, and a list may put
 * its name before the subject; neither counts. A list that adds a footer makes another message of it.
 */
function contentHash(prepared: Prepared, mail: ParsedMail): string {
  const seen = [
    prepared.from.address,
    mail.date?.getTime() ?? null,
    prepared.text,
    prepared.html,
    prepared.attachments.map(({ filename, contentType, sha256 }) => [filename, contentType, sha256]),
  ];
  return createHash("sha256").update(JSON.stringify(seen)).digest("hex");
}

/** Ancestors, nearest last. In-Reply-To is nearest only where References does not end with it already. */
function referencesOf(mail: ParsedMail): { references: string[]; cut: boolean } {
  const own = mail.messageId;
  const ids = new Set(mail.references);
  for (const parent of mail.inReplyTo) if (!ids.has(parent)) ids.add(parent);
  if (own !== undefined) ids.delete(own);
  const all = [...ids].map(key);
  const kept = all.length <= mostReferences ? all : [...all.slice(0, 1), ...all.slice(1 - mostReferences)];
  // Outlook's conversation is the farthest ancestor: it decides only when no other identifier does.
  if (mail.threadIndex) kept.unshift(`thread-index:${mail.threadIndex.root}`);
  return { references: kept, cut: all.length > mostReferences };
}

function recipientsOf(mail: ParsedMail): PreparedRecipient[] {
  const rows = (role: PreparedRecipient["role"], list: readonly Address[]) =>
    list
      .filter(({ address }) => address !== "")
      .slice(0, mostRecipients)
      .map((address, position) => ({
        role,
        position,
        address: addressOf(address),
        name: short(address.name, longestName),
      }));
  return [
    ...rows("to", mail.to),
    ...rows("cc", mail.cc),
    ...rows("bcc", mail.bcc),
    ...rows("reply-to", mail.replyTo),
  ];
}

function flagsOf(mail: ParsedMail): string[] {
  const flags: string[] = [];
  const bounce = mail.deliveryStatus !== undefined;
  if (bounce) flags.push("bounce");
  if (mail.feedbackReport !== undefined) flags.push("complaint");
  // RFC 3834 §5: anything but "no" was sent by a program.
  if (mail.autoSubmitted !== undefined && mail.autoSubmitted !== "no") flags.push("auto-submitted");
  if (mail.listId !== undefined || mail.headers.some(({ key: name }) => name.startsWith("list-")))
    flags.push("list");
  if (mail.precedence !== undefined && /^(?:bulk|junk|list)$/.test(mail.precedence)) flags.push("bulk");
  if (mail.calendars.length > 0) flags.push("calendar");
  if (isMalformed(mail)) flags.push("malformed");
  if (mail.messageId === undefined) flags.push("no-message-id");
  return flags;
}

/** RFC 5322 §3.6 asks for From and Date; what has neither, nor any of what makes a message, is not one. */
function isMalformed(mail: ParsedMail): boolean {
  return (
    mail.from.length === 0 &&
    mail.date === undefined &&
    mail.messageId === undefined &&
    mail.to.length === 0 &&
    mail.subject === ""
  );
}

function detailsOf(mail: ParsedMail, referencesCut: boolean): MessageDetails {
  const details: MessageDetails = { defects: mail.defects.slice(0, 50).map((code) => short(code, 100)) };
  const brief = (value: string) => short(value, longestName);
  if (mail.listId !== undefined) details.listId = brief(mail.listId);
  if (mail.autoSubmitted !== undefined) details.autoSubmitted = brief(mail.autoSubmitted);
  if (mail.precedence !== undefined) details.precedence = brief(mail.precedence);
  if (mail.replyTo.length > 0) details.replyTo = mail.replyTo.slice(0, 20).map(addressOf);
  if (mail.calendars.length > 0)
    details.calendarMethods = mail.calendars.slice(0, 20).map(({ method }) => brief(method ?? "PUBLISH"));
  if (mail.deliveryStatus) {
    const { recipients, returned } = mail.deliveryStatus;
    details.deliveryStatus = {
      recipients: recipients
        .slice(0, 100)
        .map((recipient) =>
          Object.fromEntries(
            Object.entries(recipient).map(([name, value]) => [
              name,
              typeof value === "string" ? brief(value) : value,
            ]),
          ),
        ),
      ...(returned?.messageId === undefined ? {} : { returnedMessageId: key(returned.messageId) }),
    };
  }
  if (mail.feedbackReport) details.feedbackType = brief(mail.feedbackReport.type);
  if (referencesCut) details.referencesCut = true;
  return details;
}

/** Whose words these are, for a thread: From, To and Cc. */
export function correspondents(prepared: Prepared): string[] {
  const others = prepared.recipients.filter(({ role }) => role === "to" || role === "cc");
  return [prepared.from.address, ...others.map(({ address }) => address)].filter((address) => address !== "");
}

export function senderDomain(prepared: Prepared): string {
  return domainOf(prepared.from.address);
}

function addressOf({ address }: Address): string {
  const text = clean(normalise(address));
  return text.length > longestAddress ? hashed(text) : text;
}

function key(text: string): string {
  const cleaned = clean(text);
  return cleaned.length > longestKey ? hashed(cleaned) : cleaned;
}

const hashed = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

function short(text: string, length: number): string {
  const cleaned = clean(text);
  // A cut pair of surrogates is no text any more.
  return cleaned.length <= length
    ? cleaned
    : `${cleaned
        .slice(0, length - 1)
        .toWellFormed()
        .replace(/\uFFFD$/, "")}…`;
}

/** Postgres' text holds no NUL, its jsonb no lone surrogate. */
function clean(text: string): string {
  return (text.includes("\0") ? text.replaceAll("\0", "\uFFFD") : text).toWellFormed();
}

/** The Date header is the sender's: years that no calendar shows are left out rather than stored. */
function isPlausible(date: Date | undefined): date is Date {
  return date !== undefined && date.getTime() >= 0 && date.getTime() < Date.UTC(2200, 0);
}
