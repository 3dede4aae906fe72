/** Jobs as somebody sees them. */
import * as z from "zod";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { Reference } from "../id/index.ts";
import { jobNotFound, visibleOwner } from "./access.ts";
import { type Claim, type ErrorOfJob, type State, states } from "./types.ts";

export interface JobSummary {
  id: string;
  type: string;
  state: State;
  priority: number;
  /** Not before. */
  runAt: Date;
  attempts: number;
  attemptsLeft: number;
  progress: number | null;
  progressNote: string | null;
  error: ErrorOfJob | null;
  ownerId: string | null;
  actor: string;
  schedule: string | null;
  scheduleDueAt: Date | null;
  awaitedBy: string | null;
  cancelRequestedAt: Date | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  createdAt: Date;
  trace: string;
}

export interface JobDetails extends JobSummary {
  payload: unknown;
  /** Where the payload is instead, when it is large. */
  payloadClaim: Claim | null;
  result: unknown;
  resultClaim: Claim | null;
  concurrencyKey: string | null;
  deaths: number;
  /** Attempts that failed, the oldest first. */
  history: {
    attempt: number;
    startedAt: Date | null;
    endedAt: Date;
    outcome: "failed" | "timed_out" | "interrupted" | "lost" | "cancelled";
    error: ErrorOfJob | null;
  }[];
  logs: { at: Date; attempt: number; line: string }[];
  /** Jobs that it waits for, or waited for. */
  awaits: { id: string; type: string; state: State }[];
}

const summary = `
  j.id, j.type, j.state, j.priority, j.run_at as "runAt", j.attempts, j.attempts_left as "attemptsLeft", j.progress,
  j.progress_note as "progressNote", j.error, j.owner_id as "ownerId", j.actor, j.schedule,
  j.schedule_due_at as "scheduleDueAt", j.awaited_by as "awaitedBy", j.cancel_requested_at as "cancelRequestedAt",
  j.started_at as "startedAt", j.finished_at as "finishedAt", j.created_at as "createdAt", j.trace`;

export const ListJobs = z.object({
  state: z.enum(states).optional(),
  type: z.string().min(1).max(50).regex(/^\w+$/, "must be the name of a job type").optional(),
  /** Those that a schedule asked for. */
  schedule: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => !text.includes("\0"), "must not contain NUL")
    .optional(),
  /** From the page before. */
  cursor: z.string().max(500).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

/** A page of jobs, the newest first: of everybody for administrators, else of whoever acts. */
export const list = fn(
  ListJobs,
  async ({ cursor, limit, ...filter }): Promise<{ jobs: JobSummary[]; cursor: string | null }> => {
    const owner = visibleOwner();
    const scope = JSON.stringify([filter.state, filter.type, filter.schedule]);
    const before = cursor === undefined ? undefined : decode(cursor, scope);
    const conditions: string[] = [];
    const values: unknown[] = [limit + 1];
    const where = (column: string, comparison: string, value: unknown) => {
      if (value === undefined || value === null) return;
      values.push(value);
      conditions.push(`j.${column} ${comparison} $${values.length}`);
    };
    where("id", "<", before);
    where("owner_id", "=", owner);
    where("schedule", "=", filter.schedule);
    where("type", "=", filter.type);
    // Of those that are over the indexes are others than of those that are open: each part is asked for by itself.
    const parts = filter.state
      ? [`= '${filter.state}'`]
      : ["not in", "in"].map((word) => `${word} ('done', 'cancelled', 'dead')`);
    const page = parts
      .map((part) => {
        const all = [...conditions, `j.state ${part}`].join(" and ");
        return `(select ${summary} from frontdesk.jobs j where ${all} order by j.id desc limit $1)`;
      })
      .join(" union all ");
    const rows = await database.use(({ query }) =>
      query<JobSummary>(`select * from (${page}) p order by p.id desc limit $1`, values),
    );
    const jobs = rows.slice(0, limit);
    const last = jobs.at(-1);
    return { jobs, cursor: rows.length > limit && last ? encode(last.id, scope) : null };
  },
);

const shape = z.tuple([Reference, z.string().max(400)]);
const encode = (id: string, scope: string) => Buffer.from(JSON.stringify([id, scope])).toString("base64url");

function decode(text: string, scope: string): string {
  try {
    const [id, of] = shape.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    if (of === scope) return id;
  } catch {
    // Told below, the same way.
  }
  throw new VisibleError(
    "validation",
    "invalid_cursor",
    "The cursor is not of this list: take it from the page before, with the same filters.",
  );
}

/** @throws VisibleError `not_found` also for somebody else's. */
export const get = fn(
  z.object({ jobId: Reference }),
  async ({ jobId }): Promise<JobDetails> =>
    database.use(async ({ query }) => {
      const [job] = await query<Omit<JobDetails, "history" | "logs" | "awaits">>(
        `select ${summary}, j.payload, j.payload_claim as "payloadClaim", j.result, j.result_claim as "resultClaim",
              j.concurrency_key as "concurrencyKey", j.deaths
         from frontdesk.jobs j where j.id = $1 and ($2::text is null or j.owner_id = $2)`,
        [jobId, visibleOwner()],
      );
      if (!job) throw jobNotFound();
      const history = await query<JobDetails["history"][number]>(
        `select attempt, started_at as "startedAt", ended_at as "endedAt", outcome, error
         from frontdesk.job_attempts where job_id = $1 order by ended_at, attempt limit 200`,
        [jobId],
      );
      const logs = await query<JobDetails["logs"][number]>(
        "select at, attempt, line from frontdesk.job_logs where job_id = $1 order by id limit 1000",
        [jobId],
      );
      const awaits = await query<JobDetails["awaits"][number]>(
        "select id, type, state from frontdesk.jobs where awaited_by = $1 order by id limit 100",
        [jobId],
      );
      return { ...job, history, logs, awaits };
    }),
);
