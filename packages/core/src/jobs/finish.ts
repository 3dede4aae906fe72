/** Writes down how jobs ended: rows, history, events, and what is owed for it, in one transaction. */
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import * as outbox from "../outbox/index.ts";
import { type NewEvent, publish } from "../realtime/publish.ts";
import { admitLater } from "./lanes.ts";
import type { Ended } from "./outcome.ts";
import { settle } from "./settle.ts";
import type { State } from "./types.ts";
import { deathDelivery, wakeDelivery, wakesFor } from "./wake.ts";

/** Statements of the same transaction, and the events that go before the ends. */
export interface Alongside {
  events: readonly NewEvent[];
  write?(handle: database.Handle): Promise<void>;
}

/**
 * Of each job only what its worker still holds is written: one whose lease went to somebody else meanwhile ends there.
 * @returns Identifiers of those that were written.
 */
export async function finish(
  worker: string,
  ended: readonly Ended[],
  alongside: Alongside = { events: [] },
): Promise<Set<string>> {
  return database.transaction(
    async (handle) => {
      const written = await update(handle, worker, ended);
      const kept = ended.flatMap((one) => {
        const state = written.get(one.job.id);
        if (state === undefined) return [];
        return [state === one.state ? one : { ...one, state, outcome: "cancelled" as const }];
      });
      await writeAttempts(handle, worker, kept);
      await alongside.write?.(handle);
      const parents = kept.filter(({ state }) => isOver(state)).flatMap(({ job }) => job.awaitedBy ?? []);
      const settled = await settle(handle, parents);
      await outbox.enqueue([...kept.flatMap(owedFor), ...settled.owed]);
      await admitLater([
        ...kept.filter(({ state }) => state !== "queued").map(({ job }) => job),
        ...settled.admit,
      ]);
      await publish([...alongside.events, ...kept.flatMap(eventsOf), ...settled.events]);
      return new Set(written.keys());
    },
    { repeatable: true },
  );
}

export const isOver = (state: string) => state === "done" || state === "cancelled" || state === "dead";

/** Cancelled before the worker looked, and not over: it does not come again. */
const gone = "(g.state in ('queued', 'scheduled') and j.cancel_requested_at is not null)";

async function update(
  { query }: database.Handle,
  worker: string,
  ended: readonly Ended[],
): Promise<Map<string, State>> {
  if (ended.length === 0) return new Map();
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  const rows = await query<{ id: string; state: State }>(
    `update frontdesk.jobs j
        set state = case when ${gone} then 'cancelled' else g.state end, result = g.result::jsonb, result_claim = g.claim::jsonb, error = g.error::jsonb,
            run_at = coalesce(g.run_at, j.run_at), finished_at = case when ${gone} then g.ended_at else g.finished_at end, started_at = g.started_at,
            leased_by = null, leased_until = null, losses = case when g.lost then j.losses + 1 else 0 end,
            attempts = j.attempts - g.refund, attempts_left = j.attempts_left + g.refund,
            deaths = j.deaths + case when g.state = 'dead' then 1 else 0 end
       from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
                   $9::timestamptz[], $10::int4[], $11::timestamptz[], $12::bool[])
         as g (id, state, result, claim, error, run_at, finished_at, started_at, refund, ended_at, lost)
      where j.id = g.id and j.leased_by = $1 and j.state = 'running'
      returning j.id, j.state`,
    [
      worker,
      ended.map(({ job }) => job.id),
      ended.map(({ state }) => state),
      ended.map(({ result }) => json(result)),
      ended.map(({ resultClaim }) => json(resultClaim)),
      ended.map(({ error }) => json(error)),
      ended.map(({ runAt }) => runAt ?? null),
      ended.map(({ state, endedAt }) => (isOver(state) ? endedAt : null)),
      ended.map(({ startedAt }) => startedAt),
      ended.map(({ outcome }) => (outcome === "interrupted" ? 1 : 0)),
      ended.map(({ endedAt }) => endedAt),
      ended.map(({ lostDatabase = false }) => lostDatabase),
    ],
  );
  return new Map(rows.map(({ id, state }) => [id, state]));
}

export async function writeAttempts(
  handle: database.Handle,
  worker: string,
  ended: readonly Pick<Ended, "job" | "outcome" | "startedAt" | "endedAt" | "error">[],
): Promise<void> {
  const rows = ended
    .filter(({ outcome }) => outcome !== "done")
    .map(({ job, outcome, startedAt, endedAt, error }) => ({
      job_id: job.id,
      attempt: job.attempt,
      started_at: startedAt,
      ended_at: endedAt,
      outcome,
      error: error ?? null,
      worker,
    }));
  await database.insertRows(
    handle,
    "job_attempts",
    [
      ["job_id", "text"],
      ["attempt", "int4"],
      ["started_at", "timestamptz"],
      ["ended_at", "timestamptz"],
      ["outcome", "text"],
      ["error", "jsonb"],
      ["worker", "text"],
    ],
    rows,
    "on conflict do nothing",
  );
}

/** The next attempt's message, or the dead letter's. */
export function owedFor({ job, state, runAt }: Pick<Ended, "job" | "state" | "runAt">): outbox.Delivery[] {
  if (state === "dead") return deathDelivery(job.id, job.deaths + 1);
  if (state === "scheduled" && runAt && wakesFor(runAt))
    return [wakeDelivery(`${job.id}/retry/${job.attempt}/${job.deaths}`, job.id, runAt)];
  return [];
}

export const topicOf = (jobId: string) => `job:${jobId}`;

function eventsOf({ job, state, outcome, error, runAt, startedAt, endedAt }: Ended): NewEvent[] {
  const base = { topic: topicOf(job.id), trace: job.trace };
  const data = {
    jobId: job.id,
    type: job.type,
    attempt: job.attempt,
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
  };
  switch (state) {
    case "done":
      return [{ ...base, type: "job.done", data }];
    case "cancelled":
      return [{ ...base, type: "job.cancelled", data }];
    case "dead":
      return [{ ...base, type: "job.dead", data: { ...data, error } }];
    default:
      return [
        {
          ...base,
          type: "job.failed",
          data: { ...data, outcome, error, nextAt: (runAt ?? new Date(now())).toISOString() },
        },
      ];
  }
}
