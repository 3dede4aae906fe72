import * as z from "zod";
import { define } from "../define.ts";

export const expireTickets = define({
  name: "expireTickets",
  description:
    "Removes tickets of sockets that nobody used in time, and connections that API Gateway has closed.",
  schema: z.strictObject({}),
  options: { attempts: 3, dedupe: () => ({ key: "all", mode: "drop" }) },
  handler: async () => {
    const { expire } = await import("../../realtime/index.ts");
    return expire();
  },
});
