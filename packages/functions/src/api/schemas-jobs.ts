/** What answers about jobs look like. */
import { states } from "@frontdesk/core/jobs";
import * as z from "zod";

const moment = z.iso.datetime().meta({ example: "2026-11-24T03:11:27.538Z" });
const state = z.enum(states).meta({
  description:
    "scheduled: due later. blocked: a limit of its type is full. waiting: for other jobs. dead: failed for good.",
});
const id = z.string().meta({ example: "job_01M85RK07HS9T8XPHXKBPSSDSF" });
const failure = z.object({ code: z.string(), name: z.string(), message: z.string() });
/** Of a value that is too large to be shown here. */
const claim = z.object({ key: z.string(), size: z.int(), sha256: z.string() });

export const JobType = z
  .object({
    name: z.string(),
    description: z.string(),
    schema: z.record(z.string(), z.unknown()).meta({ description: "JSON Schema of the payload." }),
    attempts: z.int(),
    backoff: z.object({ firstMs: z.number(), factor: z.number(), maxMs: z.number() }),
    timeoutMs: z.int(),
    priority: z.int(),
    concurrency: z.object({ total: z.int().nullable(), perKey: z.int().nullable() }),
    startable: z.boolean().meta({ description: "Whether you may start one." }),
  })
  .meta({ id: "JobType" });

export const Enqueued = z
  .object({
    id,
    created: z.boolean().meta({ description: "False: this job was there already, by its dedupe key." }),
  })
  .meta({ id: "EnqueuedJob" });

export const JobState = z.object({ state }).meta({ id: "JobState" });

export const JobSummary = z
  .object({
    id,
    type: z.string(),
    state,
    priority: z.int(),
    runAt: moment.meta({ description: "Not before." }),
    attempts: z.int(),
    attemptsLeft: z.int(),
    progress: z.number().nullable().meta({ description: "From 0 to 1." }),
    progressNote: z.string().nullable(),
    error: failure.nullable(),
    ownerId: z.string().nullable().meta({ description: "Null: the system's." }),
    actor: z.string(),
    schedule: z.string().nullable(),
    scheduleDueAt: moment.nullable(),
    awaitedBy: z.string().nullable().meta({ description: "The job that waits for this one." }),
    cancelRequestedAt: moment.nullable(),
    startedAt: moment.nullable(),
    finishedAt: moment.nullable(),
    createdAt: moment,
    trace: z.string(),
  })
  .meta({ id: "JobSummary" });

export const Job = JobSummary.extend({
  payload: z.unknown(),
  payloadClaim: claim.nullable().meta({ description: "When the payload is too large to be shown." }),
  result: z.unknown(),
  resultClaim: claim.nullable(),
  concurrencyKey: z.string().nullable(),
  deaths: z.int().meta({ description: "How often it failed for good." }),
  history: z
    .array(
      z.object({
        attempt: z.int(),
        startedAt: moment.nullable(),
        endedAt: moment,
        outcome: z.enum(["failed", "timed_out", "interrupted", "lost", "cancelled"]),
        error: failure.nullable(),
      }),
    )
    .meta({ description: "Attempts that did not end well." }),
  logs: z.array(z.object({ at: moment, attempt: z.int(), line: z.string() })),
  awaits: z.array(z.object({ id: z.string(), type: z.string(), state })),
}).meta({ id: "Job" });
