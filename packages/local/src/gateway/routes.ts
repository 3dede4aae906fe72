/**
 * Which route of an HTTP API answers a request
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html).
 */
import type { RouteSpec } from "../plan/types.ts";

export interface RouteMatch {
  route: RouteSpec;
  /** Decoded values of `{name}` and `{name+}`; undefined when the route has none. */
  pathParameters: Record<string, string> | undefined;
}
export interface Router {
  match(method: string, path: string): RouteMatch | undefined;
}

type Segment =
  | { kind: "exact"; text: string }
  | { kind: "one"; name: string }
  | { kind: "rest"; name: string };
interface Entry {
  route: RouteSpec;
  method: string;
  segments: Segment[];
}
const rank = { exact: 0, one: 1, rest: 2 };

/** Throws on a route key that API Gateway would refuse. */
export function createRouter(routes: RouteSpec[]): Router {
  const entries = routes.filter((route) => route.key !== "$default").map(toEntry);
  entries.sort(moreSpecificFirst);
  const fallback = routes.find((route) => route.key === "$default");
  return {
    match(method, path) {
      const parts = path.replace(/^\//, "").split("/");
      for (const entry of entries) {
        if (entry.method !== "ANY" && entry.method !== method) continue;
        const values = take(entry.segments, parts);
        if (!values) continue;
        return { route: entry.route, pathParameters: Object.keys(values).length > 0 ? values : undefined };
      }
      return fallback && { route: fallback, pathParameters: undefined };
    },
  };
}

function toEntry(route: RouteSpec): Entry {
  const [, method, path] = /^([A-Z]+) (\/.*)$/.exec(route.key) ?? [];
  if (method === undefined || path === undefined)
    throw new Error(
      `route "${route.key}" is not of the form "METHOD /path" or "$default": correct it in sst.config.ts`,
    );
  const segments = path
    .slice(1)
    .split("/")
    .map((text): Segment => {
      const [, name, greedy] = /^\{([^{}+]+)(\+?)\}$/.exec(text) ?? [];
      if (name === undefined) return { kind: "exact", text };
      return { kind: greedy ? "rest" : "one", name };
    });
  return { route, method, segments };
}

/** Segment by segment an exact text beats a parameter, and a parameter a greedy one; a named method beats ANY. */
function moreSpecificFirst(a: Entry, b: Entry): number {
  for (let at = 0; at < Math.min(a.segments.length, b.segments.length); at += 1) {
    const [left, right] = [a.segments[at], b.segments[at]];
    if (left && right && left.kind !== right.kind) return rank[left.kind] - rank[right.kind];
  }
  if (a.segments.length !== b.segments.length) return b.segments.length - a.segments.length;
  return Number(a.method === "ANY") - Number(b.method === "ANY");
}

function take(segments: Segment[], parts: string[]): Record<string, string> | undefined {
  const values: Record<string, string> = {};
  for (const [at, segment] of segments.entries()) {
    if (segment.kind === "rest") {
      const rest = parts.slice(at).join("/");
      if (rest === "") return undefined;
      values[segment.name] = rest;
      return values;
    }
    const part = parts[at];
    if (part === undefined) return undefined;
    if (segment.kind === "exact" ? part !== segment.text : part === "") return undefined;
    if (segment.kind === "one") values[segment.name] = part;
  }
  return parts.length === segments.length ? values : undefined;
}
