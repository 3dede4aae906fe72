import { context } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { prefixOf } from "./owners.ts";

/**
 * How far the clocks of two functions may be apart. An object that was put this shortly after its deletion is taken for
 * deleted, and put again.
 */
const skewMs = 10_000;

/**
 * Writes down that objects are to go, in the open transaction or one of its own. One that is being deleted may have been
 * put again since: no attempts are left counted of it, by which whoever deletes it sees that it must be done once more.
 */
export async function write(keys: readonly string[]): Promise<void> {
  const foreign = keys.find((key) => prefixOf(key) === undefined);
  if (foreign !== undefined)
    throw new Error(`no domain owns the object ${foreign}, so none can say that it is unused`);
  if (keys.length === 0) return;
  const actor = context()?.actor;
  await database.use(({ query }) =>
    query(
      `insert into frontdesk.object_deletions as d
         (key, state, requested_by, requested_at, attempts, available_at)
       select key, 'requested', $2, $3, 0, $3 from unnest($1::text[]) as given (key) order by key
       on conflict (key) do update
         set state = case d.state when 'deleting' then d.state else 'requested' end, attempts = 0,
             requested_by = excluded.requested_by, requested_at = excluded.requested_at,
             available_at = case d.state when 'deleting' then d.available_at else excluded.available_at end,
             last_error = null, deleted_at = null
         where d.state <> 'requested'`,
      [
        [...new Set(keys)],
        actor?.kind === "user" ? actor.userId : (actor?.name ?? "system"),
        new Date(now()),
      ],
    ),
  );
}

/**
 * Says, in the transaction that makes a reference to objects, that they are needed: a deletion that was asked for is
 * off, and none begins before this transaction ends. Without it a reference that commits between the deletion's look and
 * the deletion itself would lead nowhere. Call it after the reference is written or before, but in its transaction.
 * @param putAt When the put of the objects began, or when they were last known to be there.
 * @throws VisibleError `conflict` (`object_deleted`) when one is being deleted, or was deleted after `putAt`: put it
 *   again, and begin the transaction anew.
 */
export async function keep(keys: readonly string[], putAt: Date): Promise<void> {
  if (keys.length === 0) return;
  if (!database.inTransaction()) throw new Error("objects are kept in the transaction that refers to them");
  const sorted = [...new Set(keys)].sort();
  await database.use(async ({ query }) => {
    // Shared among those who refer; the deletion wants it alone, and does not wait for it.
    await query(
      `select pg_advisory_xact_lock_shared(${lockOf("key")}) from unnest($1::text[]) as given (key)`,
      [sorted],
    );
    const [lost] = await query(
      `select 1 from frontdesk.object_deletions
        where key = any($1) and (state = 'deleting' or (state = 'deleted' and deleted_at >= $2)) limit 1`,
      [sorted, new Date(putAt.getTime() - skewMs)],
    );
    if (lost)
      throw new VisibleError(
        "conflict",
        "object_deleted",
        "An object that this needs was just deleted: put it again.",
      );
    await query("delete from frontdesk.object_deletions where key = any($1) and state = 'requested'", [
      sorted,
    ]);
  });
}

/** The transaction-level advisory lock of an object: it needs no row to be there, and pins nothing behind RDS Proxy. */
export const lockOf = (key: string) => `hashtextextended('frontdesk.object:' || ${key}, 0)`;
