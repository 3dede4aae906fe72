import { sql } from "drizzle-orm";
import { bigint, boolean, index, integer, jsonb, primaryKey, text } from "drizzle-orm/pg-core";
import { frontdesk, id, moment, trace } from "../database/frontdesk.sql.ts";

/** What people want of Scheduler, and what it was told: the row is the truth, and `syncSchedule` makes Scheduler agree. */
export const schedules = frontdesk.table(
  "schedules",
  {
    /** Scheduler's name for it, too. */
    name: text("name").primaryKey(),
    description: text("description").notNull(),
    jobType: text("job_type").notNull(),
    payload: jsonb("payload").$type<unknown>().notNull(),
    /** at, every or cron */
    kind: text("kind").notNull(),
    /** As its author wrote it. */
    expression: text("expression").notNull(),
    zone: text("zone").notNull(),
    /** Of rates: the first due time, from which the others follow. */
    anchor: moment("anchor"),
    startAt: moment("start_at"),
    endAt: moment("end_at"),
    /** skip, queue or allow */
    overlap: text("overlap").notNull(),
    /** none, latest or all */
    catchUp: text("catch_up").notNull(),
    catchUpLimit: integer("catch_up_limit").notNull(),
    /** Null: the job type's own. */
    priority: integer("priority"),
    paused: boolean("paused").notNull(),
    /** Made by the deployment: may be changed and paused, not removed. */
    builtIn: boolean("built_in").notNull(),
    /** A person changed more than `paused`: deployments leave the rest alone. */
    changedByPerson: boolean("changed_by_person").notNull(),
    /** Grows with each change and with time, so that a name used again does not wake messages of before. */
    revision: bigint("revision", { mode: "number" }).notNull(),
    /** What Scheduler was last told; null: nothing. */
    syncedRevision: bigint("synced_revision", { mode: "number" }),
    /** Why it could not be told, in words for people. */
    syncError: text("sync_error"),
    /** When a job was last asked to tell it. */
    syncAskedAt: moment("sync_asked_at"),
    /** Somebody is telling it until then. */
    syncLeasedUntil: moment("sync_leased_until"),
    /** From then on Scheduler is relied upon; due times before are the sweep's. */
    reliedFrom: moment("relied_from"),
    /** The first due time that the sweep has not looked at. */
    nextDueAt: moment("next_due_at"),
    lastDueAt: moment("last_due_at"),
    lastFiredAt: moment("last_fired_at"),
    /** fired, skipped or held */
    lastOutcome: text("last_outcome"),
    lastJobId: id("last_job_id"),
    /** Gone for people; the row goes once Scheduler has none of it. */
    deletedAt: moment("deleted_at"),
    createdAt: moment("created_at").notNull(),
    updatedAt: moment("updated_at").notNull(),
    /** A user's identifier, or the name of the part of the system. */
    updatedBy: text("updated_by").notNull(),
  },
  (table) => [index("schedules_due").on(table.nextDueAt), index("schedules_unsynced").on(table.syncAskedAt)],
);

/** One row a due time: whoever writes it enqueues the job, and nobody else does. */
export const scheduleRuns = frontdesk.table(
  "schedule_runs",
  {
    name: text("name").notNull(),
    dueAt: moment("due_at").notNull(),
    revision: bigint("revision", { mode: "number" }).notNull(),
    /** fired; skipped, for its predecessor was not done; held until that is */
    outcome: text("outcome").notNull(),
    /** scheduler, sync or sweep */
    source: text("source").notNull(),
    jobId: id("job_id"),
    trace: trace("trace"),
    firedAt: moment("fired_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.name, table.dueAt] }),
    index("schedule_runs_age").on(table.firedAt),
    index("schedule_runs_held").on(table.name).where(sql`outcome = 'held'`),
  ],
);
