import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { describe } from "../error/index.ts";
import { JobError } from "../jobs/errors.ts";
import { tell } from "./events.ts";
import { type Row, selected } from "./rows.ts";
import { deleteSchedule, inputOf, isFinal, putSchedule } from "./scheduler.ts";
import { sweepOne } from "./sweep.ts";

/** Longer than all calls of one round with their retries take. */
const leaseMs = 60_000;
/** A schedule may come too late for what is due while it is being made. */
const settlingMs = 60_000;

/**
 * Makes Scheduler agree with the row as it is now, however often and in whichever order it is asked. One at a time holds
 * the row's lease, and goes on until nobody has changed the row meanwhile: so what Scheduler was told last is the latest.
 * @returns In a sentence, what it was told.
 * @throws JobError when Scheduler does not take it; the reason stands in the row, too.
 */
export async function sync(name: string): Promise<string> {
  for (let round = 0; round < 5; round++) {
    const row = await lease(name);
    if (row === "none") return "There is no such schedule any more.";
    if (row === "in-force") return "Scheduler knows it already.";
    // If whoever has it dies, its own job may find the lease as well: somebody must come again.
    if (row === "leased")
      throw new JobError("schedule_is_being_told", "Another job is telling Scheduler.", {
        retryAfterMs: 20_000,
      });
    let told: string;
    try {
      told = await apply(row);
    } catch (error) {
      await note(row, error);
      throw failureOf(error);
    }
    if (await settle(row)) return told;
  }
  throw new JobError("schedule_keeps_changing", "The schedule keeps changing.");
}

/** Takes the row for this job alone. The lease is over by itself when its holder dies. */
async function lease(name: string): Promise<Row | "none" | "in-force" | "leased"> {
  const at = new Date(now());
  return database.transaction(async ({ query }) => {
    const [row] = await query<Row & { leasedUntil: Date | null }>(
      `select ${selected}, s.sync_leased_until as "leasedUntil" from frontdesk.schedules s where s.name = $1 for update`,
      [name],
    );
    if (!row) return "none";
    if (row.syncedRevision === row.revision && !row.deletedAt) return "in-force";
    if (row.leasedUntil && row.leasedUntil > at) return "leased";
    await query("update frontdesk.schedules set sync_leased_until = $2 where name = $1", [
      name,
      new Date(at.getTime() + leaseMs),
    ]);
    return row;
  });
}

async function apply(row: Row): Promise<string> {
  const input = row.deletedAt ? undefined : inputOf(row, now());
  if (!input) {
    await deleteSchedule(row.name);
    return row.deletedAt
      ? "Scheduler has none of it any more."
      : "It is never due again: Scheduler has none of it.";
  }
  const done = await putSchedule(input, row.syncedRevision !== null);
  return `Scheduler has ${done} ${input.ScheduleExpression} in ${input.ScheduleExpressionTimezone}${row.paused ? ", paused" : ""}.`;
}

/** Notes what is in force. @returns False when the row was changed meanwhile. */
async function settle({ name, revision }: Row): Promise<boolean> {
  const at = now();
  return database.transaction(async (handle) => {
    const { query } = handle;
    const removed = await query(
      "delete from frontdesk.schedules where name = $1 and revision = $2 and deleted_at is not null returning 1",
      [name, revision],
    );
    if (removed.length > 0) return true;
    const [row] = await query<Row>(
      `update frontdesk.schedules s
          set synced_revision = $2, sync_leased_until = null, sync_error = null,
              relied_from = case when s.revision = $2 then $3::timestamptz end
        where s.name = $1 returning ${selected}`,
      [name, revision, new Date(at + settlingMs)],
    );
    // A one-off that fired in this very moment.
    if (!row) return true;
    if (row.revision !== revision) return false;
    // What became due while Scheduler did not know.
    await sweepOne(handle, row, "sync");
    await tell("schedule.synced", [{ name, revision }]);
    return true;
  });
}

async function note({ name, revision }: Row, error: unknown): Promise<void> {
  const { name: code, message } = describe(error);
  await database.transaction(async ({ query }) => {
    await query(
      `update frontdesk.schedules
          set sync_leased_until = null, sync_error = case when revision = $2 then $3 else sync_error end
        where name = $1`,
      [name, revision, `${code}: ${message}`.slice(0, 500)],
    );
    await tell("schedule.changed", [{ name, revision, error: code }]);
  });
}

function failureOf(error: unknown): JobError {
  const { name, message } = describe(error);
  return new JobError("scheduler_refused", `${name}: ${message}`, { retry: !isFinal(error), cause: error });
}
