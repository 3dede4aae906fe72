import { sql } from "drizzle-orm";
import { index, integer, text } from "drizzle-orm/pg-core";
import { frontdesk, moment } from "../database/frontdesk.sql.ts";

/** Objects of the home bucket that somebody wants gone, and for a day those that are. */
export const objectDeletions = frontdesk.table(
  "object_deletions",
  {
    key: text("key").primaryKey(),
    /** requested, deleting (nobody may refer to it any more) or deleted */
    state: text("state").notNull(),
    /** A user's identifier, or the name of a part of the system. */
    requestedBy: text("requested_by").notNull(),
    requestedAt: moment("requested_at").notNull(),
    attempts: integer("attempts").notNull(),
    /** Not before: the next try, or the end of somebody's lease. */
    availableAt: moment("available_at").notNull(),
    lastError: text("last_error"),
    deletedAt: moment("deleted_at"),
  },
  (table) => [
    index("object_deletions_due").on(table.availableAt).where(sql`state <> 'deleted'`),
    index("object_deletions_done").on(table.deletedAt).where(sql`state = 'deleted'`),
  ],
);
