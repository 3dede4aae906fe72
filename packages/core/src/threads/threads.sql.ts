import { sql } from "drizzle-orm";
import { boolean, index, integer, primaryKey, text } from "drizzle-orm/pg-core";
import { frontdesk, id, moment } from "../database/frontdesk.sql.ts";
import { mailboxes } from "../mailboxes/mailboxes.sql.ts";

export const threads = frontdesk.table(
  "threads",
  {
    id: id("id").primaryKey(),
    subject: text("subject").notNull(),
    /** open or quarantined */
    state: text("state").notNull(),
    lastMessageAt: moment("last_message_at").notNull(),
    messageCount: integer("message_count").notNull(),
    /** The thread that took its messages in, and may itself have gone into another one. */
    mergedInto: id("merged_into"),
    createdAt: moment("created_at").notNull(),
    updatedAt: moment("updated_at").notNull(),
  },
  (table) => [
    // Nulls first, as `order by … desc` has them: drizzle's own default is last, and the index would not be used.
    index("threads_recent")
      .on(table.state, table.lastMessageAt.desc().nullsFirst(), table.id.desc().nullsFirst())
      .where(sql`merged_into is null`),
  ],
);

/** A thread as one mailbox sees it: the hot list. Messages that went to other mailboxes only do not count here. */
export const threadMailboxes = frontdesk.table(
  "thread_mailboxes",
  {
    threadId: id("thread_id")
      .notNull()
      .references(() => threads.id),
    mailboxId: id("mailbox_id")
      .notNull()
      .references(() => mailboxes.id),
    state: text("state").notNull(),
    lastMessageAt: moment("last_message_at").notNull(),
    messageCount: integer("message_count").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.threadId, table.mailboxId] }),
    index("thread_mailboxes_recent").on(
      table.mailboxId,
      table.state,
      table.lastMessageAt.desc().nullsFirst(),
      table.threadId.desc().nullsFirst(),
    ),
  ],
);

/** Who takes part in a thread: addresses of From, To and Cc without our own, and `list:<List-Id>`. */
export const threadParticipants = frontdesk.table(
  "thread_participants",
  {
    threadId: id("thread_id")
      .notNull()
      .references(() => threads.id),
    participant: text("participant").notNull(),
  },
  (table) => [primaryKey({ columns: [table.threadId, table.participant] })],
);

/**
 * Which thread a message identifier belongs to, and whether the message itself has arrived or was only referred to.
 * One row an identifier: its lock is what two deliveries of the same conversation meet at. No foreign key: the row is
 * taken, and with it the lock, before it is known whether the thread will be a new one. It may name a thread that was
 * merged since: `merged_into` leads on.
 */
export const threadKeys = frontdesk.table("thread_keys", {
  headerId: text("header_id").primaryKey(),
  threadId: id("thread_id"),
  arrived: boolean("arrived").notNull(),
});

/** Threads that may belong together, but whose connection nobody we know vouches for. */
export const threadSuggestions = frontdesk.table(
  "thread_suggestions",
  {
    threadId: id("thread_id")
      .notNull()
      .references(() => threads.id),
    intoThreadId: id("into_thread_id")
      .notNull()
      .references(() => threads.id),
    messageId: id("message_id").notNull(),
    createdAt: moment("created_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.threadId, table.intoThreadId] }),
    index("thread_suggestions_into").on(table.intoThreadId),
  ],
);
