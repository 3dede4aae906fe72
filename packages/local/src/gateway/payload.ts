/**
 * Events of HTTP API integrations and authorizers
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
 */
import type { GatewaySpec } from "../plan/types.ts";
import { encodeBody } from "./body.ts";
import { commonLogTime } from "./identifiers.ts";
import type { GatewayRequest } from "./request.ts";
import type { RouteMatch } from "./routes.ts";

/** What an authorizer found out, and so what the function is told. */
export type Authorisation =
  | { kind: "jwt"; claims: Record<string, string>; scopes: string[] | null }
  | { kind: "lambda"; principalId?: string; context: Record<string, unknown> }
  | { kind: "iam"; accessKey: string; accountId: string; callerId: string; userArn: string };

export interface EventSource {
  gateway: Pick<GatewaySpec, "id" | "stage">;
  accountId: string;
  request: GatewayRequest;
  match: Pick<RouteMatch, "pathParameters"> & { route: Pick<RouteMatch["route"], "key"> };
  authorisation?: Authorisation | undefined;
}

/** Payload format 2.0. */
export function eventV2(source: EventSource, body: Buffer): Record<string, unknown> {
  const { request, match } = source;
  return {
    version: "2.0",
    routeKey: match.route.key,
    rawPath: request.path,
    rawQueryString: request.rawQuery,
    ...parametersV2(source),
    requestContext: contextV2(source),
    ...(match.pathParameters && { pathParameters: match.pathParameters }),
    ...encodeBody(body, request.header("content-type"), request.header("content-encoding")),
  };
}

/** Payload format 1.0. */
export function eventV1(source: EventSource, body: Buffer): Record<string, unknown> {
  const { request, match } = source;
  const encoded = encodeBody(body, request.header("content-type"), request.header("content-encoding"));
  return {
    version: "1.0",
    resource: resourcePath(match),
    path: request.path,
    httpMethod: request.method,
    ...parametersV1(source),
    requestContext: contextV1(source),
    body: encoded.body ?? null,
    isBase64Encoded: encoded.isBase64Encoded,
  };
}

/** Request of a Lambda authorizer with payload format 2.0. */
export function authorizerEventV2(
  source: EventSource,
  routeArn: string,
  identity: string[],
): Record<string, unknown> {
  const { request, match } = source;
  return {
    version: "2.0",
    type: "REQUEST",
    routeArn,
    identitySource: identity,
    routeKey: match.route.key,
    rawPath: request.path,
    rawQueryString: request.rawQuery,
    ...parametersV2(source),
    requestContext: contextV2(source),
    ...(match.pathParameters && { pathParameters: match.pathParameters }),
  };
}

/** Request of a Lambda authorizer with payload format 1.0. */
export function authorizerEventV1(
  source: EventSource,
  methodArn: string,
  identity: string[],
): Record<string, unknown> {
  const { request, match } = source;
  return {
    version: "1.0",
    type: "REQUEST",
    methodArn,
    identitySource: identity.join(","),
    authorizationToken: identity.join(","),
    resource: resourcePath(match),
    path: request.path,
    httpMethod: request.method,
    ...parametersV1(source),
    requestContext: contextV1(source),
  };
}

const resourcePath = (match: EventSource["match"]) =>
  match.route.key === "$default" ? "$default" : match.route.key.slice(match.route.key.indexOf(" ") + 1);

/** Headers that end at this hop (RFC 9110 section 7.6.1). */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The headers that reach the function: the client's and the forwarding ones. Spelling as sent. */
export function forwardedHeaders(request: GatewayRequest): [name: string, value: string][] {
  const own = new Set(["x-amzn-trace-id", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-for"]);
  const forwarded = [request.header("x-forwarded-for"), request.sourceIp].filter(Boolean).join(", ");
  return [
    ...request.headers.filter(([name]) => !hopByHop.has(name.toLowerCase()) && !own.has(name.toLowerCase())),
    ["X-Amzn-Trace-Id", request.trace],
    ["X-Forwarded-For", forwarded],
    ["X-Forwarded-Port", String(request.port)],
    ["X-Forwarded-Proto", request.scheme],
  ];
}

function parametersV2({ request }: EventSource): Record<string, unknown> {
  const headers = collect(forwardedHeaders(request).map(([name, value]) => [name.toLowerCase(), value]));
  const cookies = (headers.cookie ?? [])
    .flatMap((line) => line.split(/;\s*/))
    .filter((cookie) => cookie !== "");
  delete headers.cookie;
  const query = collect(request.query);
  return {
    ...(cookies.length > 0 && { cookies }),
    headers: mapValues(headers, (values) => values.join(",")),
    ...(request.query.length > 0 && {
      queryStringParameters: mapValues(query, (values) => values.join(",")),
    }),
  };
}

function parametersV1({ request, match }: EventSource): Record<string, unknown> {
  const headers = collect(forwardedHeaders(request));
  const query = collect(request.query);
  const some = request.query.length > 0;
  return {
    headers: mapValues(headers, lastOf),
    multiValueHeaders: headers,
    queryStringParameters: some ? mapValues(query, lastOf) : null,
    multiValueQueryStringParameters: some ? query : null,
    pathParameters: match.pathParameters ?? null,
    stageVariables: null,
  };
}

function contextV2({
  gateway,
  accountId,
  request,
  match,
  authorisation,
}: EventSource): Record<string, unknown> {
  return {
    accountId,
    apiId: gateway.id,
    ...(authorisation && { authorizer: authorizerV2(authorisation) }),
    domainName: request.domainName,
    domainPrefix: request.domainName.split(".", 1)[0],
    http: {
      method: request.method,
      path: request.path,
      protocol: request.protocol,
      sourceIp: request.sourceIp,
      userAgent: request.userAgent,
    },
    requestId: request.requestId,
    routeKey: match.route.key,
    stage: gateway.stage,
    time: commonLogTime(request.receivedAt),
    timeEpoch: request.receivedAt,
  };
}

function contextV1({
  gateway,
  accountId,
  request,
  match,
  authorisation,
}: EventSource): Record<string, unknown> {
  return {
    accountId,
    apiId: gateway.id,
    ...(authorisation && { authorizer: authorizerV1(authorisation) }),
    domainName: request.domainName,
    domainPrefix: request.domainName.split(".", 1)[0],
    extendedRequestId: request.requestId,
    httpMethod: request.method,
    identity: {
      accessKey: authorisation?.kind === "iam" ? authorisation.accessKey : null,
      accountId: authorisation?.kind === "iam" ? authorisation.accountId : null,
      caller: authorisation?.kind === "iam" ? authorisation.callerId : null,
      cognitoAuthenticationProvider: null,
      cognitoAuthenticationType: null,
      cognitoIdentityId: null,
      cognitoIdentityPoolId: null,
      principalOrgId: null,
      sourceIp: request.sourceIp,
      user: authorisation?.kind === "iam" ? authorisation.callerId : null,
      userAgent: request.userAgent,
      userArn: authorisation?.kind === "iam" ? authorisation.userArn : null,
    },
    path: request.path,
    protocol: request.protocol,
    requestId: request.requestId,
    requestTime: commonLogTime(request.receivedAt),
    requestTimeEpoch: request.receivedAt,
    resourceId: match.route.key,
    resourcePath: resourcePath(match),
    stage: gateway.stage,
  };
}

function authorizerV2(authorisation: Authorisation): Record<string, unknown> {
  if (authorisation.kind === "jwt")
    return { jwt: { claims: authorisation.claims, scopes: authorisation.scopes } };
  if (authorisation.kind === "lambda") return { lambda: authorisation.context };
  const { accessKey, accountId, callerId, userArn } = authorisation;
  return {
    iam: {
      accessKey,
      accountId,
      callerId,
      cognitoIdentity: null,
      principalOrgId: null,
      userArn,
      userId: callerId,
    },
  };
}
function authorizerV1(authorisation: Authorisation): Record<string, unknown> {
  if (authorisation.kind === "jwt") return { claims: authorisation.claims, scopes: authorisation.scopes };
  if (authorisation.kind === "iam") return {};
  return {
    ...authorisation.context,
    ...(authorisation.principalId !== undefined && { principalId: authorisation.principalId }),
  };
}

/** Values by name, in the order they came. */
export function collect(pairs: [string, string][]): Record<string, string[]> {
  const all = new Map<string, string[]>();
  for (const [name, value] of pairs) {
    const values = all.get(name);
    if (values) values.push(value);
    else all.set(name, [value]);
  }
  return Object.fromEntries(all);
}
export function mapValues<A, B>(record: Record<string, A>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
export const lastOf = (values: string[]) => values.at(-1) ?? "";
