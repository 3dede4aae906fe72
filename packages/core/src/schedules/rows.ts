import type { Handle } from "../database/index.ts";
import type { catchUps, overlaps, When } from "./definition.ts";

/** A schedule as it is stored. */
export interface Row extends When {
  name: string;
  description: string;
  jobType: string;
  payload: unknown;
  overlap: (typeof overlaps)[number];
  catchUp: (typeof catchUps)[number];
  catchUpLimit: number;
  priority: number | null;
  paused: boolean;
  builtIn: boolean;
  changedByPerson: boolean;
  revision: number;
  syncedRevision: number | null;
  syncError: string | null;
  reliedFrom: Date | null;
  nextDueAt: Date | null;
  lastDueAt: Date | null;
  lastFiredAt: Date | null;
  lastOutcome: string | null;
  lastJobId: string | null;
  deletedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
}

/** Columns by their names here. Eight-byte integers are times in milliseconds, which a number holds. */
const columns = {
  name: "name",
  description: "description",
  jobType: "job_type",
  payload: "payload",
  kind: "kind",
  expression: "expression",
  zone: "zone",
  anchor: "anchor",
  startAt: "start_at",
  endAt: "end_at",
  overlap: "overlap",
  catchUp: "catch_up",
  catchUpLimit: "catch_up_limit",
  priority: "priority",
  paused: "paused",
  builtIn: "built_in",
  changedByPerson: "changed_by_person",
  revision: "revision",
  syncedRevision: "synced_revision",
  syncError: "sync_error",
  reliedFrom: "relied_from",
  nextDueAt: "next_due_at",
  lastDueAt: "last_due_at",
  lastFiredAt: "last_fired_at",
  lastOutcome: "last_outcome",
  lastJobId: "last_job_id",
  deletedAt: "deleted_at",
  createdAt: "created_at",
  updatedAt: "updated_at",
  updatedBy: "updated_by",
} satisfies Record<keyof Row, string>;

export const selected = Object.entries(columns)
  .map(([key, column]) => `s.${column}${key.endsWith("evision") ? "::float8" : ""} as "${key}"`)
  .join(", ");

type Column = keyof typeof columns;

/** Writes columns of one schedule; makes it where there is none. */
export async function write(
  { query }: Pick<Handle, "query">,
  row: Pick<Row, "name"> & Partial<Row>,
  { insert = false } = {},
): Promise<void> {
  const keys = (Object.keys(row) as Column[]).filter((key) => key !== "name");
  const values = keys.map((key) => (key === "payload" ? JSON.stringify(row.payload) : row[key]));
  const names = keys.map((key) => columns[key]);
  const places = keys.map((key, index) => `$${index + 2}${key === "payload" ? "::jsonb" : ""}`);
  await query(
    insert
      ? `insert into frontdesk.schedules (name, ${names.join(", ")}) values ($1, ${places.join(", ")})`
      : `update frontdesk.schedules set ${names.map((name, index) => `${name} = ${places[index]}`).join(", ")} where name = $1`,
    [row.name, ...values],
  );
}

/** Rows of these names, locked in their order so that two who lock several cannot wait for each other. */
export async function lock(
  { query }: Pick<Handle, "query">,
  names: readonly string[],
): Promise<Map<string, Row>> {
  const rows = await query<Row>(
    `select ${selected} from frontdesk.schedules s where s.name = any($1) order by s.name for update`,
    [[...new Set(names)]],
  );
  return new Map(rows.map((row) => [row.name, row]));
}
