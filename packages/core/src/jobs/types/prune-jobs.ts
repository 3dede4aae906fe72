import * as z from "zod";
import { define } from "../define.ts";

export const pruneJobs = define({
  name: "pruneJobs",
  description: "Removes jobs that ended longer ago than the setting jobHistoryDays, with their history.",
  schema: z.strictObject({ days: z.int().min(0).max(3_650).optional() }),
  options: { attempts: 3, timeoutMs: 60_000, dedupe: () => ({ key: "all", mode: "drop" }) },
  handler: async ({ days }, job) => {
    const { config } = await import("../../config/index.ts");
    const { prune } = await import("../prune.ts");
    return prune(days ?? config("Settings").jobHistoryDays, job.signal);
  },
});
