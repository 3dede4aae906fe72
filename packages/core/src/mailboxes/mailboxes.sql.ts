import { boolean, index, primaryKey, text } from "drizzle-orm/pg-core";
import { frontdesk, id, moment } from "../database/frontdesk.sql.ts";

export const mailboxes = frontdesk.table("mailboxes", {
  id: id("id").primaryKey(),
  /** In lower case, without a plus tag. */
  address: text("address").notNull().unique("mailboxes_address"),
  name: text("name").notNull(),
  /** False once the settings no longer name it: it keeps its mail and gets no more. */
  active: boolean("active").notNull(),
  createdAt: moment("created_at").notNull(),
  updatedAt: moment("updated_at").notNull(),
});

export const mailboxMembers = frontdesk.table(
  "mailbox_members",
  {
    mailboxId: id("mailbox_id")
      .notNull()
      .references(() => mailboxes.id),
    /** In lower case. An address, not a user: people are named before they sign in for the first time. */
    email: text("email").notNull(),
    /** settings or admin: whose word it is. The settings' rows follow the settings. */
    source: text("source").notNull(),
    createdAt: moment("created_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.mailboxId, table.email] }),
    index("mailbox_members_email").on(table.email),
  ],
);
