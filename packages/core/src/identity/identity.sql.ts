import { text } from "drizzle-orm/pg-core";
import { frontdesk, id, moment } from "../database/frontdesk.sql.ts";

export const users = frontdesk.table("users", {
  id: id("id").primaryKey(),
  /** Cognito's `sub`: the identity; the address may change. */
  subject: text("subject").notNull().unique("users_subject"),
  email: text("email").notNull(),
  roles: text("roles").array().notNull(),
  createdAt: moment("created_at").notNull(),
  updatedAt: moment("updated_at").notNull(),
});
