import * as z from "zod";
import { define } from "../jobs/define.ts";

/** Enqueued with each change of a schedule: Scheduler is called by the jobs consumer alone. */
export const syncSchedule = define({
  name: "syncSchedule",
  description: "Makes EventBridge Scheduler agree with a schedule.",
  schema: z.strictObject({ name: z.string() }),
  // What still fails after these is taken up by the sweep.
  options: { attempts: 6, backoff: { firstMs: 2_000 }, timeoutMs: 45_000 },
  handler: async ({ name }, job) => {
    const { sync } = await import("./sync.ts");
    const told = await sync(name);
    job.log(told);
    return { told };
  },
});
