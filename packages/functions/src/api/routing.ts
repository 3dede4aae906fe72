/**
 * Routes that check what they are sent and are listed in the OpenAPI document: what `@hono/zod-openapi` does with JSON,
 * typed by it. The package itself would bring all of zod to every cold start
 * (docs/decisions/0071-routes-without-all-of-zod.md).
 */
import { VisibleError } from "@frontdesk/core/error";
import type { RouteConfig, RouteHandler } from "@hono/zod-openapi";
import { zValidator } from "@hono/zod-validator";
import { Hono, type MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { HTTPException } from "hono/http-exception";
import type { H } from "hono/types";
import * as z from "zod";
import type { Environment } from "./environment.ts";

/** A route as it is, with the literal types that its handler's are made of. */
export function createRoute<P extends string, R extends Omit<RouteConfig, "path"> & { path: P }>(
  route: R,
): R {
  return route;
}

export class Api extends Hono<Environment> {
  /** What the OpenAPI document lists, in this order. */
  readonly described: RouteConfig[] = [];

  /**
   * Adds a route. Its middleware comes first, then the checks, which answer 400 with every issue; its handler gets what
   * passed by `c.req.valid`.
   */
  openapi<R extends RouteConfig>(route: R, handler: RouteHandler<R, Environment>): void {
    this.described.push(route);
    const { params, query, headers, body } = route.request ?? {};
    const checks: H[] = [route.middleware ?? []].flat();
    if (query) checks.push(zValidator("query", query, refuse));
    if (params) checks.push(zValidator("param", params, refuse));
    if (headers) checks.push(...[headers].flat().map((schema) => zValidator("header", schema, refuse)));
    if (body) checks.push(onlyJson, jsonBody(schemaOf(body), body.required));
    this.on([route.method], [route.path.replaceAll(/\/{(.+?)}/g, "/:$1")], ...checks, handler as H);
  }
}

type Checked = { success: true } | { success: false; error: { issues: readonly z.core.$ZodIssue[] } };

/** @throws VisibleError `validation` with every issue. */
function refuse(result: Checked): void {
  if (result.success) return;
  const issues = result.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  throw new VisibleError(
    "validation",
    "invalid_input",
    issues.map(({ path, message }) => `${path}: ${message}`).join("; "),
    { issues },
  );
}

type Body = NonNullable<NonNullable<RouteConfig["request"]>["body"]>;

/** @throws Error for a body of anything but JSON with a schema: nothing here would check it. */
function schemaOf({ content }: Body): z.ZodType {
  const { "application/json": json, ...others } = content;
  const schema = json && "schema" in json && json.schema;
  if (!(schema instanceof z.ZodType) || Object.keys(others).length > 0)
    throw new Error(`bodies are JSON with a schema; this one is ${Object.keys(content).join(", ")}`);
  return schema;
}

const json = /^application\/(?:[a-z.-]+\+)?json(?:;\s*[a-z0-9-]+=[^;]+)*$/i;

/** A body says that it is JSON. @throws HTTPException 415. */
const onlyJson = createMiddleware(async (c, next) => {
  const type = c.req.header("content-type");
  const acceptable = type ? json.test(type) : (await c.req.arrayBuffer()).byteLength === 0;
  if (!acceptable) throw new HTTPException(415, { message: "Unsupported Media Type" });
  await next();
});

/** A body that need not be sent is read as `{}` when it is not. */
function jsonBody(schema: z.ZodType, required = false): MiddlewareHandler {
  const check = zValidator("json", schema, refuse);
  if (required) return check;
  return async (c, next) => {
    if (c.req.header("content-type")) return check(c, next);
    c.req.addValidatedData("json", {});
    await next();
  };
}
