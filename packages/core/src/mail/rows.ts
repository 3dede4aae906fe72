import type { Handle } from "../database/index.ts";
import * as database from "../database/index.ts";
import type { Placed } from "../threads/place.ts";
import type { Draft } from "./store.ts";

/** Writes messages with their recipients, mailboxes and attachments: four statements, whatever their number. */
export async function insertMessages(
  handle: Handle,
  drafts: readonly Draft[],
  placed: ReadonlyMap<string, Placed>,
  at: Date,
): Promise<void> {
  await database.insertRows(
    handle,
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
  await database.insertRows(
    handle,
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
  await database.insertRows(
    handle,
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
  await database.insertRows(
    handle,
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
}
