import { sql } from "drizzle-orm";
import { boolean, index, integer, jsonb, primaryKey, text } from "drizzle-orm/pg-core";
import { frontdesk, id, moment } from "../database/frontdesk.sql.ts";
import type { Depth } from "./depths.ts";

/**
 * Dead letters as they were last seen. SQS cannot be browsed: who looks takes, and hides from everybody else for a while.
 * One look at a time writes here what it took, and people read this.
 */
export const deadLetters = frontdesk.table(
  "dead_letters",
  {
    queue: text("queue").notNull(),
    /** SQS's. It stays the same from the work queue to the dead-letter queue. */
    messageId: text("message_id").notNull(),
    /**
     * waiting: in the dead-letter queue. redriven, deleted: somebody decided, and whoever takes it out of the queue again
     * deletes it there. moved: by a move task. gone: it is not there any more, and nobody of us took it.
     */
    state: text("state").notNull(),
    /** Null once it is no dead letter any more: what a person wrote is not kept longer than it is needed. */
    body: text("body"),
    /** SQS's own, and the sender's. */
    attributes: jsonb("attributes").$type<Record<string, string>>().notNull(),
    /** Of the last receive. */
    receiptHandle: text("receipt_handle").notNull(),
    /** The look that took it shows it again at its end; when it dies, SQS does then. */
    hiddenUntil: moment("hidden_until"),
    /** Of the job that it is about, on the jobs queue. */
    jobId: id("job_id"),
    sentAt: moment("sent_at").notNull(),
    firstSeenAt: moment("first_seen_at").notNull(),
    seenAt: moment("seen_at").notNull(),
    leftAt: moment("left_at"),
    /** What somebody did with it. */
    operationId: id("operation_id"),
  },
  (table) => [
    primaryKey({ columns: [table.queue, table.messageId] }),
    index("dead_letters_waiting")
      .on(table.queue, table.sentAt, table.messageId)
      .where(sql`state = 'waiting'`),
    index("dead_letters_left").on(table.leftAt).where(sql`state <> 'waiting'`),
    index("dead_letters_operation").on(table.operationId).where(sql`operation_id is not null`),
  ],
);

/** Who did what with dead letters. */
export const queueOperations = frontdesk.table(
  "queue_operations",
  {
    id: id("id").primaryKey(),
    queue: text("queue").notNull(),
    /** redrive-all (a move task), redrive, delete */
    kind: text("kind").notNull(),
    /** A user's identifier, or the name of a part of the system. */
    actor: text("actor").notNull(),
    /** running, completed, cancelled or failed; only move tasks run. */
    state: text("state").notNull(),
    /** Letters that it is about; of a move task what SQS estimated. */
    letters: integer("letters").notNull(),
    /** Of them, with another body than they died with. */
    edited: integer("edited").notNull(),
    moved: integer("moved").notNull(),
    filter: jsonb("filter").$type<Record<string, string>>(),
    taskHandle: text("task_handle"),
    failure: text("failure"),
    cancelledBy: text("cancelled_by"),
    createdAt: moment("created_at").notNull(),
    endedAt: moment("ended_at"),
  },
  (table) => [
    index("queue_operations_recent").on(table.queue, table.id),
    index("queue_operations_running").on(table.queue).where(sql`state = 'running'`),
  ],
);

/** One row a queue: who looks into its dead letters now, and how deep it was. */
export const queueLooks = frontdesk.table("queue_looks", {
  queue: text("queue").primaryKey(),
  leasedBy: text("leased_by"),
  leasedUntil: moment("leased_until"),
  /** When the last look ended. */
  lookedAt: moment("looked_at"),
  /** Whether it saw all there were. */
  complete: boolean("complete").notNull(),
  depth: jsonb("depth").$type<Depth>(),
  depthAt: moment("depth_at"),
});
