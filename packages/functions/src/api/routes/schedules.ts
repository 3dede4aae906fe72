import { VisibleError } from "@frontdesk/core/error";
import * as schedules from "@frontdesk/core/schedules";
import * as z from "zod";
import { authenticated } from "../actor.ts";
import { notFoundProblem, preconditionProblem, problems } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { ok, page, wire } from "../schemas.ts";
import { Schedule } from "../schemas-schedules.ts";

const params = z.object({ name: schedules.Name });
const responses = { ...ok(Schedule, "The schedule; its `etag` is the revision."), ...problems };

const list = createRoute({
  method: "get",
  path: "/schedules",
  summary: "Schedules by name, each with its next five runs and its last one",
  description: "For administrators.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { query: schedules.List },
  responses: { ...ok(page(Schedule), "A page."), ...problems },
});

export function listSchedules(app: Api): void {
  app.openapi(list, async (c) => {
    const found = await schedules.list(c.req.valid("query"));
    return c.json(wire({ items: found.schedules, nextCursor: found.cursor }), 200);
  });
}

const get = createRoute({
  method: "get",
  path: "/schedules/{name}",
  summary: "A schedule",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params },
  responses: { ...responses, ...notFoundProblem },
});

export function getSchedule(app: Api): void {
  app.openapi(get, async (c) => {
    const schedule = await schedules.get(c.req.valid("param"));
    c.header("etag", `"${schedule.revision}"`);
    return c.json(wire(schedule), 200);
  });
}

const put = createRoute({
  method: "put",
  path: "/schedules/{name}",
  summary: "Makes or changes a schedule, pauses or resumes it",
  description:
    "The same again changes nothing. With the `etag` that you read as If-Match, a change that somebody else made meanwhile is not written over. Cron takes Scheduler's six fields, or the common five.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: {
    params,
    body: { content: { "application/json": { schema: schedules.Definition } }, required: true },
  },
  responses: { ...responses, ...preconditionProblem },
});

export function putSchedule(app: Api): void {
  app.openapi(put, async (c) => {
    const { name } = c.req.valid("param");
    const revision = revisionOf(c.req.header("if-match"));
    const schedule = await schedules.put({ name, revision, definition: c.req.valid("json") });
    c.header("etag", `"${schedule.revision}"`);
    return c.json(wire(schedule), 200);
  });
}

const remove = createRoute({
  method: "delete",
  path: "/schedules/{name}",
  summary: "Removes a schedule; its jobs stay",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: { params },
  responses: { 204: { description: "It is gone." }, ...problems, ...preconditionProblem },
});

export function removeSchedule(app: Api): void {
  app.openapi(remove, async (c) => {
    const { name } = c.req.valid("param");
    await schedules.remove({ name, revision: revisionOf(c.req.header("if-match")) });
    return c.body(null, 204);
  });
}

/** Of an If-Match with one of our entity tags; `*` is any revision. */
function revisionOf(header: string | undefined): number | undefined {
  if (header === undefined || header === "*") return undefined;
  const revision = /^"(\d{1,16})"$/.exec(header)?.[1];
  if (revision === undefined)
    throw new VisibleError("validation", "invalid_if_match", "If-Match takes the etag of the schedule.");
  return Number(revision);
}
