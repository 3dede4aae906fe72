import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import type { NewJob } from "./insert.ts";
import { admitLater, type Lanes } from "./lanes.ts";

/** It is due later now: it leaves its line, and comes back to it then. */
const leaves = "state in ('queued', 'blocked', 'scheduled') and $5::timestamptz > $7::timestamptz";

/**
 * Puts a new payload and new options into a job that has not begun. It keeps its identifier and its owner, and its place
 * unless it is due later now.
 * @returns False when it has begun meanwhile.
 */
export async function replace({ query }: Handle, jobId: string, row: NewJob): Promise<boolean> {
  const replaced = await query<Lanes>(
    `update frontdesk.jobs
        set payload = $2::jsonb, payload_claim = $3::jsonb, priority = $4, run_at = $5::timestamptz, trace = $6,
            state = case when ${leaves} then 'scheduled' else state end,
            waits_in = case when ${leaves} then '' else waits_in end
      where id = $1 and state in ('scheduled', 'queued', 'blocked', 'waiting')
      returning type_lane as "typeLane", key_lane as "keyLane"`,
    [
      jobId,
      row.payload === null ? null : JSON.stringify(row.payload),
      row.payload_claim === null ? null : JSON.stringify(row.payload_claim),
      row.priority,
      row.run_at,
      row.trace,
      new Date(now()),
    ],
  );
  // The place that it held may be another one's.
  await admitLater(replaced);
  return replaced.length > 0;
}
