/** Loaded when somebody's memberships are first asked for, and drizzle with it. */
import { eq } from "drizzle-orm";
import * as database from "../database/index.ts";
import { mailboxMembers } from "../mailboxes/mailboxes.sql.ts";

export async function memberships(email: string): Promise<string[]> {
  const rows = await database.use(async ({ orm }) =>
    (await orm())
      .select({ mailboxId: mailboxMembers.mailboxId })
      .from(mailboxMembers)
      .where(eq(mailboxMembers.email, email)),
  );
  return rows.map((row) => row.mailboxId).sort();
}
