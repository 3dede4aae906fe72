import { sql } from "drizzle-orm";
import { bigint, boolean, index, integer, jsonb, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { frontdesk, id, moment, trace } from "../database/frontdesk.sql.ts";
import { mailboxes } from "../mailboxes/mailboxes.sql.ts";
import { threads } from "../threads/threads.sql.ts";
import type { Verdicts } from "./notices.ts";
import type { Trust } from "./trust.ts";
import type { MessageDetails } from "./types.ts";

/** One object of the mail bucket, from the first notice about it. */
export const rawMail = frontdesk.table(
  "raw_mail",
  {
    id: id("id").primaryKey(),
    bucket: text("bucket").notNull(),
    objectKey: text("object_key").notNull(),
    /**
     * The message it becomes. Drawn with the first notice, so that every try, also two at once, writes attachments
     * under the same names; replaced when it turns out to be a copy of a message that is there.
     */
    messageId: id("message_id").notNull(),
    /** received, stored, quarantined or failed */
    state: text("state").notNull(),
    /** Why it failed, for the reader. */
    cause: text("cause"),
    size: bigint("size", { mode: "number" }),
    /** When each of the two notices came; null: not yet, or never. */
    s3NoticeAt: moment("s3_notice_at"),
    sesNoticeAt: moment("ses_notice_at"),
    /** MAIL FROM and RCPT TO, as far as a notice told. */
    envelopeFrom: text("envelope_from"),
    recipients: text("recipients").array().notNull(),
    verdicts: jsonb("verdicts").$type<Verdicts>(),
    /** Whether the message shows all that SES's notice told. */
    envelopeApplied: boolean("envelope_applied").notNull().default(false),
    receivedAt: moment("received_at").notNull(),
    trace: trace("trace").notNull(),
    /** Who works on it, and until when nobody else need. */
    claimedBy: text("claimed_by"),
    claimedUntil: moment("claimed_until"),
    /** How often the sweep has asked for it again. */
    sweeps: integer("sweeps").notNull().default(0),
    createdAt: moment("created_at").notNull(),
    updatedAt: moment("updated_at").notNull(),
  },
  (table) => [
    uniqueIndex("raw_mail_object").on(table.bucket, table.objectKey),
    index("raw_mail_message").on(table.messageId),
  ],
);

export const messages = frontdesk.table(
  "messages",
  {
    id: id("id").primaryKey(),
    threadId: id("thread_id")
      .notNull()
      .references(() => threads.id),
    /** delivered or quarantined */
    state: text("state").notNull(),
    /** Message-ID without brackets; null when there is none. Not unique: others may use it again. */
    headerId: text("header_id"),
    /** SHA-256 of what a reader sees; the same Message-ID with another one is another message. */
    contentHash: text("content_hash").notNull(),
    references: text("references").array().notNull(),
    subject: text("subject").notNull(),
    fromAddress: text("from_address").notNull(),
    fromName: text("from_name").notNull(),
    /** The Date header: the sender's claim. */
    sentAt: moment("sent_at"),
    /** When SES took it. */
    receivedAt: moment("received_at").notNull(),
    snippet: text("snippet").notNull(),
    text: text("text"),
    /** As sent; never to be shown as it is. */
    html: text("html"),
    /** auto-submitted, bounce, calendar, complaint, list, bulk, malformed, unrouted ... */
    flags: text("flags").array().notNull(),
    details: jsonb("details").$type<MessageDetails>().notNull(),
    trust: jsonb("trust").$type<Trust>().notNull(),
    size: integer("size").notNull(),
    attachmentCount: integer("attachment_count").notNull(),
    trace: trace("trace").notNull(),
    createdAt: moment("created_at").notNull(),
  },
  (table) => [
    index("messages_thread").on(table.threadId, table.receivedAt, table.id),
    uniqueIndex("messages_identity").on(table.headerId, table.contentHash).where(sql`header_id is not null`),
  ],
);

export const messageRecipients = frontdesk.table(
  "message_recipients",
  {
    messageId: id("message_id")
      .notNull()
      .references(() => messages.id),
    /** to, cc, bcc or reply-to: what the header says. The envelope stays with raw_mail. */
    role: text("role").notNull(),
    position: integer("position").notNull(),
    address: text("address").notNull(),
    name: text("name").notNull(),
  },
  (table) => [primaryKey({ columns: [table.messageId, table.role, table.position] })],
);

/** Where a message is to be seen. A message without a row is unrouted: only administrators see it. */
export const messageMailboxes = frontdesk.table(
  "message_mailboxes",
  {
    messageId: id("message_id")
      .notNull()
      .references(() => messages.id),
    mailboxId: id("mailbox_id")
      .notNull()
      .references(() => mailboxes.id),
    /** envelope, received, google or header: how we know. */
    source: text("source").notNull(),
    createdAt: moment("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.messageId, table.mailboxId] })],
);

export const attachments = frontdesk.table(
  "attachments",
  {
    id: id("id").primaryKey(),
    messageId: id("message_id")
      .notNull()
      .references(() => messages.id),
    position: integer("position").notNull(),
    filename: text("filename"),
    /** As declared; the bytes may say otherwise. */
    contentType: text("content_type").notNull(),
    disposition: text("disposition").notNull(),
    contentId: text("content_id"),
    /** A piece of the HTML rather than a file sent along. */
    related: boolean("related").notNull(),
    size: integer("size").notNull(),
    sha256: text("sha256").notNull(),
    /** Key in the home bucket. */
    objectKey: text("object_key").notNull(),
  },
  (table) => [index("attachments_message").on(table.messageId, table.position)],
);
