import { bigint, index, integer, jsonb, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { frontdesk, id, moment, trace } from "../database/frontdesk.sql.ts";
import { users } from "../identity/identity.sql.ts";

/** The last sequence number of each topic. Its row lock is held until commit, so numbers have no gaps. */
export const topics = frontdesk.table("topics", {
  topic: text("topic").primaryKey(),
  seq: bigint("seq", { mode: "number" }).notNull(),
});

export const events = frontdesk.table(
  "events",
  {
    topic: text("topic").notNull(),
    seq: bigint("seq", { mode: "number" }).notNull(),
    id: id("id").notNull(),
    type: text("type").notNull(),
    data: jsonb("data").$type<Record<string, unknown>>().notNull(),
    /** Mailboxes whose members may read the data; null: whoever may subscribe to the topic. */
    mailboxIds: text("mailbox_ids").array(),
    trace: trace("trace"),
    createdAt: moment("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.seq] })],
);

/** One-time passes to `$connect`. Only a hash is kept: who reads the table cannot connect. */
export const tickets = frontdesk.table(
  "tickets",
  {
    hash: text("hash").primaryKey(),
    userId: id("user_id")
      .notNull()
      .references(() => users.id),
    roles: text("roles").array().notNull(),
    origin: text("origin"),
    expiresAt: moment("expires_at").notNull(),
  },
  (table) => [index("tickets_expiry").on(table.expiresAt)],
);

export const connections = frontdesk.table(
  "connections",
  {
    /** API Gateway's. */
    id: text("id").primaryKey(),
    userId: id("user_id")
      .notNull()
      .references(() => users.id),
    roles: text("roles").array().notNull(),
    connectedAt: moment("connected_at").notNull(),
    /** When API Gateway closes it, two hours on. */
    expiresAt: moment("expires_at").notNull(),
    /** Who pushes to it now, and until when: one at a time keeps the order. */
    leasedBy: text("leased_by"),
    leasedUntil: moment("leased_until"),
    /** Posts that failed in a row, and when the next one is due. */
    failures: integer("failures").notNull(),
    retryAt: moment("retry_at"),
  },
  (table) => [index("connections_user").on(table.userId), index("connections_expiry").on(table.expiresAt)],
);

/**
 * What a connection listens to, and the last number it was sent. The push owes it everything above: the distance to
 * `topics.seq` is the outbox of the socket, without a row for each subscriber and event.
 */
export const subscriptions = frontdesk.table(
  "subscriptions",
  {
    connectionId: text("connection_id")
      .notNull()
      .references(() => connections.id, { onDelete: "cascade" }),
    topic: text("topic").notNull(),
    sentSeq: bigint("sent_seq", { mode: "number" }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.connectionId, table.topic] }),
    uniqueIndex("subscriptions_topic").on(table.topic, table.connectionId),
  ],
);
