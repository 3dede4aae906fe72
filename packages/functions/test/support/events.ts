/** Events as Lambda hands them over, built rather than pasted: each has what its handlers read, in AWS's own form. */
import type {
  APIGatewayProxyWebsocketEventV2,
  APIGatewayRequestAuthorizerEvent,
  Context,
  ScheduledEvent,
  SQSEvent,
} from "aws-lambda";
import type { Claims } from "./api.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
export function context(awsRequestId = "invocation-1"): Context {
  return {
    awsRequestId,
    callbackWaitsForEmptyEventLoop: false,
    functionName: "function",
    functionVersion: "$LATEST",
    invokedFunctionArn: "arn:aws:lambda:ca-central-1:000000000000:function:function",
    memoryLimitInMB: "512",
    logGroupName: "/aws/lambda/function",
    logStreamName: "stream",
    getRemainingTimeInMillis: () => 20_000,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
export function sqsEvent(...records: { messageId: string; body: string; attempt?: number }[]): SQSEvent {
  return {
    Records: records.map(({ messageId, body, attempt = 1 }) => ({
      messageId,
      receiptHandle: `handle of ${messageId}`,
      body,
      attributes: {
        ApproximateReceiveCount: String(attempt),
        SentTimestamp: "1795489887000",
        SenderId: "AIDAEXAMPLE",
        ApproximateFirstReceiveTimestamp: "1795489887001",
      },
      messageAttributes: {},
      md5OfBody: "0",
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:ca-central-1:000000000000:email",
      awsRegion: "ca-central-1",
    })),
  };
}

const websocketArn = "arn:aws:execute-api:ca-central-1:000000000000:socket/$default/$connect";

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html */
export function authorizerEvent(
  ticket: string | undefined,
  headers: Record<string, string> = {},
): APIGatewayRequestAuthorizerEvent {
  return {
    type: "REQUEST",
    methodArn: websocketArn,
    headers,
    queryStringParameters: ticket === undefined ? null : { ticket },
    requestContext: { routeKey: "$connect", eventType: "CONNECT", connectionId: "connection-1" },
  } as unknown as APIGatewayRequestAuthorizerEvent;
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-route-keys-connect-disconnect.html */
export function websocketEvent<A extends object = object>(
  routeKey: "$connect" | "$disconnect" | "$default",
  connectionId: string,
  options: { body?: string; authorizer?: A } = {},
): APIGatewayProxyWebsocketEventV2 & {
  requestContext: APIGatewayProxyWebsocketEventV2["requestContext"] & { authorizer?: A };
} {
  return {
    isBase64Encoded: false,
    ...(options.body !== undefined && { body: options.body }),
    requestContext: {
      routeKey,
      eventType: routeKey === "$connect" ? "CONNECT" : routeKey === "$disconnect" ? "DISCONNECT" : "MESSAGE",
      connectionId,
      connectedAt: 1_795_489_887_000,
      messageId: "frame-1",
      extendedRequestId: "extended-1",
      requestId: "request-1",
      requestTime: "24/Nov/2026:03:11:27 +0000",
      requestTimeEpoch: 1_795_489_887_000,
      messageDirection: "IN",
      domainName: "socket.test",
      stage: "$default",
      apiId: "socket",
      ...(options.authorizer && { authorizer: options.authorizer }),
    },
  };
}

/** https://docs.aws.amazon.com/lambda/latest/dg/services-eventbridge.html */
export function scheduledEvent(): ScheduledEvent {
  return {
    id: "event-1",
    version: "0",
    account: "000000000000",
    time: "2026-11-24T03:11:27Z",
    region: "ca-central-1",
    resources: ["arn:aws:events:ca-central-1:000000000000:rule/sweep"],
    source: "aws.events",
    "detail-type": "Scheduled Event",
    detail: {},
  };
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
export function httpEvent(
  method: string,
  rawPath: string,
  options: {
    claims?: Claims;
    headers?: Record<string, string>;
    cookies?: string[];
    rawQueryString?: string;
    body?: string;
    isBase64Encoded?: boolean;
  } = {},
) {
  const { claims, headers, cookies, rawQueryString = "", body, isBase64Encoded = false } = options;
  const routeKey = claims ? `${method} /{proxy+}` : `${method} ${rawPath}`;
  return {
    version: "2.0",
    routeKey,
    rawPath,
    rawQueryString,
    ...(cookies && { cookies }),
    headers: { host: "api.test", "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https", ...headers },
    ...(rawQueryString !== "" && {
      queryStringParameters: Object.fromEntries(new URLSearchParams(rawQueryString)),
    }),
    requestContext: {
      accountId: "000000000000",
      apiId: "api",
      authentication: null,
      authorizer: { ...(claims && { jwt: { claims: claims as Record<string, string>, scopes: null } }) },
      domainName: "api.test",
      domainPrefix: "api",
      http: { method, path: rawPath, protocol: "HTTP/1.1", sourceIp: "192.0.2.7", userAgent: "test" },
      requestId: "JKJaXmPLvHcESHA=",
      routeKey,
      stage: "$default",
      time: "24/Nov/2026:03:11:27 +0000",
      timeEpoch: 1_795_489_887_000,
    },
    body: body ?? null,
    isBase64Encoded,
  };
}
