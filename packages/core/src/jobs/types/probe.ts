import * as z from "zod";
import { sleep } from "../../clock/index.ts";
import { define } from "../define.ts";

const stepMs = 250;

/**
 * For whoever operates a stage: shows the whole way of a job, its retries, and what its dead letter does to lists and
 * alarms, without touching anything.
 */
export const probe = define({
  name: "probe",
  description: "Does nothing but take the whole way: lasts as long and fails as often as asked.",
  schema: z.strictObject({
    /** Attempts that fail before one succeeds. */
    failures: z.int().min(0).max(10).default(0),
    seconds: z.number().min(0).max(20).default(0),
    /** Effects, each of which happens once however often it runs: an event `probe.effect` of the job's topic. */
    effects: z.int().min(0).max(10).default(0),
    /** Comes back in the result; a long one takes the way of large payloads. */
    note: z.string().max(500_000).optional(),
  }),
  options: { attempts: 3, backoff: { firstMs: 500 } },
  handler: async ({ failures, seconds, effects, note }, job) => {
    job.log(`attempt ${job.attempt}`);
    const ms = seconds * 1_000;
    for (let passed = 0; passed < ms; passed += stepMs) {
      job.signal.throwIfAborted();
      await sleep(Math.min(stepMs, ms - passed));
      job.progress(Math.min(1, (passed + stepMs) / ms));
    }
    const { publish } = await import("../../realtime/publish.ts");
    for (let effect = 1; effect <= effects; effect++)
      await job.once(`effect ${effect}`, () =>
        publish([{ topic: `job:${job.id}`, type: "probe.effect", data: { jobId: job.id, effect } }]),
      );
    if (job.attempt <= failures)
      throw new Error(`attempt ${job.attempt} of ${failures} that were asked to fail`);
    return { attempts: job.attempt, note };
  },
});
