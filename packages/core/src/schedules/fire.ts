import * as z from "zod";
import * as database from "../database/index.ts";
import { fn } from "../fn/index.ts";
import * as log from "../log/index.ts";
import { timingOf } from "./definition.ts";
import { tell } from "./events.ts";
import { lock, type Row } from "./rows.ts";
import { type Outcome, run } from "./run.ts";

/** What Scheduler says when a schedule is due. */
export const Due = z.object({ name: z.string(), revision: z.int(), dueAt: z.date() });
export type Due = z.infer<typeof Due>;

export interface Fired extends Due {
  outcome:
    | Outcome
    /** Gone, or removed. */
    | "unknown"
    /** Of a revision that was changed since. */
    | "outdated"
    | "paused"
    /** A later due time was run in its place, by the catch-up policy. */
    | "superseded";
}

/** Scheduler's precision: what it calls due lies within this of what the expression says. */
const precisionMs = 60_000;

/**
 * Makes one job of each due time of a schedule as it is now, however often and late Scheduler calls. A schedule that
 * runs once is gone with its job; Scheduler has removed its own when it called.
 * @returns What became of each, in the order given.
 */
export const fire = fn(z.array(Due), async (due): Promise<Fired[]> => {
  const fired = await database.transaction(
    async (handle) => {
      const rows = await lock(
        handle,
        due.map(({ name }) => name),
      );
      const outcomes = new Map<Due, Fired["outcome"]>();
      const inOrder = due.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
      for (const one of inOrder) outcomes.set(one, await fireOne(handle, rows, one));
      const results = due.map((one) => ({ ...one, outcome: outcomes.get(one) ?? "unknown" }));
      await tellOf(results);
      return results;
    },
    { repeatable: true },
  );
  for (const { name, revision, dueAt, outcome } of fired)
    log.info("a schedule is due", { schedule: name, revision, dueAt, outcome });
  return fired;
});

async function fireOne(
  handle: database.Handle,
  rows: Map<string, Row>,
  { name, revision, dueAt }: Due,
): Promise<Fired["outcome"]> {
  const row = rows.get(name);
  if (!row || row.deletedAt) return "unknown";
  if (revision < row.revision) return "outdated";
  if (row.paused) return "paused";
  const due = dueTimeOf(row, dueAt);
  const swept = row.nextDueAt === null || due < row.nextDueAt;
  if (swept && row.catchUp !== "none" && row.kind !== "at" && !(await hasRun(handle, name, due)))
    return "superseded";
  const outcome = await run(handle, row, due, "scheduler");
  if (row.kind === "at") {
    await handle.query("delete from frontdesk.schedules where name = $1", [name]);
    rows.delete(name);
  }
  return outcome;
}

/** The due time by our own reckoning, so that the sweep knows it for the same. */
function dueTimeOf(row: Row, said: Date): Date {
  const nearest = timingOf(row).previous(said.getTime() + precisionMs / 2);
  if (nearest !== undefined && said.getTime() - nearest < precisionMs) return new Date(nearest);
  log.warn("Scheduler called at a time that is not expected", { schedule: row.name, dueAt: said });
  return said;
}

async function hasRun({ query }: database.Handle, name: string, dueAt: Date): Promise<boolean> {
  const rows = await query("select 1 from frontdesk.schedule_runs where name = $1 and due_at = $2", [
    name,
    dueAt,
  ]);
  return rows.length > 0;
}

async function tellOf(results: readonly Fired[]): Promise<void> {
  const of = (outcome: Outcome) =>
    results
      .filter((result) => result.outcome === outcome)
      .map(({ name, dueAt }) => ({ name, dueAt: dueAt.toISOString() }));
  await tell("schedule.fired", of("fired"));
  await tell("schedule.skipped", of("skipped"));
}
