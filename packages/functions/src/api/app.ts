/** The HTTP API, without Lambda: tests call `createApp().request(...)`. */
import { randomUUID } from "node:crypto";
import { VisibleError } from "@frontdesk/core/error";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Environment } from "./environment.ts";
import { answerError, problem } from "./problem.ts";
import { health } from "./routes/health.ts";
import { listMailboxes } from "./routes/mailboxes.ts";
import { me } from "./routes/me.ts";
import { getAttachment, getMessage, getRawMessage } from "./routes/messages.ts";
import { createRealtimeTicket } from "./routes/realtime.ts";
import { getThread, listThreads } from "./routes/threads.ts";

const routes = [
  health,
  me,
  listMailboxes,
  listThreads,
  getThread,
  getMessage,
  getRawMessage,
  getAttachment,
  createRealtimeTicket,
];

export function createApp(): OpenAPIHono<Environment> {
  const app = new OpenAPIHono<Environment>({
    defaultHook: (result) => {
      if (result.success) return;
      const issues = result.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
      throw new VisibleError(
        "validation",
        "invalid_input",
        issues.map(({ path, message }) => `${path}: ${message}`).join("; "),
        { issues },
      );
    },
  });

  app.use(async (c, next) => {
    const requestId = c.env?.event?.requestContext.requestId ?? randomUUID();
    c.set("requestId", requestId);
    await next();
    c.header("x-request-id", requestId);
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "no-referrer");
    c.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    c.header("strict-transport-security", "max-age=63072000; includeSubDomains");
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  });

  for (const route of routes) route(app);

  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An id token of the user pool.",
  });
  const described = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Frontdesk",
      version: "1",
      description: "Lists page by cursor. Times are UTC, ISO 8601. Errors are problem details (RFC 9457).",
    },
  });
  app.get("/openapi.json", (c) => {
    c.header("cache-control", "public, max-age=300");
    return c.json(described);
  });

  app.notFound((c) => {
    const allowed = methodsFor(app, c.req.path);
    return allowed.length > 0
      ? problem(c, 405, "method_not_allowed", `This path takes ${allowed.join(", ")}.`, {
          allow: allowed.join(", "),
        })
      : problem(c, 404, "no_such_path", "There is no such path; /openapi.json lists those there are.");
  });
  app.onError(answerError);
  return app;
}

function methodsFor(app: OpenAPIHono<Environment>, path: string): string[] {
  const parts = path.split("/");
  const fits = (pattern: string) => {
    const wanted = pattern.split("/");
    return (
      wanted.length === parts.length &&
      wanted.every((part, index) => part.startsWith(":") || part === parts[index])
    );
  };
  return [
    ...new Set(
      app.routes.filter((route) => route.method !== "ALL" && fits(route.path)).map((route) => route.method),
    ),
  ].sort();
}
