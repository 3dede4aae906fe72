import * as mailboxes from "@frontdesk/core/mailboxes";
import { authenticated } from "../actor.ts";
import { problems } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { Mailbox, ok, page } from "../schemas.ts";

const list = createRoute({
  method: "get",
  path: "/mailboxes",
  summary: "The mailboxes that you see, by address",
  description: "Administrators see all, others those they are members of. They are few: there is one page.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  responses: { ...ok(page(Mailbox), "All of them."), ...problems },
});

export function listMailboxes(app: Api): void {
  app.openapi(list, async (c) => c.json({ items: await mailboxes.list(), nextCursor: null }, 200));
}
