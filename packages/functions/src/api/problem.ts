/** Errors as RFC 9457 problem details. The one place that knows which kind of error has which HTTP status. */
import { type ErrorKind, VisibleError } from "@frontdesk/core/error";
import * as log from "@frontdesk/core/log";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import * as z from "zod";
import type { Environment } from "./environment.ts";
import { int, text } from "./schema-parts.ts";

export const Problem = z
  .object({
    type: text.meta({ example: "urn:frontdesk:problem:thread_not_found" }),
    title: text.meta({ example: "There is no such thread." }),
    status: int.meta({ example: 404 }),
    code: text.meta({ example: "thread_not_found", description: "Stable: branch on it." }),
    requestId: text.meta({ description: "To find the request in the log." }),
    issues: z
      .array(z.object({ path: text, message: text }))
      .optional()
      .meta({ description: "Which fields are wrong, and how." }),
  })
  .meta({ id: "Problem" });

const statuses: Record<ErrorKind, ContentfulStatusCode> = {
  validation: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  precondition_failed: 412,
  too_large: 413,
  rate_limited: 429,
  unavailable: 503,
};

/** What is not meant for the caller becomes an opaque 500; the log has the cause under the request's id. */
export function answerError(error: unknown, c: Context<Environment>): Response {
  // Said here, too: what fails while somebody signs in fails outside of any actor's context.
  const request = {
    requestId: c.get("requestId"),
    trace: c.get("trace"),
    method: c.req.method,
    route: c.req.path,
  };
  if (error instanceof VisibleError) {
    if (error.kind === "unavailable") log.error("unavailable", { error: error.cause ?? error, ...request });
    return problem(c, statuses[error.kind], error.code, error.message, {
      ...(error.retryAfter !== undefined && { retryAfter: error.retryAfter }),
      ...(error.issues.length > 0 && { issues: error.issues }),
    });
  }
  // Hono's own, for a body that is no JSON.
  if (error instanceof HTTPException && error.status === 400)
    return problem(c, 400, "malformed_body", "Send a body of JSON.");
  if (error instanceof HTTPException && error.status === 415)
    return problem(c, 415, "unsupported_media_type", "Send a body of type application/json, or none.");
  log.error("a request failed", { error, ...request });
  return problem(c, 500, "internal_error", "Something went wrong on our side.");
}

export function problem(
  c: Context<Environment>,
  status: ContentfulStatusCode,
  code: string,
  title: string,
  more: { retryAfter?: number; allow?: string; issues?: { path: string; message: string }[] } = {},
): Response {
  const body: z.infer<typeof Problem> = {
    type: `urn:frontdesk:problem:${code}`,
    title,
    status,
    code,
    requestId: c.get("requestId"),
    ...(more.issues && { issues: more.issues }),
  };
  return c.body(JSON.stringify(body), status, {
    "content-type": "application/problem+json",
    ...(more.retryAfter !== undefined && { "retry-after": String(more.retryAfter) }),
    ...(more.allow !== undefined && { allow: more.allow }),
    ...(status === 401 && { "www-authenticate": "Bearer" }),
  });
}

const content = { "application/problem+json": { schema: Problem } };
/** Answers of a route that asks who somebody is and looks something up. */
export const problems = {
  400: { description: "Something in the request is wrong; `issues` says what.", content },
  401: { description: "No valid token.", content },
  403: { description: "The role does not allow it.", content },
  503: { description: "Try again after `Retry-After` seconds.", content },
};
export const conflictProblem = {
  409: { description: "The Idempotency-Key came with another body.", content },
};
export const goneProblem = { 410: { description: "It was deleted.", content } };
export const limitProblem = {
  429: { description: "Too many at once: try again after `Retry-After` seconds.", content },
};
export const preconditionProblem = {
  412: { description: "It was changed since you read it.", content },
};
export const notFoundProblem = { 404: { description: "There is no such thing, or not for you.", content } };
export const stateProblem = { 409: { description: "Its state does not allow it.", content } };
