/**
 * Events of WebSocket APIs
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html).
 */
import type { GatewaySpec } from "../../plan/types.ts";
import { commonLogTime, newId } from "../identifiers.ts";
import { collect, lastOf, mapValues } from "../payload.ts";
import type { GatewayRequest } from "../request.ts";

/** What is known of a connection from its upgrade request on. */
export interface ConnectionFacts {
  connectionId: string;
  connectedAt: number;
  gateway: GatewaySpec;
  /** The upgrade request. */
  request: GatewayRequest;
  /** What the authorizer told, in every event of the connection. */
  authorizer: Record<string, unknown> | undefined;
}

export function connectEvent(facts: ConnectionFacts, requestId: string): Record<string, unknown> {
  return {
    ...parameters(facts, false),
    requestContext: context(facts, "$connect", "CONNECT", requestId, facts.connectedAt),
    isBase64Encoded: false,
  };
}

/** The request of a `$connect` authorizer. */
export function authorizerEvent(facts: ConnectionFacts, requestId: string): Record<string, unknown> {
  const { gateway, connectedAt } = facts;
  return {
    type: "REQUEST",
    methodArn: `${gateway.executionArn}/${gateway.stage}/$connect`,
    ...parameters(facts, true),
    stageVariables: {},
    requestContext: context(facts, "$connect", "CONNECT", requestId, connectedAt),
  };
}

export function messageEvent(
  facts: ConnectionFacts,
  message: { routeKey: string; requestId: string; body: string; now: number },
): Record<string, unknown> {
  return {
    requestContext: {
      ...context(facts, message.routeKey, "MESSAGE", message.requestId, message.now),
      messageId: newId(),
    },
    body: message.body,
    isBase64Encoded: false,
  };
}

export function disconnectEvent(
  facts: ConnectionFacts,
  end: { requestId: string; code: number; reason: string; now: number },
): Record<string, unknown> {
  const host = facts.request.domainName;
  const headers = { Host: host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": "" };
  return {
    headers,
    multiValueHeaders: mapValues(headers, (value) => [value]),
    requestContext: {
      ...context(facts, "$disconnect", "DISCONNECT", end.requestId, end.now),
      disconnectStatusCode: end.code,
      disconnectReason: end.reason,
    },
    isBase64Encoded: false,
  };
}

function context(
  facts: ConnectionFacts,
  routeKey: string,
  eventType: string,
  requestId: string,
  now: number,
) {
  const { gateway, request, authorizer } = facts;
  return {
    routeKey,
    ...(authorizer && { authorizer }),
    eventType,
    extendedRequestId: requestId,
    requestTime: commonLogTime(now),
    messageDirection: "IN",
    stage: gateway.stage,
    connectedAt: facts.connectedAt,
    requestTimeEpoch: now,
    identity: {
      sourceIp: request.sourceIp,
      ...(request.userAgent !== "" && { userAgent: request.userAgent }),
    },
    requestId,
    domainName: request.domainName,
    connectionId: facts.connectionId,
    apiId: gateway.id,
  };
}

/** Headers and query of the upgrade; only the authorizer sees `Connection` and `Upgrade`. */
function parameters({ request }: ConnectionFacts, withUpgrade: boolean): Record<string, unknown> {
  const own = new Set([
    "x-amzn-trace-id",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
    "host",
  ]);
  const hidden = withUpgrade ? own : new Set([...own, "connection", "upgrade"]);
  const headers = collect([
    ["Host", request.domainName],
    ...request.headers.filter(([name]) => !hidden.has(name.toLowerCase())),
    ["X-Amzn-Trace-Id", request.trace],
    ["X-Forwarded-For", request.sourceIp],
    ["X-Forwarded-Port", String(request.port)],
    ["X-Forwarded-Proto", request.scheme],
  ]);
  const query = collect(request.query);
  return {
    headers: mapValues(headers, lastOf),
    multiValueHeaders: headers,
    ...(request.query.length > 0 && {
      queryStringParameters: mapValues(query, lastOf),
      multiValueQueryStringParameters: query,
    }),
  };
}
