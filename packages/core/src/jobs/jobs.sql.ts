import { sql } from "drizzle-orm";
import { bigint, index, integer, jsonb, primaryKey, real, text, timestamp } from "drizzle-orm/pg-core";
import { frontdesk, id, moment, trace } from "../database/frontdesk.sql.ts";
import type { Claim, ErrorOfJob } from "./types.ts";

/**
 * Every job, waiting, running and ended. The indexes that workers go by are partial: what has ended costs them nothing,
 * and of those that are open each job stands in the fewest.
 */
export const jobs = frontdesk.table(
  "jobs",
  {
    id: id("id").primaryKey(),
    type: text("type").notNull(),
    /** scheduled, queued, blocked, waiting, running, done, cancelled, dead */
    state: text("state").notNull(),
    payload: jsonb("payload"),
    /** Where the payload is when it is too large for a row. */
    payloadClaim: jsonb("payload_claim").$type<Claim>(),
    result: jsonb("result"),
    resultClaim: jsonb("result_claim").$type<Claim>(),
    /** Higher ones first. */
    priority: integer("priority").notNull(),
    /** Whose turn it is among jobs of one priority: start-time fair queueing (decisions/0052). */
    turn: bigint("turn", { mode: "number" }).notNull(),
    /** Groups take turns. */
    fairness: text("fairness").notNull(),
    /** Set when the type limits how many of it run at a time. */
    typeLane: text("type_lane"),
    /** Set when the type limits how many run with one concurrency key. */
    keyLane: text("key_lane"),
    /** The lane whose room a blocked job waits for; empty for all others. */
    waitsIn: text("waits_in").notNull(),
    /** Not before. */
    runAt: moment("run_at").notNull(),
    /** Times it was claimed; an interrupted run is not counted. */
    attempts: integer("attempts").notNull(),
    attemptsLeft: integer("attempts_left").notNull(),
    /** Runs in a row whose worker vanished, or that lost the database: from the first on it runs alone. */
    losses: integer("losses").notNull(),
    /** Times it failed for good. */
    deaths: integer("deaths").notNull(),
    leasedBy: text("leased_by"),
    leasedUntil: moment("leased_until"),
    startedAt: moment("started_at"),
    finishedAt: moment("finished_at"),
    cancelRequestedAt: moment("cancel_requested_at"),
    /** From 0 to 1. */
    progress: real("progress"),
    progressNote: text("progress_note"),
    error: jsonb("error").$type<ErrorOfJob>(),
    /** The user whose job it is; null: the system's. */
    ownerId: id("owner_id"),
    /** Who enqueued it: a user's identifier, or the name of a part of the system. */
    actor: text("actor").notNull(),
    concurrencyKey: text("concurrency_key"),
    schedule: text("schedule"),
    scheduleDueAt: moment("schedule_due_at"),
    /** The job that waits for this one. */
    awaitedBy: id("awaited_by"),
    /** What becomes of a waiting job when one that it waits for fails: fail or run. */
    whenOneFails: text("when_one_fails"),
    trace: trace("trace").notNull(),
    createdAt: timestamp("created_at", { withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [
    index("jobs_line")
      .on(table.waitsIn, table.priority.desc().nullsFirst(), table.turn, table.id)
      .where(sql`state in ('queued', 'blocked')`),
    index("jobs_line_fairness")
      .on(table.waitsIn, table.fairness, table.priority, table.turn)
      .where(sql`state in ('queued', 'blocked')`),
    index("jobs_type_slots")
      .on(table.typeLane)
      .where(sql`type_lane is not null and state in ('queued', 'running')`),
    index("jobs_key_slots")
      .on(table.keyLane)
      .where(
        sql`key_lane is not null and state in ('queued', 'running', 'blocked') and waits_in <> key_lane`,
      ),
    index("jobs_due").on(table.runAt).where(sql`state = 'scheduled'`),
    index("jobs_leases").on(table.leasedUntil).where(sql`state = 'running'`),
    index("jobs_awaited").on(table.awaitedBy).where(sql`awaited_by is not null`),
    index("jobs_open").on(table.state, table.id).where(sql`state <> 'done'`),
    index("jobs_owner").on(table.ownerId, table.id).where(sql`owner_id is not null`),
    index("jobs_schedule").on(table.schedule, table.id).where(sql`schedule is not null`),
    // Whether a claim is still needed (references.ts).
    index("jobs_payload_claim").on(sql`(payload_claim ->> 'key')`).where(sql`payload_claim is not null`),
    index("jobs_result_claim").on(sql`(result_claim ->> 'key')`).where(sql`result_claim is not null`),
    index("jobs_type").on(table.type, table.id).where(sql`state in ('done', 'cancelled', 'dead')`),
  ],
);

/** Attempts that ended otherwise than well; a good one is the job's own row. */
export const jobAttempts = frontdesk.table(
  "job_attempts",
  {
    jobId: id("job_id")
      .notNull()
      .references(() => jobs.id, { onDelete: "cascade" }),
    endedAt: moment("ended_at").notNull(),
    attempt: integer("attempt").notNull(),
    startedAt: moment("started_at"),
    /** failed, timed_out, interrupted, lost, cancelled */
    outcome: text("outcome").notNull(),
    error: jsonb("error").$type<ErrorOfJob>(),
    worker: text("worker").notNull(),
  },
  // An interrupted attempt keeps its number for the next.
  (table) => [primaryKey({ columns: [table.jobId, table.attempt, table.worker] })],
);

export const jobLogs = frontdesk.table(
  "job_logs",
  {
    jobId: id("job_id")
      .notNull()
      .references(() => jobs.id, { onDelete: "cascade" }),
    id: id("id").notNull(),
    attempt: integer("attempt").notNull(),
    at: moment("at").notNull(),
    line: text("line").notNull(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.id] })],
);

/** Effects that have happened: `job.once`. */
export const jobEffects = frontdesk.table(
  "job_effects",
  {
    jobId: id("job_id")
      .notNull()
      .references(() => jobs.id, { onDelete: "cascade" }),
    key: text("key").notNull(),
    result: jsonb("result"),
    createdAt: moment("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.key] })],
);

/** The last job of each deduplication key. Its row's lock is what makes two enqueuers take turns. */
export const jobKeys = frontdesk.table(
  "job_keys",
  {
    type: text("type").notNull(),
    key: text("key").notNull(),
    jobId: id("job_id").references(() => jobs.id, { onDelete: "cascade" }),
    /** Throttle: nothing new before. */
    until: moment("until"),
  },
  (table) => [primaryKey({ columns: [table.type, table.key] }), index("job_keys_job").on(table.jobId)],
);
