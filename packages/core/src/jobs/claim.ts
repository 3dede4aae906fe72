/** Taking jobs: what is next, and for how long it is whose. */
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import type { Claim } from "./types.ts";

/** A worker that has not been heard of for so long is taken for dead, and its jobs run again. */
export const leaseMs = 30_000;

export interface Claimed {
  id: string;
  type: string;
  payload: unknown;
  payloadClaim: Claim | null;
  attempt: number;
  attemptsLeft: number;
  losses: number;
  deaths: number;
  typeLane: string | null;
  keyLane: string | null;
  schedule: string | null;
  scheduleDueAt: Date | null;
  awaitedBy: string | null;
  trace: string;
  claimedAt: Date;
}

/**
 * Takes the jobs that are next. The attempt is counted now, so that a job which takes its process down with it comes to
 * an end, too. A job that lost its worker before is marked as begun only when it begins (`begin`).
 *
 * @returns In the order of the line: an update returns its rows in whatever order its plan meets them.
 */
export async function claim(worker: string, limit: number): Promise<Claimed[]> {
  const at = new Date(now());
  return database.use(({ query }) =>
    query<Claimed>(
      `with next as materialized (
         select id from frontdesk.jobs where state in ('queued', 'blocked') and waits_in = ''
          order by priority desc, turn, id limit $1 for update skip locked),
       taken as (
         update frontdesk.jobs j
            set state = 'running', attempts = attempts + 1, attempts_left = attempts_left - 1, leased_by = $2,
                leased_until = $3, started_at = case when losses = 0 then $4::timestamptz end
           from next where j.id = next.id
         returning j.*)
       select id, type, payload, payload_claim as "payloadClaim", attempts as attempt, attempts_left as "attemptsLeft",
              losses, deaths, type_lane as "typeLane", key_lane as "keyLane", schedule,
              schedule_due_at as "scheduleDueAt", awaited_by as "awaitedBy", trace, $4::timestamptz as "claimedAt"
         from taken order by priority desc, turn, id`,
      [limit, worker, new Date(at.getTime() + leaseMs), at],
    ),
  );
}

/** @returns False when it is no longer this worker's. */
export async function begin(worker: string, jobId: string): Promise<boolean> {
  const at = now();
  const rows = await database.use(({ query }) =>
    query(
      `update frontdesk.jobs set started_at = $3, leased_until = $4
        where id = $1 and leased_by = $2 and state = 'running' returning id`,
      [jobId, worker, new Date(at), new Date(at + leaseMs)],
    ),
  );
  return rows.length > 0;
}

/** Extends the lease of everything that a worker has. */
export async function extend(worker: string, jobIds: readonly string[]): Promise<void> {
  await database.use(({ query }) =>
    query(
      "update frontdesk.jobs set leased_until = $3 where id = any($1) and leased_by = $2 and state = 'running'",
      [jobIds, worker, new Date(now() + leaseMs)],
    ),
  );
}

/** Of these, the ones that somebody cancelled, and those that are no longer this worker's. */
export async function disturbed(
  worker: string,
  jobIds: readonly string[],
): Promise<{ id: string; mine: boolean }[]> {
  return database.use(({ query }) =>
    query(
      `select w.id, coalesce(j.leased_by = $2 and j.state = 'running', false) as mine
         from unnest($1::text[]) as w (id) left join frontdesk.jobs j on j.id = w.id
        where j.id is null or j.cancel_requested_at is not null or j.state <> 'running'
           or j.leased_by is distinct from $2`,
      [jobIds, worker],
    ),
  );
}
