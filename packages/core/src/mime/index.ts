import { type Bodies, selectBodies } from "./bodies.ts";
import { Fields } from "./fields.ts";
import { parseThreadIndex } from "./identifiers.ts";
import { PartReader } from "./parts.ts";
import { parseDeliveryStatus, parseFeedbackReport } from "./reports.ts";
import { type Part, TreeReader } from "./structure.ts";
import {
  parseAuthenticationResults,
  parseGoogleHeaders,
  parseReceived,
  parseSesVerdict,
} from "./trace-fields.ts";
import { type CalendarPart, defaultLimits, type Limits, type Note, type ParsedMail } from "./types.ts";

export { parseDate } from "./dates.ts";
export { htmlToText } from "./html-text.ts";
export type * from "./types.ts";
export { defaultLimits } from "./types.ts";

export interface ParseOptions {
  /** Replaces single bounds of `defaultLimits`. */
  limits?: Partial<Limits>;
}

/**
 * Reads a message (RFC 5322, MIME). Total: any bytes give a result, what was wrong is named in `defects`. Bounded by
 * `limits`, in time linear in the size. Pure: nothing is read but the argument. Attachments may be views on `raw`: do
 * not change it while they are in use.
 */
export function parseMail(raw: Buffer, options: ParseOptions = {}): ParsedMail {
  const limits = { ...defaultLimits, ...options.limits };
  const defects = new Set<string>();
  const note: Note = (defect) => defects.add(defect);
  if (raw.length === 0) note("empty");
  if (raw.length > limits.messageBytes) note("message-too-large");
  let bytes = raw.subarray(0, limits.messageBytes);
  // One code unit a byte: indexes into the text are indexes into the bytes.
  let source = bytes.toString("latin1");
  if (!source.includes("\n") && source.includes("\r")) {
    note("bare-cr-line-ends");
    source = source.replaceAll("\r", "\n");
    bytes = Buffer.from(source, "latin1");
  }
  const root = new TreeReader(source, limits, note).read();
  if (root.header.fields.length === 0) note("header-missing");
  const leaves = leavesOf(root);
  const fields = new Fields(root.header, limits, note, hintOf(leaves));
  const reader = new PartReader(bytes, limits, note);

  const mail: ParsedMail = {
    headers: fields.all(),
    inReplyTo: fields.identifiers("in-reply-to"),
    references: fields.identifiers("references"),
    from: fields.addresses("from"),
    replyTo: fields.addresses("reply-to"),
    to: fields.allAddresses("to"),
    cc: fields.allAddresses("cc"),
    bcc: fields.allAddresses("bcc"),
    subject: fields.text("subject") ?? "",
    attachments: [],
    sesVerdicts: {},
    googleHeaders: parseGoogleHeaders(
      fields.allAddresses("x-gm-original-to").map(({ address }) => address),
      fields.text("x-gm-spam"),
      fields.text("x-gm-phishy"),
    ),
    calendars: [],
    defects: [],
  };
  readSingularFields(mail, fields);
  readBodies(mail, root, reader);
  readReports(mail, leaves, reader, limits, note);
  mail.defects = [...defects];
  return mail;
}

function leavesOf(root: Part): Part[] {
  return root.children.length === 0 ? [root] : root.children.flatMap(leavesOf);
}

/** The charset that a header's raw bytes are probably in: the one of the first text that names one. */
function hintOf(leaves: Part[]): string | undefined {
  return leaves
    .find((part) => part.type.startsWith("text/") && part.parameters.has("charset"))
    ?.parameters.get("charset");
}

/** Fields that a message has once or not at all: members that stay undefined are left out. */
function readSingularFields(mail: ParsedMail, fields: Fields): void {
  const [messageId] = fields.identifiers("message-id");
  const [sender] = fields.addresses("sender");
  const received = fields.text("received");
  const authentication = fields.text("authentication-results");
  const listId = fields.text("list-id");
  const keyword = (key: string) => /^[a-z][a-z-]*/.exec(fields.text(key)?.trim().toLowerCase() ?? "")?.[0];
  const found: Partial<ParsedMail> = {
    messageId,
    sender,
    date: fields.date("date"),
    listId: listId === undefined ? undefined : (/<([^<>]+)>/.exec(listId)?.[1] ?? listId).trim(),
    autoSubmitted: keyword("auto-submitted"),
    precedence: keyword("precedence"),
    receivedTop: received === undefined ? undefined : parseReceived(received),
    authenticationResults:
      authentication === undefined ? undefined : parseAuthenticationResults(authentication),
    threadIndex: parseThreadIndex(fields.raw("thread-index") ?? ""),
  };
  Object.assign(mail, Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)));
  const spam = parseSesVerdict(fields.text("x-ses-spam-verdict"));
  const virus = parseSesVerdict(fields.text("x-ses-virus-verdict"));
  if (spam !== undefined) mail.sesVerdicts.spam = spam;
  if (virus !== undefined) mail.sesVerdicts.virus = virus;
}

function readBodies(mail: ParsedMail, root: Part, reader: PartReader): void {
  const bodies = withoutUndecodable(selectBodies(root), reader);
  const related = new Set<Part>();
  collectRelated(root, related);
  mail.attachments = bodies.attachments.map((part) => reader.attachment(part, related.has(part)));
  if (bodies.text.length === 0 && bodies.html.length === 0) {
    // Rich text and the like: readable enough, and the message has nothing else to show.
    const [only] = bodies.attachments;
    if (bodies.attachments.length === 1 && only?.disposition === undefined && isReadable(only))
      mail.text = reader.readable(only);
    return;
  }
  const html = bodies.html.some((part) => part.type === "text/html");
  if (html) mail.html = bodies.html.map((part) => htmlOf(part, reader)).join("\n");
  mail.text = joinTexts(bodies.text.map((part) => reader.readable(part)));
  // Newsletters send an empty text beside their HTML.
  if (mail.text.trim() === "") mail.text = joinTexts(bodies.html.map((part) => reader.readable(part)));
}

const isReadable = (part: Part | undefined): part is Part =>
  part !== undefined && /^text\/(?!calendar|csv|(?:x-)?vcard|rtf|directory)/.test(part.type);

/** Body parts whose transfer encoding is broken become attachments, unless there is nothing else to read. */
function withoutUndecodable(bodies: Bodies, reader: PartReader): Bodies {
  const readable = (part: Part) => !reader.decoded(part).undecodable;
  const text = bodies.text.filter(readable);
  const html = bodies.html.filter(readable);
  if (text.length + html.length === 0) return bodies;
  const broken = [...new Set([...bodies.text, ...bodies.html])].filter((part) => !readable(part));
  return { text, html, attachments: [...bodies.attachments, ...broken] };
}

function collectRelated(part: Part, related: Set<Part>): void {
  for (const child of part.children) {
    if (part.type === "multipart/related") related.add(child);
    collectRelated(child, related);
  }
}

function htmlOf(part: Part, reader: PartReader): string {
  const text = reader.text(part);
  if (part.type === "text/html") return text;
  const escaped = text.replace(/[&<>]/g, (char) => (char === "&" ? "&amp;" : char === "<" ? "&lt;" : "&gt;"));
  return `<pre style="white-space: pre-wrap">${escaped}</pre>`;
}

function joinTexts(texts: string[]): string {
  return texts
    .map((text, index) => (index === 0 || (texts[index - 1] ?? "\n").endsWith("\n") ? text : `\n${text}`))
    .join("");
}

function readReports(mail: ParsedMail, leaves: Part[], reader: PartReader, limits: Limits, note: Note): void {
  for (const part of leaves) {
    if (part.type === "text/calendar" || part.type === "application/ics") {
      const calendar: CalendarPart = { content: reader.text(part), partPath: part.path };
      const method =
        part.parameters.get("method") ?? /^METHOD:\s?([A-Za-z-]{1,40})/m.exec(calendar.content)?.[1];
      if (method !== undefined) calendar.method = method.trim().toUpperCase();
      mail.calendars.push(calendar);
    } else if (/^message\/(?:global-)?delivery-status$/.test(part.type)) {
      // Some senders give the explanation for people this type, too: the one that names recipients is meant.
      if (mail.deliveryStatus === undefined || mail.deliveryStatus.recipients.length === 0) {
        mail.deliveryStatus = parseDeliveryStatus(reader.decoded(part).content, limits, note);
      }
    } else if (part.type === "message/feedback-report") {
      mail.feedbackReport ??= parseFeedbackReport(reader.decoded(part).content, limits, note);
    }
  }
  const returned = mail.attachments.find(({ message }) => message !== undefined)?.message;
  if (returned === undefined) return;
  if (mail.deliveryStatus !== undefined) mail.deliveryStatus.returned = returned;
  if (mail.feedbackReport !== undefined) mail.feedbackReport.returned = returned;
}
