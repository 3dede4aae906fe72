import * as z from "zod";
import { define } from "../jobs/define.ts";

export const removePicture = define({
  name: "removePicture",
  description:
    "Deletes the objects of a picture that nobody refers to any more, and has the CDN forget them.",
  schema: z.strictObject({ content: z.string().regex(/^[0-9a-f]{64}$/) }),
  options: { attempts: 10 },
  handler: async ({ content }, job) => {
    const { forget } = await import("./forget.ts");
    return forget(content, job.id);
  },
});
