import { char, pgSchema, text, timestamp } from "drizzle-orm/pg-core";

/** Everything of ours lies in one schema, owned by the migrator; the application may change rows, not tables. */
export const frontdesk = pgSchema("frontdesk");

/** A moment, to the millisecond, so that it survives a JavaScript Date and can stand in a cursor. */
export const moment = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });

/** Prefixed ULID. */
export const id = (name: string) => text(name);

/** W3C trace id. */
export const trace = (name: string) => char(name, { length: 32 });
