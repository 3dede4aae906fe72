import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { etag } from "hono/etag";
import type { Environment } from "../environment.ts";
import { ok } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/openapi.json",
  summary: "This document",
  middleware: [etag()] as const,
  responses: ok(z.looseObject({ openapi: z.string() }), "OpenAPI 3.1."),
});

export function describeApi(app: OpenAPIHono<Environment>): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An id token of the user pool.",
  });
  // Made when first asked for: most cold starts never need it.
  let described: ReturnType<typeof app.getOpenAPI31Document> | undefined;
  app.openapi(route, (c) => {
    described ??= app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: {
        title: "Frontdesk",
        version: "1",
        description: "Lists page by cursor. Times are UTC, ISO 8601. Errors are problem details (RFC 9457).",
      },
    });
    c.header("cache-control", "public, max-age=300");
    return c.json({ ...described }, 200);
  });
}
