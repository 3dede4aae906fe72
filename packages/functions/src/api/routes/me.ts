import * as actor from "@frontdesk/core/actor";
import { authenticated } from "../actor.ts";
import { problems } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { Me, ok } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/me",
  summary: "Who the token is for",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  responses: { ...ok(Me, "The user."), ...problems },
});

export function me(app: Api): void {
  app.openapi(route, (c) => {
    const { userId, email, roles } = actor.user();
    return c.json({ id: userId, email, roles }, 200);
  });
}
