/** One due time becomes one job. */
import { context } from "../actor/index.ts";
import { now } from "../clock/index.ts";
import type { Handle } from "../database/index.ts";
import { enqueueRun, isBusy } from "./engine.ts";
import { type Row, write } from "./rows.ts";

export type Source = "scheduler" | "sync" | "sweep";
export type Outcome =
  | "fired"
  /** The run before is not done, and the policy is to leave this one out. */
  | "skipped"
  /** It begins when the one before is done. */
  | "held"
  /** There is one for this due time already. */
  | "duplicate";

/**
 * Enqueues the job of a due time, once: the row of the due time and the job commit together. The schedule's row is
 * locked, so that two due times of one schedule see each other's jobs.
 */
export async function run(handle: Handle, row: Row, dueAt: Date, source: Source): Promise<Outcome> {
  const at = new Date(now());
  const inserted = await handle.query(
    `insert into frontdesk.schedule_runs (name, due_at, revision, outcome, source, trace, fired_at)
     values ($1, $2, $3, 'fired', $4, $5, $6) on conflict do nothing returning 1`,
    [row.name, dueAt, row.revision, source, context()?.trace ?? null, at],
  );
  if (inserted.length === 0) return "duplicate";
  const outcome = await decide(handle, row);
  const jobId = outcome === "fired" ? await enqueueRun(row, dueAt) : null;
  await handle.query(
    "update frontdesk.schedule_runs set outcome = $3, job_id = $4 where name = $1 and due_at = $2",
    [row.name, dueAt, outcome, jobId],
  );
  // A late one does not stand before a later one.
  if (!row.lastDueAt || row.lastDueAt <= dueAt) {
    const last = { lastDueAt: dueAt, lastFiredAt: at, lastOutcome: outcome, lastJobId: jobId };
    await write(handle, { name: row.name, ...last });
    Object.assign(row, last);
  }
  return outcome;
}

async function decide({ query }: Handle, row: Row): Promise<"fired" | "skipped" | "held"> {
  // What runs once has nothing before it: a job of an earlier schedule of its name is none of its own.
  if (row.kind === "at" || row.overlap === "allow" || !(await isBusy(row.name))) return "fired";
  if (row.overlap === "skip") return "skipped";
  const waiting = await query(
    "select 1 from frontdesk.schedule_runs where name = $1 and outcome = 'held' limit 1",
    [row.name],
  );
  return waiting.length > 0 ? "skipped" : "held";
}

/** Enqueues what waits for a run that is done by now. @returns The due time, if there was one. */
export async function release(handle: Handle, row: Row): Promise<Date | undefined> {
  const [held] = await handle.query<{ dueAt: Date }>(
    `select due_at as "dueAt" from frontdesk.schedule_runs where name = $1 and outcome = 'held' order by due_at limit 1`,
    [row.name],
  );
  if (!held || row.paused || (await isBusy(row.name))) return undefined;
  const jobId = await enqueueRun(row, held.dueAt);
  await handle.query(
    "update frontdesk.schedule_runs set outcome = 'fired', job_id = $3 where name = $1 and due_at = $2",
    [row.name, held.dueAt, jobId],
  );
  if (row.lastDueAt?.getTime() === held.dueAt.getTime())
    await write(handle, { name: row.name, lastOutcome: "fired", lastJobId: jobId });
  return held.dueAt;
}
