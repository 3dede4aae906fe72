import * as z from "zod";
import { now } from "../clock/index.ts";
import * as database from "../database/index.ts";
import { VisibleError } from "../error/index.ts";
import { fn } from "../fn/index.ts";
import { requireAdmin } from "../identity/index.ts";
import { Name, timingOf } from "./definition.ts";
import { statesOf } from "./engine.ts";
import { type Row, selected } from "./rows.ts";
import { following } from "./timing/index.ts";

/** A schedule as people see it. */
export interface Schedule {
  name: string;
  description: string;
  type: string;
  payload: unknown;
  /** One of the three is there, as its author wrote it. */
  at: Date | null;
  every: string | null;
  cron: string | null;
  zone: string;
  start: Date | null;
  end: Date | null;
  overlap: Row["overlap"];
  catchUp: Row["catchUp"];
  catchUpLimit: number;
  /** Null: the job type's own. */
  priority: number | null;
  paused: boolean;
  builtIn: boolean;
  revision: number;
  /** Whether Scheduler was told this revision, and what hinders it. */
  sync: { state: "in-force" | "pending" | "failed"; error: string | null };
  /** At which it will fire; none while it is paused. */
  nextRuns: Date[];
  lastRun: {
    dueAt: Date;
    firedAt: Date;
    outcome: string;
    jobId: string | null;
    /** Null when the job is no longer kept. */
    jobState: string | null;
  } | null;
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
}

const shownRuns = 5;

export const get = fn(z.object({ name: Name }), async ({ name }): Promise<Schedule> => {
  requireAdmin();
  const [row] = await database.use(({ query }) =>
    query<Row>(`select ${selected} from frontdesk.schedules s where s.name = $1 and s.deleted_at is null`, [
      name,
    ]),
  );
  if (!row) throw new VisibleError("not_found", "schedule_not_found", "There is no such schedule.");
  return present(row);
});

export const List = z.object({
  cursor: z.string().min(1).max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(25),
});

/** By name. */
export const list = fn(
  List,
  async ({ cursor, limit }): Promise<{ schedules: Schedule[]; cursor: string | null }> => {
    requireAdmin();
    const after = cursor === undefined ? "" : decode(cursor);
    const rows = await database.use(({ query }) =>
      query<Row>(
        `select ${selected} from frontdesk.schedules s
        where s.name > $1 collate "C" and s.deleted_at is null order by s.name collate "C" limit $2`,
        [after, limit + 1],
      ),
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      schedules: await presentAll(page),
      cursor: rows.length > limit && last ? encode(last.name) : null,
    };
  },
);

export async function present(row: Row): Promise<Schedule> {
  const [schedule] = await presentAll([row]);
  if (!schedule) throw new Error("a row is a schedule");
  return schedule;
}

async function presentAll(rows: readonly Row[]): Promise<Schedule[]> {
  const states = await statesOf(rows.flatMap(({ lastJobId }) => lastJobId ?? []));
  return rows.map((row) => ({
    name: row.name,
    description: row.description,
    type: row.jobType,
    payload: row.payload,
    at: row.kind === "at" ? new Date(row.expression) : null,
    every: row.kind === "every" ? row.expression : null,
    cron: row.kind === "cron" ? row.expression : null,
    zone: row.zone,
    start: row.startAt,
    end: row.endAt,
    overlap: row.overlap,
    catchUp: row.catchUp,
    catchUpLimit: row.catchUpLimit,
    priority: row.priority,
    paused: row.paused,
    builtIn: row.builtIn,
    revision: row.revision,
    sync: {
      state: row.syncedRevision === row.revision ? "in-force" : row.syncError === null ? "pending" : "failed",
      error: row.syncError,
    },
    nextRuns: row.paused ? [] : following(timingOf(row), now(), shownRuns).map((at) => new Date(at)),
    lastRun:
      row.lastDueAt && row.lastFiredAt
        ? {
            dueAt: row.lastDueAt,
            firedAt: row.lastFiredAt,
            outcome: row.lastOutcome ?? "fired",
            jobId: row.lastJobId,
            jobState: (row.lastJobId && states.get(row.lastJobId)) ?? null,
          }
        : null,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    updatedBy: row.updatedBy,
  }));
}

const encode = (name: string) => Buffer.from(JSON.stringify([name])).toString("base64url");
const Cursor = z.tuple([Name]);

function decode(cursor: string): string {
  try {
    return Cursor.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")))[0];
  } catch {
    throw new VisibleError(
      "validation",
      "invalid_cursor",
      "The cursor is not of this list: take it from the page before.",
    );
  }
}
