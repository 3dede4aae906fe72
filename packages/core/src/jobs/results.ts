import { use } from "../database/index.ts";
import { readBack } from "./payload.ts";
import type { Claim, JobResult } from "./types.ts";

/** What the jobs that a job waited for came to. */
export async function results(jobId: string): Promise<JobResult[]> {
  const rows = await use(({ query }) =>
    query<JobResult & { claim: Claim | null }>(
      `select id, type, state, result, result_claim as claim from frontdesk.jobs where awaited_by = $1 order by id`,
      [jobId],
    ),
  );
  const read: JobResult[] = [];
  for (const { claim, ...row } of rows) read.push({ ...row, result: await readBack(row.result, claim) });
  return read;
}
