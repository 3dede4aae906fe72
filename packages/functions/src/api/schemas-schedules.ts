import * as z from "zod";

const moment = z.iso.datetime().meta({ example: "2026-11-24T03:11:00.000Z" });

export const Schedule = z
  .object({
    name: z.string(),
    description: z.string(),
    type: z.string(),
    payload: z.unknown(),
    at: moment.nullable(),
    every: z.string().nullable().meta({ example: "5 minutes" }),
    cron: z.string().nullable().meta({ example: "0 9 ? * MON-FRI *" }),
    zone: z.string().meta({ example: "America/Toronto" }),
    start: moment.nullable(),
    end: moment.nullable(),
    overlap: z.enum(["skip", "queue", "allow"]),
    catchUp: z.enum(["none", "latest", "all"]),
    catchUpLimit: z.int(),
    priority: z.int().nullable().meta({ description: "Null: the job type's own." }),
    paused: z.boolean(),
    builtIn: z.boolean(),
    revision: z.int(),
    sync: z
      .object({ state: z.enum(["in-force", "pending", "failed"]), error: z.string().nullable() })
      .meta({ description: "Whether EventBridge Scheduler was told this revision, and what hinders it." }),
    nextRuns: z.array(moment),
    lastRun: z
      .object({
        dueAt: moment,
        firedAt: moment,
        outcome: z.string(),
        jobId: z.string().nullable(),
        jobState: z.string().nullable(),
      })
      .nullable(),
    createdAt: moment,
    updatedAt: moment,
    updatedBy: z.string(),
  })
  .meta({ id: "Schedule" });
