import { etag } from "hono/etag";
import * as z from "zod";
import { type Api, createRoute } from "../routing.ts";
import { ok } from "../schemas.ts";

const route = createRoute({
  method: "get",
  path: "/openapi.json",
  summary: "This document",
  middleware: [etag()] as const,
  responses: ok(z.looseObject({ openapi: z.string() }), "OpenAPI 3.1."),
});

export function describeApi(app: Api): void {
  // Made when first asked for: most cold starts never need it.
  let described: ReturnType<typeof describe> | undefined;
  app.openapi(route, async (c) => {
    described ??= describe(app);
    c.header("cache-control", "public, max-age=300");
    return c.json({ ...(await described) }, 200);
  });
}

async function describe({ described }: Api) {
  const { OpenAPIRegistry, OpenApiGeneratorV31 } = await import("@asteasolutions/zod-to-openapi");
  const registry = new OpenAPIRegistry();
  registry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An id token of the user pool.",
  });
  for (const { middleware: _, ...route } of described) registry.registerPath(route);
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: "3.1.0",
    info: {
      title: "Frontdesk",
      version: "1",
      description: "Lists page by cursor. Times are UTC, ISO 8601. Errors are problem details (RFC 9457).",
    },
  });
}
