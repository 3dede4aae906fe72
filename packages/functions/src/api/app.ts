/** The HTTP API, without Lambda: tests call `createApp().request(...)`. */
import { randomUUID } from "node:crypto";
import { VisibleError } from "@frontdesk/core/error";
import * as trace from "@frontdesk/core/trace";
import { bodyLimit } from "hono/body-limit";
import { answerError, problem } from "./problem.ts";
import { health } from "./routes/health.ts";
import { cancelJob, getJob, listJobs, listJobTypes, retryJob, startJob } from "./routes/jobs.ts";
import { listMailboxes } from "./routes/mailboxes.ts";
import { me } from "./routes/me.ts";
import { deleteMedia, getMedia, listMedia } from "./routes/media.ts";
import { getAttachment, getMessage, getRawMessage } from "./routes/messages.ts";
import { describeApi } from "./routes/openapi.ts";
import {
  cancelRedrive,
  deleteDeadLetter,
  getDeadLetter,
  listDeadLetters,
  listQueueOperations,
  listQueues,
  redriveQueue,
} from "./routes/queues.ts";
import { createRealtimeTicket } from "./routes/realtime.ts";
import { getSchedule, listSchedules, putSchedule, removeSchedule } from "./routes/schedules.ts";
import { getThread, listThreads } from "./routes/threads.ts";
import { answerUnbuilt } from "./routes/unbuilt.ts";
import { createUploads } from "./routes/uploads.ts";
import { Api } from "./routing.ts";

const routes = [
  health,
  me,
  listMailboxes,
  listThreads,
  getThread,
  getMessage,
  getRawMessage,
  getAttachment,
  createUploads,
  listMedia,
  getMedia,
  deleteMedia,
  createRealtimeTicket,
  listJobTypes,
  listJobs,
  startJob,
  getJob,
  cancelJob,
  retryJob,
  listSchedules,
  getSchedule,
  putSchedule,
  removeSchedule,
  listQueues,
  listDeadLetters,
  getDeadLetter,
  deleteDeadLetter,
  redriveQueue,
  cancelRedrive,
  listQueueOperations,
  describeApi,
  answerUnbuilt,
];

/** Far above any body of ours, far below the 6 MB that Lambda takes. */
const longestBody = 1024 * 1024;

export function createApp(): Api {
  const app = new Api();

  app.use(async (c, next) => {
    const requestId = c.env?.event?.requestContext.requestId ?? randomUUID();
    c.set("requestId", requestId);
    c.set("trace", trace.ofTraceparent(c.req.header("traceparent")) ?? trace.create());
    await next();
    c.header("x-request-id", requestId);
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "no-referrer");
    c.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    c.header("strict-transport-security", "max-age=63072000; includeSubDomains");
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  });

  app.use(
    bodyLimit({
      maxSize: longestBody,
      onError: () => {
        throw new VisibleError("too_large", "body_too_large", `Send at most ${longestBody} bytes.`);
      },
    }),
  );

  for (const route of routes) route(app);

  app.notFound((c) => {
    const allowed = methodsFor(app, c.req.path);
    return allowed.length > 0 && !allowed.includes(c.req.method)
      ? problem(c, 405, "method_not_allowed", `This path takes ${allowed.join(", ")}.`, {
          allow: allowed.join(", "),
        })
      : problem(c, 404, "no_such_path", "There is no such path; /openapi.json lists those there are.");
  });
  app.onError(answerError);
  return app;
}

/** What a path takes; a parameter takes one segment that is not empty. */
function methodsFor(app: Api, path: string): string[] {
  const parts = path.split("/");
  const fits = (pattern: string) => {
    const wanted = pattern.split("/");
    return (
      wanted.length === parts.length &&
      wanted.every((part, index) => (part.startsWith(":") ? parts[index] !== "" : part === parts[index]))
    );
  };
  const methods = app.routes.filter((route) => route.method !== "ALL" && fits(route.path));
  // Hono answers HEAD wherever there is a GET.
  return [
    ...new Set(methods.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]))),
  ].sort();
}
