import { has } from "../config/index.ts";
import * as database from "../database/index.ts";
import { promote, takeBack } from "./due.ts";
import { admitAll } from "./lanes.ts";
import { sendWake } from "./visibility.ts";

/**
 * Each minute: what is due gets in line, what its worker left comes back, and whatever is in line gets a worker.
 * @returns How many workers were woken, too.
 */
export async function sweep(): Promise<{
  promoted: number;
  takenBack: number;
  admitted: number;
  woken: number;
}> {
  const takenBack = await takeBack();
  const promoted = await promote();
  const admitted = await admitAll();
  const [row] = await database.use(({ query }) =>
    query<{ waits: boolean }>(
      `select exists (
         select from frontdesk.jobs where state in ('queued', 'blocked') and waits_in = '') as waits`,
    ),
  );
  // One worker wakes the next when it finds enough to do.
  const woken = row?.waits && has("JobsQueue") ? 1 : 0;
  if (woken > 0) await sendWake();
  return { promoted, takenBack, admitted, woken };
}
