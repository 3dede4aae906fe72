import { sql } from "drizzle-orm";
import { index, integer, json, jsonb, text, uniqueIndex } from "drizzle-orm/pg-core";
import { frontdesk, id, moment, trace } from "../database/frontdesk.sql.ts";
import { users } from "../identity/identity.sql.ts";
import { attachments } from "../mail/mail.sql.ts";
import type { StoredVariant, UploadForm } from "./types.ts";

/** The sizes of one picture, whoever uploaded it how often: media refer to them. */
export const mediaContents = frontdesk.table(
  "media_contents",
  {
    /** 64 hexadecimal digits: the folder of its objects (`names.ts`). */
    id: text("id").primaryKey(),
    visibility: text("visibility").notNull(),
    /** Of the bytes as they came. */
    sourceSha256: text("source_sha256").notNull(),
    /** How the sizes are made; another one makes other objects. */
    recipe: text("recipe").notNull(),
    /** How often the same picture was there and removed: names of objects are never used again. */
    generation: integer("generation").notNull(),
    /** making or ready */
    state: text("state").notNull(),
    /** As shown: with its orientation applied. */
    width: integer("width"),
    height: integer("height"),
    /** `#rrggbb` */
    averageColour: text("average_colour"),
    /** A tiny picture as a data URL. */
    placeholder: text("placeholder"),
    /** Known before the first object is written, so that whoever removes them knows all. */
    variants: jsonb("variants").$type<StoredVariant[]>().notNull(),
    /** Who makes it, and until when nobody else need. */
    claimedBy: text("claimed_by"),
    claimedUntil: moment("claimed_until"),
    createdAt: moment("created_at").notNull(),
    /** Since when nothing refers to it and its objects go. */
    removedAt: moment("removed_at"),
  },
  (table) => [
    uniqueIndex("media_contents_source")
      .on(table.sourceSha256, table.recipe, table.visibility)
      .where(sql`removed_at is null`),
  ],
);

/** What somebody uploaded, or a picture among a message's attachments. */
export const media = frontdesk.table(
  "media",
  {
    id: id("id").primaryKey(),
    /** Null: nobody's, an attachment. */
    ownerId: id("owner_id").references(() => users.id),
    /** Whoever sees its message sees it. */
    attachmentId: id("attachment_id")
      .unique("media_attachment")
      .references(() => attachments.id),
    visibility: text("visibility").notNull(),
    /** pending, processing, ready, refused, expired or deleted */
    state: text("state").notNull(),
    filename: text("filename"),
    /** As declared; the bytes decide. */
    contentType: text("content_type").notNull(),
    /** Of the bytes as they came. */
    size: integer("size").notNull(),
    contentId: text("content_id").references(() => mediaContents.id),
    /** Why it was refused: a code, and a sentence for people. */
    refusalCode: text("refusal_code"),
    refusalMessage: text("refusal_message"),
    /** One more with each change. */
    version: integer("version").notNull(),
    idempotencyKey: text("idempotency_key"),
    /** Of the request that the key came with. */
    requestHash: text("request_hash"),
    /** What that request was answered, to be answered again to the letter (jsonb would sort its keys). */
    upload: json("upload").$type<UploadForm>(),
    /** Until when its bytes may come. */
    expiresAt: moment("expires_at"),
    trace: trace("trace"),
    createdAt: moment("created_at").notNull(),
    updatedAt: moment("updated_at").notNull(),
  },
  (table) => [
    uniqueIndex("media_idempotency")
      .on(table.ownerId, table.idempotencyKey)
      .where(sql`idempotency_key is not null`),
    index("media_owner").on(table.ownerId, table.id),
    index("media_content").on(table.contentId),
    index("media_unfinished").on(table.updatedAt).where(sql`state in ('pending', 'processing')`),
  ],
);
