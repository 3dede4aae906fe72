/** Jobs that wait for others. Whether they may go on is asked of the rows: nothing is counted that could drift. */
import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import type * as outbox from "../outbox/index.ts";
import type { NewEvent } from "../realtime/publish.ts";
import type { Lanes } from "./lanes.ts";
import { enter } from "./line.ts";
import type { ErrorOfJob } from "./types.ts";
import { deathDelivery, wakeDelivery, wakesFor } from "./wake.ts";

export interface Settled {
  owed: outbox.Delivery[];
  events: NewEvent[];
  admit: Lanes[];
}

interface Waiting {
  id: string;
  type: string;
  runAt: Date;
  deaths: number;
  whenOneFails: "fail" | "run";
  awaitedBy: string | null;
  trace: string;
  /** Whether one that it waits for is not over. */
  open: boolean;
  dead: string | null;
  cancelled: string | null;
}

/**
 * Looks at jobs of which one that they wait for has ended in this transaction: lets those go on that have nothing to
 * wait for, and ends those that cannot any more, with whatever waits for them.
 */
export async function settle(handle: Handle, ids: readonly string[]): Promise<Settled> {
  const settled: Settled = { owed: [], events: [], admit: [] };
  for (let next = ids; next.length > 0; ) next = await settleOnce(handle, [...new Set(next)].sort(), settled);
  return settled;
}

async function settleOnce(handle: Handle, ids: readonly string[], settled: Settled): Promise<string[]> {
  // Locked first, asked then: of two that end at the same time the second to get the lock sees the first one's end.
  await handle.query("select id from frontdesk.jobs where id = any($1) order by id for no key update", [ids]);
  const waiting = await handle.query<Waiting>(
    `select p.id, p.type, p.run_at as "runAt", p.deaths, p.when_one_fails as "whenOneFails",
            p.awaited_by as "awaitedBy", p.trace,
            exists (select from frontdesk.jobs c
                     where c.awaited_by = p.id and c.state not in ('done', 'cancelled', 'dead')) as open,
            (select c.id from frontdesk.jobs c where c.awaited_by = p.id and c.state = 'dead' limit 1) as dead,
            (select c.id from frontdesk.jobs c where c.awaited_by = p.id and c.state = 'cancelled' limit 1) as cancelled
       from frontdesk.jobs p where p.id = any($1) and p.state = 'waiting' order by p.id`,
    [ids],
  );
  const failed = waiting.filter((job) => job.whenOneFails === "fail" && (job.dead ?? job.cancelled) !== null);
  const ready = waiting.filter((job) => !failed.includes(job) && !job.open);
  await goOn(handle, ready, settled);
  await end(handle, failed, settled);
  return failed.flatMap(({ awaitedBy }) => awaitedBy ?? []);
}

async function goOn(handle: Handle, ready: readonly Waiting[], settled: Settled): Promise<void> {
  const later = ready.filter(({ runAt }) => runAt.getTime() > now());
  if (later.length > 0)
    await handle.query("update frontdesk.jobs set state = 'scheduled' where id = any($1)", [
      later.map(({ id }) => id),
    ]);
  const entered = await enter(
    handle,
    ready.filter((job) => !later.includes(job)).map(({ id }) => id),
    ["waiting"],
    "ready",
  );
  settled.admit.push(...entered.filter(({ state }) => state === "blocked"));
  for (const { id, runAt } of ready)
    if (wakesFor(runAt)) settled.owed.push(wakeDelivery(`${id}/ready/${now()}`, id, runAt));
}

async function end(handle: Handle, failed: readonly Waiting[], settled: Settled): Promise<void> {
  if (failed.length === 0) return;
  const at = new Date(now());
  for (const job of failed) {
    const state = job.dead === null ? "cancelled" : "dead";
    const error: ErrorOfJob = {
      code: awaitedFailed,
      name: "AwaitedJobFailed",
      message: `${job.dead ?? job.cancelled}, which it waited for, is ${state}`,
    };
    await handle.query(
      `update frontdesk.jobs set state = $2, error = $3, finished_at = $4,
              deaths = deaths + case when $2 = 'dead' then 1 else 0 end
        where id = $1`,
      [job.id, state, JSON.stringify(error), at],
    );
    if (state === "dead") settled.owed.push(...deathDelivery(job.id, job.deaths + 1));
    settled.events.push({
      topic: `job:${job.id}`,
      trace: job.trace,
      type: `job.${state}`,
      data: { jobId: job.id, type: job.type, error, endedAt: at.toISOString() },
    });
  }
}

/** The code of a job that failed because of another. */
export const awaitedFailed = "awaited_job_failed";
