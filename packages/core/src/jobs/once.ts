import { now } from "../clock/index.ts";
import { type Handle, transaction } from "../database/index.ts";
import type { Claimed } from "./claim.ts";
import { Stopped } from "./errors.ts";

/**
 * An effect that happens once for a job and a key. The key's row is written first, in the effect's own transaction: a
 * second run at the same time waits for it there, and finds what the first one returned. A run whose job went to
 * somebody else does nothing any more.
 */
export async function once<T>(
  worker: string,
  job: Claimed,
  key: string,
  effect: (handle: Handle, outwardKey: string) => Promise<T>,
): Promise<T> {
  return transaction(
    async (handle) => {
      const [fresh] = await handle.query<{ mine: boolean }>(
        `with made as (
           insert into frontdesk.job_effects (job_id, key, created_at) values ($1, $2, $3)
           on conflict (job_id, key) do nothing returning key)
         select j.leased_by = $4 and j.state = 'running' as mine from frontdesk.jobs j, made where j.id = $1`,
        [job.id, key, new Date(now()), worker],
      );
      if (!fresh) return remembered<T>(handle, job.id, key);
      if (!fresh.mine) throw new Stopped("lost", "the job is somebody else's by now");
      const result = await effect(handle, `${job.id}/${key}`);
      if (result !== undefined)
        await handle.query("update frontdesk.job_effects set result = $3 where job_id = $1 and key = $2", [
          job.id,
          key,
          JSON.stringify(result),
        ]);
      return result;
    },
    { repeatable: true },
  );
}

async function remembered<T>({ query }: Handle, jobId: string, key: string): Promise<T> {
  const [row] = await query<{ result: T | null }>(
    "select result from frontdesk.job_effects where job_id = $1 and key = $2",
    [jobId, key],
  );
  return (row?.result ?? undefined) as T;
}
