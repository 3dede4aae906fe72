/** What answers about jobs look like. */
import { states } from "@frontdesk/core/jobs";
import * as z from "zod";
import { id, int, moment, momentOrNull, text, textOrNull } from "./schema-parts.ts";

const state = z.enum(states).meta({
  description:
    "scheduled: due later. blocked: a limit of its type is full. waiting: for other jobs. dead: failed for good.",
});
const failure = z.object({ code: text, name: text, message: text });
/** Of a value that is too large to be shown here. */
const claim = z.object({ key: text, size: int, sha256: text });

export const JobType = z
  .object({
    name: text,
    description: text,
    schema: z.record(text, z.unknown()).meta({ description: "JSON Schema of the payload." }),
    attempts: int,
    backoff: z.object({ firstMs: z.number(), factor: z.number(), maxMs: z.number() }),
    timeoutMs: int,
    priority: int,
    concurrency: z.object({ total: int.nullable(), perKey: int.nullable() }),
    startable: z.boolean().meta({ description: "Whether you may start one." }),
  })
  .meta({ id: "JobType" });

export const Enqueued = z
  .object({
    id: id("job"),
    created: z.boolean().meta({ description: "False: this job was there already, by its dedupe key." }),
  })
  .meta({ id: "EnqueuedJob" });

export const JobState = z.object({ state }).meta({ id: "JobState" });

export const JobSummary = z
  .object({
    id: id("job"),
    type: text,
    state,
    priority: int,
    runAt: moment.meta({ description: "Not before." }),
    attempts: int,
    attemptsLeft: int,
    progress: z.number().nullable().meta({ description: "From 0 to 1." }),
    progressNote: textOrNull,
    error: failure.nullable(),
    ownerId: textOrNull.meta({ description: "Null: the system's." }),
    actor: text,
    schedule: textOrNull,
    scheduleDueAt: momentOrNull,
    awaitedBy: textOrNull.meta({ description: "The job that waits for this one." }),
    cancelRequestedAt: momentOrNull,
    startedAt: momentOrNull,
    finishedAt: momentOrNull,
    createdAt: moment,
    trace: text,
  })
  .meta({ id: "JobSummary" });

export const Job = JobSummary.extend({
  payload: z.unknown(),
  payloadClaim: claim.nullable().meta({ description: "When the payload is too large to be shown." }),
  result: z.unknown(),
  resultClaim: claim.nullable(),
  concurrencyKey: textOrNull,
  deaths: int.meta({ description: "How often it failed for good." }),
  history: z
    .array(
      z.object({
        attempt: int,
        startedAt: momentOrNull,
        endedAt: moment,
        outcome: z.enum(["failed", "timed_out", "interrupted", "lost", "cancelled"]),
        error: failure.nullable(),
      }),
    )
    .meta({ description: "Attempts that did not end well." }),
  logs: z.array(z.object({ at: moment, attempt: int, line: text })),
  awaits: z.array(z.object({ id: text, type: text, state })),
}).meta({ id: "Job" });
