/** What the tests of jobs share. */
import { provide } from "../../src/actor/index.ts";
import { type Worked, type WorkOptions, work } from "../../src/jobs/index.ts";
import type { World } from "./world.ts";

export const asSystem = <T>(callback: () => Promise<T>, name = "test"): Promise<T> =>
  provide({ actor: { kind: "system", name } }, callback);

/** Works until nothing is due. */
export const workAll = (options: Partial<WorkOptions> = {}): Promise<Worked> =>
  work({ remainingMs: () => 120_000, ...options });

export interface JobRow {
  id: string;
  type: string;
  state: string;
  attempts: number;
  attempts_left: number;
  result: unknown;
  payload: unknown;
  error: { code: string; message: string } | null;
  run_at: Date;
  turn: number;
}

export async function row(world: World, jobId: string): Promise<JobRow> {
  const [found] = await world.rows<JobRow>("select * from frontdesk.jobs where id = $1", [jobId]);
  if (!found) throw new Error(`there is no job ${jobId}`);
  return found;
}

export async function eventsOf(world: World, jobId: string): Promise<string[]> {
  const rows = await world.rows<{ type: string }>(
    "select type from frontdesk.events where topic = 'job:' || $1 order by seq",
    [jobId],
  );
  return rows.map(({ type }) => type);
}
