import * as z from "zod";
import { define } from "../define.ts";

export const redeliverOutbox = define({
  name: "redeliverOutbox",
  description: "Delivers what the outbox still holds: a sweep on demand, beside the one of each minute.",
  schema: z.strictObject({ limit: z.int().min(1).max(5_000).default(1_000) }),
  options: { attempts: 3, timeoutMs: 60_000, dedupe: () => ({ key: "all", mode: "drop" }) },
  handler: async ({ limit }, job) => {
    const { sweep } = await import("../../outbox/index.ts");
    const total = { delivered: 0, failed: 0 };
    while (!job.signal.aborted && total.delivered + total.failed < limit) {
      const { delivered, failed } = await sweep(Math.min(200, limit - total.delivered - total.failed));
      total.delivered += delivered;
      total.failed += failed;
      if (delivered + failed === 0) break;
    }
    return total;
  },
});
