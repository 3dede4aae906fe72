import * as database from "../database/index.ts";
import type { Placed } from "../threads/place.ts";
import type { Draft } from "./store.ts";

/** Messages with their recipients, mailboxes and attachments: four statements at most, whatever their number. */
export function messageInsertions(
  drafts: readonly Draft[],
  placed: ReadonlyMap<string, Placed>,
  at: Date,
): database.Statement[] {
  const messages = database.insertion(
    "messages",
    [
      ["id", "text"],
      ["thread_id", "text"],
      ["state", "text"],
      ["header_id", "text"],
      ["content_hash", "text"],
      ["references", "text[]"],
      ["subject", "text"],
      ["from_address", "text"],
      ["from_name", "text"],
      ["sent_at", "timestamptz"],
      ["received_at", "timestamptz"],
      ["snippet", "text"],
      ["text", "text"],
      ["html", "text"],
      ["flags", "text[]"],
      ["details", "jsonb"],
      ["trust", "jsonb"],
      ["size", "int4"],
      ["attachment_count", "int4"],
      ["trace", "text"],
      ["created_at", "timestamptz"],
    ],
    drafts.map(({ raw, prepared, trust, quarantined }) => ({
      id: raw.messageId,
      thread_id: placed.get(raw.messageId)?.threadId,
      state: quarantined ? "quarantined" : "delivered",
      header_id: prepared.headerId,
      content_hash: prepared.contentHash,
      references: prepared.references,
      subject: prepared.subject,
      from_address: prepared.from.address,
      from_name: prepared.from.name,
      sent_at: prepared.sentAt,
      received_at: raw.receivedAt,
      snippet: prepared.snippet,
      text: prepared.text,
      html: prepared.html,
      flags: prepared.flags,
      details: prepared.details,
      trust,
      size: prepared.size,
      attachment_count: prepared.attachments.length,
      trace: raw.trace,
      created_at: at,
    })),
  );
  const recipients = database.insertion(
    "message_recipients",
    [
      ["message_id", "text"],
      ["role", "text"],
      ["position", "int4"],
      ["address", "text"],
      ["name", "text"],
    ],
    drafts.flatMap(({ raw, prepared }) =>
      prepared.recipients.map((recipient) => ({ message_id: raw.messageId, ...recipient })),
    ),
  );
  const mailboxes = database.insertion(
    "message_mailboxes",
    [
      ["message_id", "text"],
      ["mailbox_id", "text"],
      ["source", "text"],
      ["created_at", "timestamptz"],
    ],
    drafts.flatMap(({ raw, mailboxIds, source }) =>
      mailboxIds.map((mailboxId) => ({
        message_id: raw.messageId,
        mailbox_id: mailboxId,
        source,
        created_at: at,
      })),
    ),
  );
  const attachments = database.insertion(
    "attachments",
    [
      ["id", "text"],
      ["message_id", "text"],
      ["position", "int4"],
      ["filename", "text"],
      ["content_type", "text"],
      ["disposition", "text"],
      ["content_id", "text"],
      ["related", "bool"],
      ["size", "int4"],
      ["sha256", "text"],
      ["object_key", "text"],
    ],
    drafts.flatMap(({ raw, prepared }) =>
      prepared.attachments.map((attachment) => ({
        id: attachment.id,
        message_id: raw.messageId,
        position: attachment.position,
        filename: attachment.filename,
        content_type: attachment.contentType,
        disposition: attachment.disposition,
        content_id: attachment.contentId,
        related: attachment.related,
        size: attachment.size,
        sha256: attachment.sha256,
        object_key: attachment.objectKey,
      })),
    ),
  );
  return [...messages, ...recipients, ...mailboxes, ...attachments];
}
