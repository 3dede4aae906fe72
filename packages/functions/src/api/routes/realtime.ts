import { createTicket } from "@frontdesk/core/realtime";
import { authenticated } from "../actor.ts";
import { problems } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { ok, Ticket, wire } from "../schemas.ts";

const route = createRoute({
  method: "post",
  path: "/realtime/tickets",
  summary: "A pass for one socket, good for 30 seconds",
  description: "With an Origin header the pass is good for that origin only.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  responses: { ...ok(Ticket, "The ticket."), ...problems },
});

export function createRealtimeTicket(app: Api): void {
  app.openapi(route, async (c) => {
    const origin = c.req.header("origin");
    return c.json(wire(await createTicket(origin === undefined ? {} : { origin })), 200);
  });
}
