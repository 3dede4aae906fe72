import { integer, text, uniqueIndex } from "drizzle-orm/pg-core";
import { frontdesk, id, moment, trace } from "../database/frontdesk.sql.ts";

/** SQS cannot attach a cause to a message: it is written here, and the list of dead letters joins it. */
export const failures = frontdesk.table(
  "failures",
  {
    id: id("id").primaryKey(),
    queue: text("queue").notNull(),
    queueMessageId: text("queue_message_id").notNull(),
    attempt: integer("attempt").notNull(),
    /** Stable code, e.g. `object_missing`. */
    code: text("code").notNull(),
    cause: text("cause").notNull(),
    objectKey: text("object_key"),
    trace: trace("trace"),
    createdAt: moment("created_at").notNull(),
  },
  (table) => [uniqueIndex("failures_attempt").on(table.queueMessageId, table.attempt)],
);
