/**
 * Response headers policies.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/understanding-response-headers-policies.html
 */
import type { ResponseHeadersSpec } from "../plan/cdn-types.ts";
import type { Headers, ViewerRequest } from "./http.ts";
import { wildcard } from "./match.ts";

/** @param headers Changed in place. */
export function applyPolicy(headers: Headers, policy: ResponseHeadersSpec, request: ViewerRequest): void {
  for (const name of policy.remove) delete headers[name];
  const { origin } = request.headers;
  if (policy.cors && origin !== undefined) applyCors(headers, policy.cors, origin, request);
  for (const { name, value, override } of policy.set)
    if (override || headers[name] === undefined) headers[name] = value;
}

function applyCors(
  headers: Headers,
  cors: NonNullable<ResponseHeadersSpec["cors"]>,
  origin: string,
  request: ViewerRequest,
): void {
  const any = cors.allowOrigins.includes("*");
  const allowed = any || cors.allowOrigins.some((pattern) => allows(pattern, origin));
  const fromOrigin = Object.keys(headers).some((name) => name.startsWith("access-control-"));
  if (!allowed || (fromOrigin && !cors.override)) return;
  for (const name of Object.keys(headers)) if (name.startsWith("access-control-")) delete headers[name];
  headers["access-control-allow-origin"] = any && !cors.allowCredentials ? "*" : origin;
  if (!any || cors.allowCredentials) headers.vary = joined(headers.vary, "Origin");
  if (cors.allowCredentials) headers["access-control-allow-credentials"] = "true";
  if (cors.exposeHeaders.length > 0) headers["access-control-expose-headers"] = cors.exposeHeaders.join(", ");
  if (request.method !== "OPTIONS") return;
  if (cors.allowMethods.length > 0) headers["access-control-allow-methods"] = cors.allowMethods.join(", ");
  if (cors.allowHeaders.length > 0) headers["access-control-allow-headers"] = cors.allowHeaders.join(", ");
  if (cors.maxAgeSeconds !== undefined) headers["access-control-max-age"] = String(cors.maxAgeSeconds);
}

/** An origin is given with its scheme or without: `https://*.example.com`, `example.com`. */
function allows(pattern: string, origin: string): boolean {
  return wildcard(pattern, pattern.includes("://") ? origin : origin.replace(/^https?:\/\//, ""));
}

export function joined(value: string | string[] | undefined, more: string): string {
  const names = String(value ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.some((name) => name.toLowerCase() === more.toLowerCase())
    ? names.join(", ")
    : [...names, more].join(", ");
}
