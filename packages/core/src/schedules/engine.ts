/** What schedules ask of the jobs engine. */
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { parse } from "../fn/index.ts";
import * as jobs from "../jobs/index.ts";
import type { Row } from "./rows.ts";
import { syncSchedule } from "./sync-job.ts";

function typeOf(name: string): jobs.JobType {
  const type = jobs.find(name);
  if (type) return type;
  const message = "There is no such job type; GET /job-types lists those there are.";
  throw new VisibleError("validation", "unknown_job_type", message, { issues: [{ path: "type", message }] });
}

/** @throws VisibleError `validation` naming what the type's schema refuses. */
export function checkPayload(type: string, payload: unknown): void {
  const { schema } = typeOf(type);
  try {
    parse(schema, payload);
  } catch (error) {
    if (!(error instanceof VisibleError)) throw error;
    const issues = error.issues.map(({ path, message }) => ({
      path: path === "" ? "payload" : `payload.${path}`,
      message,
    }));
    throw new VisibleError("validation", "invalid_payload", `payload: ${error.message}`, { issues });
  }
}

/** The job of one due time, in the open transaction. */
export async function enqueueRun(row: Row, dueAt: Date): Promise<string> {
  const { id } = await jobs.enqueue(typeOf(row.jobType), row.payload, {
    schedule: { name: row.name, dueAt },
    priority: row.priority ?? undefined,
    fairness: `schedule:${row.name}`,
  });
  return id;
}

/** A job that tells Scheduler what is wanted, in the open transaction. Another one for the same revision is not made. */
export async function askToSync(name: string, revision: number): Promise<void> {
  await jobs.enqueue(syncSchedule, { name }, { dedupe: { key: `${name} ${revision}`, mode: "drop" } });
  await database.use(({ query }) =>
    query("update frontdesk.schedules set sync_asked_at = $2 where name = $1", [name, new Date(now())]),
  );
}

/** States of jobs by identifier; those that are no longer kept are absent. */
export async function statesOf(ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await database.use(({ query }) =>
    query<{ id: string; state: string }>("select id, state from frontdesk.jobs where id = any($1)", [ids]),
  );
  return new Map(rows.map(({ id, state }) => [id, state]));
}

/** Whether one of the last jobs of this schedule has not ended. */
export async function isBusy(name: string): Promise<boolean> {
  const rows = await database.use(({ query }) =>
    query<{ open: boolean }>(
      `select j.state <> all($2) as open
         from (select job_id from frontdesk.schedule_runs
                where name = $1 and job_id is not null order by due_at desc limit 20) r
         join frontdesk.jobs j on j.id = r.job_id`,
      [name, [...jobs.finalStates]],
    ),
  );
  return rows.some(({ open }) => open);
}
