/**
 * Which route takes a message
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html).
 */
import type { RouteSpec } from "../../plan/types.ts";

/** Undefined: no route takes it, and the client is told Forbidden. */
export function selectRoute(
  routes: RouteSpec[],
  expression: string | undefined,
  text: string,
): RouteSpec | undefined {
  const key = routeKey(expression ?? "$request.body.action", text);
  // A message never selects $connect or $disconnect by naming them.
  const named =
    key === undefined || key.startsWith("$") ? undefined : routes.find((route) => route.key === key);
  return named ?? routes.find((route) => route.key === "$default");
}

function routeKey(expression: string, text: string): string | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  let missing = false;
  // `$request.body.action`, or several in a text: `${request.body.kind}/${request.body.action}`.
  const key = expression.replace(
    /\$\{request\.body\.([\w.-]+)\}|\$request\.body\.([\w.-]+)/g,
    (_, braced: string | undefined, plain: string | undefined) => {
      const value = valueAt(body, (braced ?? plain ?? "").split("."));
      if (value === undefined || value === null || typeof value === "object") missing = true;
      return String(value);
    },
  );
  return missing ? undefined : key;
}

function valueAt(body: unknown, path: string[]): unknown {
  let at = body;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}
