/**
 * Where a job stands in line. The queue that workers claim from is one line (its name is empty); the blocked jobs of a
 * lane, which wait for room there, are another each. In a line jobs of one priority go by their turn: start-time fair
 * queueing without counters (decisions/0052).
 */
import type { Handle } from "../database/index.ts";
import type { State } from "./types.ts";

/**
 * The turn of the next job of a group, in SQL: not before what stands first in the line, and one after the group's own
 * last. Both are the end of an index.
 * @param of Alias of a row with `line`, `fairness` and `priority`.
 */
export const nextTurn = (of: string) => `greatest(
  coalesce((select q.turn from frontdesk.jobs q
             where q.state in ('queued', 'blocked') and q.waits_in = ${of}.line and q.priority = ${of}.priority
             order by q.turn limit 1), 0),
  coalesce((select q.turn + 1 from frontdesk.jobs q
             where q.state in ('queued', 'blocked') and q.waits_in = ${of}.line and q.fairness = ${of}.fairness
               and q.priority = ${of}.priority
             order by q.turn desc limit 1), 0))`;

/** Lanes in the order in which a job must find room: first its key's, then its type's. */
const lines = {
  /** Of a job that becomes ready. */
  ready: "coalesce(key_lane, type_lane, '')",
  /** Of one that has got room in its key's lane. */
  "past its key": "coalesce(type_lane, '')",
  /** Of one that has got room in its type's, too. */
  "past its type": "''",
} as const;

/**
 * Lets jobs go on to their next line, at the end of their group's jobs there.
 * @returns The jobs that were still in one of the states.
 */
export async function enter(
  { query }: Handle,
  ids: readonly string[],
  from: readonly State[],
  to: keyof typeof lines,
): Promise<{ id: string; state: State; typeLane: string | null; keyLane: string | null }[]> {
  if (ids.length === 0) return [];
  return query(
    `with moved as (
       select id, fairness, priority, line,
              row_number() over (partition by line, fairness, priority order by turn, id) - 1 as place
         from (select id, fairness, priority, turn, ${lines[to]} as line from frontdesk.jobs
                where id = any($1) and state = any($2)) m),
     bases as (
       select d.*, ${nextTurn("d")} as turn from (select distinct line, fairness, priority from moved) d)
     update frontdesk.jobs j
        set state = case when m.line = '' then 'queued' else 'blocked' end, waits_in = m.line, turn = b.turn + m.place
       from moved m join bases b using (line, fairness, priority)
      where j.id = m.id and j.state = any($2)
     returning j.id, j.state, j.type_lane as "typeLane", j.key_lane as "keyLane"`,
    [ids, from],
  );
}
