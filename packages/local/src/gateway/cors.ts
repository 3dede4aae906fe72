/**
 * CORS of an HTTP API: the gateway answers preflights itself and replaces whatever the function says
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html).
 */
import type { GatewaySpec } from "../plan/types.ts";
import type { HttpAnswer } from "./answer.ts";
import type { GatewayRequest } from "./request.ts";

type Cors = NonNullable<GatewaySpec["cors"]>;

export function isPreflight(request: GatewayRequest): boolean {
  return (
    request.method === "OPTIONS" &&
    request.header("origin") !== undefined &&
    request.header("access-control-request-method") !== undefined
  );
}

/** The answer to a preflight; without CORS headers when the origin is not allowed. */
export function preflightAnswer(cors: Cors, request: GatewayRequest): HttpAnswer {
  const headers = originHeaders(cors, request.header("origin"));
  if (headers["access-control-allow-origin"]) {
    if (cors.allowMethods.length > 0) headers["access-control-allow-methods"] = [cors.allowMethods.join(",")];
    if (cors.allowHeaders.length > 0) headers["access-control-allow-headers"] = [cors.allowHeaders.join(",")];
    if (cors.maxAgeSeconds !== undefined) headers["access-control-max-age"] = [String(cors.maxAgeSeconds)];
  }
  return { status: 204, headers, body: Buffer.alloc(0) };
}

/** Puts the API's CORS headers in the place of the integration's. */
export function withCors(cors: Cors, origin: string | undefined, answer: HttpAnswer): HttpAnswer {
  const kept = Object.entries(answer.headers).filter(([name]) => !name.startsWith("access-control-"));
  const headers = { ...Object.fromEntries(kept), ...originHeaders(cors, origin) };
  if (headers["access-control-allow-origin"] && cors.exposeHeaders.length > 0)
    headers["access-control-expose-headers"] = [cors.exposeHeaders.join(",")];
  return { ...answer, headers };
}

function originHeaders(cors: Cors, origin: string | undefined): Record<string, string[]> {
  const allowed = origin === undefined ? undefined : allowedOrigin(cors.allowOrigins, origin);
  if (allowed === undefined) return {};
  return {
    "access-control-allow-origin": [allowed],
    ...(cors.allowCredentials && { "access-control-allow-credentials": ["true"] }),
  };
}

/** `*` and the scheme wildcards `https://*` and `http://*` are all that API Gateway knows. */
function allowedOrigin(allowed: string[], origin: string): string | undefined {
  if (allowed.includes("*")) return "*";
  const wanted = origin.toLowerCase();
  const matches = allowed.some((one) => {
    const pattern = one.toLowerCase();
    return pattern === wanted || (/^https?:\/\/\*$/.test(pattern) && wanted.startsWith(pattern.slice(0, -1)));
  });
  return matches ? origin : undefined;
}
