import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { change } from "./events.ts";

/** After its form has ended: an upload that had begun by then, and the event about it, have had their time. */
const graceMs = 60 * 60_000;
/** Longer than a record lives through its five receives (infra/queues.ts): what is still in work is among the dead letters. */
const longestProcessingMs = 2 * 60 * 60_000;
/** What became nothing is forgotten: the row of it, its name, and the answer to its request. */
const forgetMs = 30 * 24 * 60 * 60_000;
/** Of one run; the next one goes on. */
const mostAtOnce = 500;

/**
 * Ends what waits in vain. Bytes that come after all, or a dead letter that is sent back, are looked at all the same.
 * @returns How many ended, and how many rows were forgotten.
 */
export async function expire(): Promise<{ expired: number; givenUp: number; forgotten: number }> {
  const at = now();
  const end = (
    to: Parameters<typeof change>[1],
    from: "pending" | "processing",
    column: "expires_at" | "updated_at",
    before: number,
  ) =>
    database.transaction(
      (handle) =>
        change(
          handle,
          to,
          [from],
          `m.id in (select id from frontdesk.media where state = '${from}' and ${column} < $5 order by id limit ${mostAtOnce})`,
          [new Date(before)],
        ),
      { repeatable: true },
    );
  const expired = await end({ state: "expired" }, "pending", "expires_at", at - graceMs);
  const refusal = {
    code: "processing_failed",
    message: "The picture could not be processed. Please send it again.",
  };
  const givenUp = await end(
    { state: "refused", refusal },
    "processing",
    "updated_at",
    at - longestProcessingMs,
  );
  const forgotten = await database.use(({ query }) =>
    query(
      "delete from frontdesk.media where state in ('expired', 'deleted') and updated_at < $1 returning id",
      [new Date(at - forgetMs)],
    ),
  );
  return { expired: expired.length, givenUp: givenUp.length, forgotten: forgotten.length };
}
