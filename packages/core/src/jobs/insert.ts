/** New rows of `jobs`, each with its turn. */
import { now } from "../clock/index.ts";
import type { Column, Handle } from "../database/index.ts";
import { nextTurn } from "./line.ts";
import type { Claim, State } from "./types.ts";

export interface NewJob {
  id: string;
  type: string;
  state: State;
  payload: unknown;
  payload_claim: Claim | null;
  priority: number;
  fairness: string;
  type_lane: string | null;
  key_lane: string | null;
  /** The line in which it is blocked, or empty. */
  line: string;
  run_at: Date;
  attempts_left: number;
  owner_id: string | null;
  actor: string;
  concurrency_key: string | null;
  schedule: string | null;
  schedule_due_at: Date | null;
  awaited_by: string | null;
  when_one_fails: string | null;
  trace: string;
}

const columns: readonly Column<NewJob>[] = [
  ["id", "text"],
  ["type", "text"],
  ["state", "text"],
  ["payload", "jsonb"],
  ["payload_claim", "jsonb"],
  ["priority", "int4"],
  ["fairness", "text"],
  ["type_lane", "text"],
  ["key_lane", "text"],
  ["line", "text"],
  ["run_at", "timestamptz"],
  ["attempts_left", "int4"],
  ["owner_id", "text"],
  ["actor", "text"],
  ["concurrency_key", "text"],
  ["schedule", "text"],
  ["schedule_due_at", "timestamptz"],
  ["awaited_by", "text"],
  ["when_one_fails", "text"],
  ["trace", "text"],
];

const names = columns.map(([name]) => name);
const targets = names.map((name) => (name === "line" ? "waits_in" : name)).join(", ");
const sent = (type: string) => (type === "jsonb" ? "text" : type);
const selected = columns
  .map(([name, type]) => (type === "jsonb" ? `g.${name}::jsonb` : `g.${name}`))
  .join(", ");
const inLine = "state in ('queued', 'blocked')";

const text = `
  with given as (
    select * from unnest(${columns.map(([, type], index) => `$${index + 1}::${sent(type)}[]`).join(", ")})
      with ordinality as u (${names.join(", ")}, place)),
  bases as (
    select d.*, ${nextTurn("d")} as turn
      from (select distinct line, fairness, priority from given where ${inLine}) d)
  insert into frontdesk.jobs (${targets}, turn, attempts, losses, deaths, created_at)
  select ${selected},
         coalesce(b.turn + row_number() over (partition by ${inLine}, g.line, g.fairness, g.priority order by g.place) - 1, 0),
         0, 0, 0, $${columns.length + 1}
    from given g left join bases b on ${inLine} and b.line = g.line and b.fairness = g.fairness and b.priority = g.priority
   order by g.place`;

export async function insert({ query }: Handle, rows: readonly NewJob[]): Promise<void> {
  if (rows.length === 0) return;
  const values = columns.map(([name, type]) =>
    rows.map((row) => {
      const value = row[name];
      return value === null || value === undefined ? null : type === "jsonb" ? JSON.stringify(value) : value;
    }),
  );
  await query(text, [...values, new Date(now())]);
}
