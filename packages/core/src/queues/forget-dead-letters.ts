import * as z from "zod";
import { define } from "../jobs/define.ts";

export const forgetDeadLetters = define({
  name: "forgetDeadLetters",
  description:
    "Empties what is kept of dead letters that SQS has forgotten, in queues that nobody looks into.",
  schema: z.strictObject({}),
  options: { attempts: 3, dedupe: () => ({ key: "all", mode: "drop" }) },
  handler: async () => {
    const { expire } = await import("./look.ts");
    return { forgotten: await expire() };
  },
});
