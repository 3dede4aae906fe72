import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import type { NewJob } from "./insert.ts";

/**
 * Puts a new payload and new options into a job that has not begun. It keeps its identifier, its owner and its place.
 * @returns False when it has begun meanwhile.
 */
export async function replace({ query }: Handle, jobId: string, row: NewJob): Promise<boolean> {
  const replaced = await query(
    `update frontdesk.jobs
        set payload = $2::jsonb, payload_claim = $3::jsonb, priority = $4, run_at = $5::timestamptz, trace = $6,
            state = case when state in ('queued', 'scheduled') and $5::timestamptz > $7::timestamptz then 'scheduled' else state end
      where id = $1 and state in ('scheduled', 'queued', 'blocked', 'waiting')
      returning id`,
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
  return replaced.length > 0;
}
