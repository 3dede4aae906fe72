/** What Scheduler missed, what it was not told, and what waited for a run before it. */
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import * as log from "../log/index.ts";
import { timingOf } from "./definition.ts";
import { askToSync } from "./engine.ts";
import { tell } from "./events.ts";
import { markRemoved } from "./put.ts";
import { type Row, selected, write } from "./rows.ts";
import { release, run, type Source } from "./run.ts";

/** So long after a due time Scheduler's call may still come: a minute of its own, retries, the queue. */
const graceMs = 5 * 60_000;
/** A schedule that Scheduler does not know is asked for again after this; the job of before has given up by then. */
const askAgainMs = 10 * 60_000;
/** Due times that nobody told Scheduler of are all run, up to so many of the latest. */
const mostUntold = 10;
const perSweep = 200;
const keptMs = 35 * 86_400_000;

export interface Swept {
  /** Schedules of which due times were run. */
  caughtUp: number;
  /** Schedules for which Scheduler is told again. */
  asked: number;
}

/** Called each minute. */
export async function sweep(): Promise<Swept> {
  const asked = await askForUntold();
  let caughtUp = 0;
  for (const name of await withWork()) {
    const ran = await database.transaction(
      async (handle) => {
        const [row] = await handle.query<Row>(
          `select ${selected} from frontdesk.schedules s where s.name = $1 and s.deleted_at is null and not s.paused
            for update skip locked`,
          [name],
        );
        return row ? sweepOne(handle, row, "sweep") : 0;
      },
      { repeatable: true },
    );
    if (ran > 0) caughtUp += 1;
  }
  await prune();
  return { caughtUp, asked };
}

/** Those with a due time that nobody has looked at, or with a run that waits. */
async function withWork(): Promise<string[]> {
  const at = now();
  const rows = await database.use(({ query }) =>
    query<{ name: string }>(
      `select name from frontdesk.schedules s
        where deleted_at is null and not paused
          and (next_due_at <= case when relied_from is null or next_due_at <= relied_from then $1 else $2 end::timestamptz
               or exists (select 1 from frontdesk.schedule_runs r where r.name = s.name and r.outcome = 'held'))
        order by next_due_at limit $3`,
      [new Date(at), new Date(at - graceMs), perSweep],
    ),
  );
  return rows.map(({ name }) => name);
}

/**
 * Looks at the due times of one schedule that have passed, and runs what is owed: all that Scheduler could not know,
 * and of what it missed as much as the catch-up policy says.
 * @param row Locked.
 * @returns How many were run.
 */
export async function sweepOne(handle: database.Handle, row: Row, source: Source): Promise<number> {
  if (row.paused) return 0;
  const fired: Date[] = [];
  const released = await release(handle, row);
  if (released) fired.push(released);
  const passed = passedTimes(row, now());
  const wanted = owed(row, passed);
  const ran: Date[] = [];
  for (const due of wanted.toReversed())
    if ((await run(handle, row, due, source)) !== "duplicate") ran.push(due);
  fired.push(...ran);
  if (ran.length > 0)
    log.warn("due times were run without Scheduler", {
      schedule: row.name,
      due: ran,
      passed: passed.length,
      source,
    });
  const [last] = passed;
  // Scheduler may still have what runs once: it goes as if it were removed.
  if (row.kind === "at" && wanted.length > 0) await markRemoved(handle, row);
  else if (last) await advance(handle, row, last);
  await tell(
    "schedule.fired",
    fired.map((dueAt) => ({ name: row.name, dueAt: dueAt.toISOString() })),
  );
  return fired.length;
}

/** From the latest to the earliest, those that count: what is older is behind every bound. */
function passedTimes(row: Row, at: number): Date[] {
  if (!row.nextDueAt) return [];
  const timing = timingOf(row);
  const times: Date[] = [];
  const relied = row.reliedFrom?.getTime() ?? Infinity;
  // Within the grace nothing that Scheduler knows of is looked at.
  const until = Math.max(Math.min(at, relied), at - graceMs);
  const most = Math.max(mostUntold, row.catchUpLimit);
  for (
    let due = timing.previous(until + 1);
    due !== undefined && due >= row.nextDueAt.getTime() && times.length < most;
    due = timing.previous(due)
  )
    times.push(new Date(due));
  return times;
}

/** @param passed From the latest to the earliest. */
function owed(row: Row, passed: readonly Date[]): Date[] {
  const most = { none: 0, latest: 1, all: row.catchUpLimit }[row.catchUp];
  return passed.filter((due, index) => {
    const untold = row.reliedFrom === null || due <= row.reliedFrom;
    return index < (untold ? mostUntold : most);
  });
}

/** The next due time to look at. */
async function advance(handle: database.Handle, row: Row, last: Date): Promise<void> {
  const next = timingOf(row).next(last.getTime());
  await write(handle, { name: row.name, nextDueAt: next === undefined ? null : new Date(next) });
}

/** Changes whose job is gone or has given up, removals above all: they are tried until Scheduler agrees. */
async function askForUntold(): Promise<number> {
  const at = new Date(now());
  return database.transaction(async ({ query }) => {
    const rows = await query<{ name: string; revision: number }>(
      `select name, revision::float8 as revision from frontdesk.schedules
        where (synced_revision is distinct from revision or deleted_at is not null)
          and (sync_asked_at is null or sync_asked_at <= $1)
        order by sync_asked_at nulls first limit $2 for update skip locked`,
      [new Date(at.getTime() - askAgainMs), perSweep],
    );
    for (const { name, revision } of rows) await askToSync(name, revision);
    return rows.length;
  });
}

async function prune(): Promise<void> {
  await database.use(({ query }) =>
    query(
      `delete from frontdesk.schedule_runs where ctid = any(array(
         select ctid from frontdesk.schedule_runs where fired_at < $1 and outcome <> 'held' limit 1000))`,
      [new Date(now() - keptMs)],
    ),
  );
}
