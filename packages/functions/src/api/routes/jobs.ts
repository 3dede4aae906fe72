import * as jobs from "@frontdesk/core/jobs";
import * as z from "zod";
import { authenticated } from "../actor.ts";
import { notFoundProblem, problems, stateProblem } from "../problem.ts";
import { type Api, createRoute } from "../routing.ts";
import { ok, page, wire } from "../schemas.ts";
import { Enqueued, Job, JobState, JobSummary, JobType } from "../schemas-jobs.ts";

const { jobId } = jobs.get.schema.shape;
const params = z.object({ jobId });
const json = <S extends z.ZodType>(schema: S) => ({
  body: { content: { "application/json": { schema } }, required: true },
});

const types = createRoute({
  method: "get",
  path: "/job-types",
  summary: "The types of jobs that there are, and which of them you may start",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  responses: { ...ok(page(JobType), "All of them, by name. There is one page."), ...problems },
});

export function listJobTypes(app: Api): void {
  app.openapi(types, (c) => c.json({ items: jobs.describeTypes(), nextCursor: null }, 200));
}

const list = createRoute({
  method: "get",
  path: "/jobs",
  summary: "Jobs, the newest first",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  description: "Administrators see all, others their own.",
  request: { query: jobs.ListJobs },
  responses: { ...ok(page(JobSummary), "A page."), ...problems },
});

export function listJobs(app: Api): void {
  app.openapi(list, async (c) => {
    const found = await jobs.list(c.req.valid("query"));
    return c.json(wire({ items: found.jobs, nextCursor: found.cursor }), 200);
  });
}

const start = createRoute({
  method: "post",
  path: "/jobs",
  summary: "Starts a job, now or at a time",
  description: "With a `dedupe` key it is safe to repeat: `created` tells whether this call made the job.",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  request: json(jobs.Start),
  responses: { ...ok(Enqueued, "The job."), ...problems },
});

export function startJob(app: Api): void {
  app.openapi(start, async (c) => c.json(await jobs.start(c.req.valid("json")), 200));
}

const get = createRoute({
  method: "get",
  path: "/jobs/{jobId}",
  summary: "A job with its progress, result, failed attempts and log lines",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  description: "Its changes come over the socket, topic `job:{id}`.",
  request: { params },
  responses: { ...ok(Job, "The job."), ...problems, ...notFoundProblem },
});

export function getJob(app: Api): void {
  app.openapi(get, async (c) => c.json(wire(await jobs.get(c.req.valid("param"))), 200));
}

const cancel = createRoute({
  method: "post",
  path: "/jobs/{jobId}/cancel",
  summary: "Cancels a job",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  description:
    "One that has not begun is cancelled at once. One that is running is told, and ends when it does: `state` is still `running`.",
  request: { params },
  responses: { ...ok(JobState, "Its state now."), ...problems, ...notFoundProblem, ...stateProblem },
});

export function cancelJob(app: Api): void {
  app.openapi(cancel, async (c) => c.json(await jobs.cancel(c.req.valid("param")), 200));
}

const Edited = z.object({ payload: z.unknown().optional() });
const retry = createRoute({
  method: "post",
  path: "/jobs/{jobId}/retry",
  summary: "Runs a job again that failed or was cancelled, with another payload if one is sent",
  security: [{ token: [] }],
  middleware: [authenticated] as const,
  description:
    "One that waits for its next attempt runs now. Effects that have happened do not happen again.",
  request: { params, body: { content: { "application/json": { schema: Edited } }, required: false } },
  responses: { ...ok(JobState, "Its state now."), ...problems, ...notFoundProblem, ...stateProblem },
});

export function retryJob(app: Api): void {
  app.openapi(retry, async (c) => {
    const { payload } = c.req.valid("json") ?? {};
    return c.json(await jobs.retry({ ...c.req.valid("param"), payload }), 200);
  });
}
