import * as z from "zod";
import { type Api, createRoute } from "../routing.ts";
import { ok } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/health",
  summary: "Whether the API answers",
  description: "Asks nothing behind it, so that a sleeping database does not take the API out of service.",
  responses: ok(z.object({ status: z.literal("ok") }), "It does."),
});

export function health(app: Api): void {
  app.openapi(route, (c) => c.json({ status: "ok" as const }, 200));
}
