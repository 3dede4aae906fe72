import { index, integer, jsonb, text, uniqueIndex } from "drizzle-orm/pg-core";
import { frontdesk, id, moment, trace } from "../database/frontdesk.sql.ts";

/** Calls that a committed change owes to the world. A row is gone once its call has succeeded. */
export const outbox = frontdesk.table(
  "outbox",
  {
    id: id("id").primaryKey(),
    /** sqs or s3-tag */
    kind: text("kind").notNull(),
    /** The same change asks for the same call once. */
    key: text("key").notNull(),
    payload: jsonb("payload").$type<Record<string, unknown>>().notNull(),
    attempts: integer("attempts").notNull(),
    /** Not before. */
    availableAt: moment("available_at").notNull(),
    /** Somebody is at it until then. */
    leasedUntil: moment("leased_until"),
    lastError: text("last_error"),
    trace: trace("trace"),
    createdAt: moment("created_at").notNull(),
  },
  (table) => [uniqueIndex("outbox_key").on(table.kind, table.key), index("outbox_due").on(table.availableAt)],
);
