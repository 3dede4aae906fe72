import * as z from "zod";
import { int, text, textOrNull } from "./schema-parts.ts";

const moment = z.iso.datetime().meta({ example: "2026-11-24T03:11:00.000Z" });

export const Schedule = z
  .object({
    name: text,
    description: text,
    type: text,
    payload: z.unknown(),
    at: moment.nullable(),
    every: textOrNull.meta({ example: "5 minutes" }),
    cron: textOrNull.meta({ example: "0 9 ? * MON-FRI *" }),
    zone: text.meta({ example: "America/Toronto" }),
    start: moment.nullable(),
    end: moment.nullable(),
    overlap: z.enum(["skip", "queue", "allow"]),
    catchUp: z.enum(["none", "latest", "all"]),
    catchUpLimit: int,
    priority: int.nullable().meta({ description: "Null: the job type's own." }),
    paused: z.boolean(),
    builtIn: z.boolean(),
    revision: int,
    sync: z
      .object({ state: z.enum(["in-force", "pending", "failed"]), error: textOrNull })
      .meta({ description: "Whether EventBridge Scheduler was told this revision, and what hinders it." }),
    nextRuns: z.array(moment),
    lastRun: z
      .object({
        dueAt: moment,
        firedAt: moment,
        outcome: text,
        jobId: textOrNull,
        jobState: textOrNull,
      })
      .nullable(),
    createdAt: moment,
    updatedAt: moment,
    updatedBy: text,
  })
  .meta({ id: "Schedule" });
