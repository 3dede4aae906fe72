import * as threads from "@frontdesk/core/threads";
import * as z from "zod";
import { authenticated } from "../actor.ts";
import { notFoundProblem, problems } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { ok, page, Thread, ThreadSummary, wire } from "../schemas.ts";

const list = createRoute({
  method: "get",
  path: "/threads",
  summary: "Threads, the last message first",
  description:
    "New mail takes its thread to the top. Following the cursor shows every thread once, except one that got mail before its page was read: it is at the top, and the socket told.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { query: threads.ListThreads },
  responses: { ...ok(page(ThreadSummary), "A page."), ...problems, ...notFoundProblem },
});

export function listThreads(app: Api): void {
  app.openapi(list, async (c) => {
    const found = await threads.list(c.req.valid("query"));
    return c.json(wire({ items: found.threads, nextCursor: found.cursor }), 200);
  });
}

const get = createRoute({
  method: "get",
  path: "/threads/{threadId}",
  summary: "A thread with the messages that you see, the oldest first",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params: z.object({ threadId: threads.get.schema.shape.threadId }) },
  responses: { ...ok(Thread, "The thread."), ...problems, ...notFoundProblem },
});

export function getThread(app: Api): void {
  app.openapi(get, async (c) => c.json(wire(await threads.get(c.req.valid("param"))), 200));
}
