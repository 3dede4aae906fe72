import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import * as deletions from "../deletions/index.ts";

const mostAtOnce = 500;

/**
 * Removes jobs that ended longer ago than this, with their history, events and claims, in small transactions.
 * @returns How many; `left` when the time was over before.
 */
export async function prune(days: number, signal: AbortSignal): Promise<{ removed: number; left: boolean }> {
  const before = new Date(now() - days * 86_400_000);
  let removed = 0;
  let after = "";
  while (!signal.aborted) {
    const page = await database.transaction(
      async ({ query }) => {
        const gone = await query<{ id: string; claims: string[] }>(
          // Identifiers go by the time at which they were made, so the oldest come first, by the primary key.
          `with old as (
             select id from frontdesk.jobs j
              where id > $3 and state in ('done', 'cancelled', 'dead') and finished_at < $1
                and not exists (
                  select from frontdesk.jobs p
                   where p.id = j.awaited_by and p.state not in ('done', 'cancelled', 'dead'))
              order by id limit $2 for update skip locked),
           told as (delete from frontdesk.events e using old where e.topic = 'job:' || old.id),
           numbered as (delete from frontdesk.topics t using old where t.topic = 'job:' || old.id)
           delete from frontdesk.jobs j using old where j.id = old.id
           returning j.id, array_remove(array[j.payload_claim ->> 'key', j.result_claim ->> 'key'], null) as claims`,
          [before, mostAtOnce, after],
        );
        await deletions.request(gone.flatMap(({ claims }) => claims.map((key) => ({ key }))));
        return gone;
      },
      { repeatable: true },
    );
    removed += page.length;
    after = page.reduce((last, { id }) => (id > last ? id : last), after);
    if (page.length < mostAtOnce) return { removed, left: false };
  }
  return { removed, left: true };
}
