/** What time brings: jobs that are due, and leases that have run out. */
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import * as outbox from "../outbox/index.ts";
import { publish } from "../realtime/publish.ts";
import type { Claimed } from "./claim.ts";
import { owedFor, topicOf, writeAttempts } from "./finish.ts";
import { admitLater } from "./lanes.ts";
import { enter } from "./line.ts";
import { settle } from "./settle.ts";
import type { State } from "./types.ts";

const mostAtOnce = 500;

/** Puts jobs whose time has come in line. @returns How many. */
export async function promote(): Promise<number> {
  let promoted = 0;
  for (;;) {
    const count = await database.transaction(
      async (handle) => {
        const due = await handle.query<{ id: string }>(
          `select id from frontdesk.jobs where state = 'scheduled' and run_at <= $1
            order by run_at limit $2 for update skip locked`,
          [new Date(now()), mostAtOnce],
        );
        const entered = await enter(
          handle,
          due.map(({ id }) => id),
          ["scheduled"],
          "ready",
        );
        await admitLater(entered.filter(({ state }) => state === "blocked"));
        return entered.length;
      },
      { repeatable: true },
    );
    promoted += count;
    if (count < mostAtOnce) return promoted;
  }
}

type Lost = Claimed & { worker: string; startedAt: Date | null; cancelled: boolean };

/**
 * Takes jobs back whose worker has vanished: next again, where they stood; dead when it was their last attempt. One that
 * was claimed and had not begun has its attempt back.
 * @returns How many.
 */
export async function takeBack(): Promise<number> {
  const at = new Date(now());
  return database.transaction(
    async (handle) => {
      const lost = await handle.query<Lost>(
        `select id, type, payload, payload_claim as "payloadClaim", attempts as attempt,
                attempts_left as "attemptsLeft", losses, deaths, type_lane as "typeLane", key_lane as "keyLane",
                schedule, schedule_due_at as "scheduleDueAt", awaited_by as "awaitedBy", trace,
                leased_until as "claimedAt", leased_by as worker, started_at as "startedAt",
                cancel_requested_at is not null as cancelled
           from frontdesk.jobs where state = 'running' and leased_until <= $1
          order by leased_until limit $2 for update skip locked`,
        [at, mostAtOnce],
      );
      if (lost.length === 0) return 0;
      const ended = lost.map((job) => {
        const begun = job.startedAt !== null;
        const state: State = job.cancelled ? "cancelled" : begun && job.attemptsLeft <= 0 ? "dead" : "queued";
        return {
          job,
          worker: job.worker,
          begun,
          state,
          outcome: "lost" as const,
          startedAt: job.startedAt ?? at,
          endedAt: at,
          error: {
            code: "worker_lost",
            name: "WorkerLost",
            message: "its worker vanished: killed, out of memory, or out of time",
          },
          runAt: undefined,
        };
      });
      await handle.query(
        `update frontdesk.jobs j
            set state = g.state, leased_by = null, leased_until = null, started_at = null,
                losses = losses + 1, attempts = attempts - g.refund, attempts_left = attempts_left + g.refund,
                error = g.error::jsonb, finished_at = case when g.state <> 'queued' then $5::timestamptz end,
                deaths = deaths + case when g.state = 'dead' then 1 else 0 end
           from unnest($1::text[], $2::text[], $3::int4[], $4::text[]) as g (id, state, refund, error)
          where j.id = g.id`,
        [
          ended.map(({ job }) => job.id),
          ended.map(({ state }) => state),
          ended.map(({ begun }) => (begun ? 0 : 1)),
          ended.map(({ error }) => JSON.stringify(error)),
          at,
        ],
      );
      for (const one of ended) if (one.begun) await writeAttempts(handle, one.worker, [one]);
      const over = ended.filter(({ state }) => state !== "queued");
      const settled = await settle(
        handle,
        over.flatMap(({ job }) => job.awaitedBy ?? []),
      );
      await outbox.enqueue([...over.flatMap(owedFor), ...settled.owed]);
      await admitLater([...over.map(({ job }) => job), ...settled.admit]);
      await publish([
        ...ended.map(({ job, state, error }) => ({
          topic: topicOf(job.id),
          trace: job.trace,
          type: state === "queued" ? "job.failed" : `job.${state}`,
          data: { jobId: job.id, type: job.type, attempt: job.attempt, error, endedAt: at.toISOString() },
        })),
        ...settled.events,
      ]);
      return lost.length;
    },
    { repeatable: true },
  );
}
