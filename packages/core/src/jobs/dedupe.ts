/** What becomes of a job whose key another one has already. */
import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import type { Dedupe, State } from "./types.ts";

/** The last job of a key, as it is under the key's lock. */
export interface Holder {
  id: string;
  state: State;
}

export type Decision = "create" | "keep" | "replace";

/**
 * @param until When the throttle of the key ends.
 * @param at Milliseconds since the epoch.
 */
export function decide(
  { mode }: Dedupe,
  holder: Holder | undefined,
  until: number | undefined,
  at: number,
): Decision {
  if (!holder) return "create";
  const over = holder.state === "done" || holder.state === "cancelled" || holder.state === "dead";
  switch (mode) {
    case "drop":
      return over ? "create" : "keep";
    case "throttle":
      return until !== undefined && until > at ? "keep" : "create";
    case "replace":
    case "debounce":
      // One that runs has begun with what it was given: what was said since needs a job of its own.
      return over || holder.state === "running" ? "create" : "replace";
  }
}

/**
 * Locks a key until the end of the transaction. Two who enqueue with one key take turns, the second one sees the first
 * one's job: no unique index over states says as much, since a throttle outlasts its job.
 */
export async function lockKey(
  { query }: Handle,
  type: string,
  key: string,
): Promise<{ holder: Holder | undefined; until: number | undefined }> {
  await query(
    `insert into frontdesk.job_keys (type, key) values ($1, $2)
     on conflict (type, key) do update set type = excluded.type`,
    [type, key],
  );
  const [row] = await query<{ id: string | null; state: State | null; until: Date | null }>(
    `select j.id, j.state, k.until from frontdesk.job_keys k left join frontdesk.jobs j on j.id = k.job_id
      where k.type = $1 and k.key = $2`,
    [type, key],
  );
  return {
    holder: row?.id && row.state ? { id: row.id, state: row.state } : undefined,
    until: row?.until?.getTime(),
  };
}

export async function holdKey({ query }: Handle, type: string, dedupe: Dedupe, jobId: string): Promise<void> {
  const until = dedupe.mode === "throttle" ? new Date(now() + (dedupe.windowMs ?? 0)) : null;
  await query("update frontdesk.job_keys set job_id = $3, until = $4 where type = $1 and key = $2", [
    type,
    dedupe.key,
    jobId,
    until,
  ]);
}
