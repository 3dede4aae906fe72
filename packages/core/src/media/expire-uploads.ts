import * as z from "zod";
import { define } from "../jobs/define.ts";

export const expireUploads = define({
  name: "expireUploads",
  description: "Ends uploads whose file never came, and pictures that nobody managed to process.",
  schema: z.strictObject({}),
  options: { attempts: 3, dedupe: () => ({ key: "all", mode: "drop" }) },
  handler: async () => {
    const { expire } = await import("./expire.ts");
    return expire();
  },
});
