/** Jobs of every kind, with effects that tell on whoever makes them twice. */
import * as z from "zod";
import { config } from "../../src/config/index.ts";
import { define, JobError } from "../../src/jobs/index.ts";
import type { Job } from "../../src/jobs/types.ts";
import * as outbox from "../../src/outbox/index.ts";

const schema = z.object({ n: z.int(), failsFirst: z.boolean().default(false) });
const description = "Leaves one row and one message.";

async function handler({ n, failsFirst }: z.output<typeof schema>, job: Job): Promise<number> {
  job.log(`job ${n}`);
  job.progress(0.5);
  await job.once("effect", async (handle, key) => {
    await handle.query("insert into frontdesk.kill_effects (job_id) values ($1)", [job.id]);
    const { url } = config("EmailQueue");
    await outbox.enqueue([{ kind: "sqs", key, payload: { region: "ca-central-1", url, body: job.id } }]);
  });
  if (failsFirst && job.attempt === 1) throw new JobError("first", "It fails first.", { retryAfterMs: 1 });
  return n;
}

export const plain = define({ name: "killPlain", description, schema, options: { attempts: 8 }, handler });
export const limited = define({
  name: "killLimited",
  description,
  schema,
  options: { attempts: 8, concurrency: { total: 2, perKey: 1 }, concurrencyKey: ({ n }) => `k${n % 2}` },
  handler,
});
export const killTypes = [plain, limited];
