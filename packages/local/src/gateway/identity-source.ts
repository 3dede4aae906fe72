/** Where an authorizer finds the identity of a caller. */
import type { GatewaySpec } from "../plan/types.ts";
import type { GatewayRequest } from "./request.ts";

/**
 * Values of `$request.header.X`, `$request.querystring.x`, `$context.x` (HTTP APIs) and `route.request.header.X`,
 * `route.request.querystring.x` (WebSocket APIs); undefined where a value is missing or empty.
 */
export function identityValues(
  sources: string[],
  request: GatewayRequest,
  gateway: GatewaySpec,
  routeKey: string,
): (string | undefined)[] {
  return sources.map((source) => {
    const value = identityValue(source, request, gateway, routeKey);
    return value === "" ? undefined : value;
  });
}

function identityValue(source: string, request: GatewayRequest, gateway: GatewaySpec, routeKey: string) {
  const [, header] = /^(?:\$|route\.)request\.header\.(.+)$/i.exec(source) ?? [];
  // Header names have no case; query parameters have.
  if (header !== undefined) return request.header(header.toLowerCase());
  const [, parameter] = /^(?:\$|route\.)request\.querystring\.(.+)$/i.exec(source) ?? [];
  if (parameter !== undefined) return request.query.find(([name]) => name === parameter)?.[1];
  const [, variable] = /^(?:\$context|context)\.(.+)$/.exec(source) ?? [];
  const context: Record<string, string> = {
    routeKey,
    stage: gateway.stage,
    httpMethod: request.method,
    path: request.path,
    "identity.sourceIp": request.sourceIp,
    "identity.userAgent": request.userAgent,
  };
  return variable === undefined ? undefined : context[variable];
}
