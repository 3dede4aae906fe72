/**
 * An HTTP API: matches the route, asks the authorizer, invokes the function, and answers as API Gateway does
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cloud, Ports } from "../cloud/types.ts";
import type { GatewaySpec } from "../plan/types.ts";
import { gatewayAnswer, type HttpAnswer, MalformedAnswer, readAnswer } from "./answer.ts";
import { type Authenticate, authoriseRoute, createAuthorizers } from "./authorizers.ts";
import { readBody } from "./body.ts";
import { isPreflight, preflightAnswer, withCors } from "./cors.ts";
import { callFunction } from "./invoke.ts";
import { type Authorisation, eventV1, eventV2 } from "./payload.ts";
import { Refusal } from "./refusal.ts";
import { BadRequest, type Door, type GatewayRequest, readRequest } from "./request.ts";
import { respond } from "./respond.ts";
import { createRouter, type RouteMatch } from "./routes.ts";

/** The longest an HTTP API waits for an integration. */
const INTEGRATION_TIMEOUT_MS = 30_000;

export interface HttpApi {
  request(incoming: IncomingMessage, response: ServerResponse, door: Door): Promise<void>;
}

export function createHttpApi(
  cloud: Cloud,
  ports: Ports,
  gateway: GatewaySpec,
  {
    authenticate,
    onLoopback = (address) => address,
  }: { authenticate: Authenticate; onLoopback?: ((address: string) => string) | undefined },
): HttpApi {
  const router = createRouter(gateway.routes);
  const authorizers = createAuthorizers(cloud, ports, gateway, authenticate);

  async function answer(incoming: IncomingMessage, request: GatewayRequest, seen: Seen): Promise<HttpAnswer> {
    const match = router.match(request.method, request.routePath);
    if (gateway.cors && isPreflight(request) && !guardedByDefaultRoute(match)) {
      seen.preflight = true;
      return preflightAnswer(gateway.cors, request);
    }
    if (!match) return gatewayAnswer(404, "Not Found");
    seen.route = match.route.key;
    const body = await readBody(incoming);
    const authorisation = await authoriseRoute(authorizers, { request, match, incoming, body });
    return await integrate(match, request, body, authorisation);
  }

  async function integrate(
    match: RouteMatch,
    request: GatewayRequest,
    body: Buffer,
    authorisation: Authorisation | undefined,
  ): Promise<HttpAnswer> {
    const { route } = match;
    const source = { gateway, accountId: cloud.plan.accountId, request, match, authorisation };
    const outcome = await callFunction(cloud, ports, {
      functionArn: route.functionArn,
      by: { sourceArn: `${gateway.executionArn}/${gateway.stage}/${sourcePath(route.key)}` },
      event: route.payloadVersion === "1.0" ? eventV1(source, body) : eventV2(source, body),
      trace: request.trace,
      timeoutMs: INTEGRATION_TIMEOUT_MS,
    });
    if (outcome.kind === "answered") return readAnswer(outcome.payload, route.payloadVersion);
    if (outcome.kind === "timeout") return gatewayAnswer(503, "Service Unavailable");
    if (outcome.kind === "refused") {
      if (outcome.error.code === "TooManyRequestsException") return gatewayAnswer(503, "Service Unavailable");
      if (outcome.error.status === 413) return gatewayAnswer(413, "Request Entity Too Large");
    }
    return gatewayAnswer(500, "Internal Server Error");
  }

  return {
    async request(incoming, response, door) {
      const started = performance.now();
      const seen: Seen = { route: undefined, preflight: false };
      let request: GatewayRequest | undefined;
      let result: HttpAnswer;
      try {
        request = readRequest(incoming, gateway, door, cloud.clock);
        result = await answer(incoming, request, seen);
      } catch (error) {
        if (incoming.destroyed && !incoming.complete) return;
        result = failure(cloud, gateway, error);
      }
      if (gateway.cors && request && !seen.preflight)
        result = withCors(gateway.cors, request.header("origin"), result);
      const { location } = result.headers;
      if (door === "loopback" && location)
        result = { ...result, headers: { ...result.headers, location: location.map(onLoopback) } };
      const status = respond(incoming, response, result, {
        ...(request && { headers: { "apigw-requestid": request.requestId } }),
        unsendable: (error) => failure(cloud, gateway, error),
      });
      cloud.observer.record("apigw.request", gateway.arn, request?.trace, {
        method: incoming.method,
        path: seen.route === undefined ? null : seen.route.replace(/^\S+ /, ""),
        status,
        ms: Math.round((performance.now() - started) * 10) / 10,
        requestId: request?.requestId,
      });
    },
  };
}

/** What became of a request, for its access line. */
interface Seen {
  route: string | undefined;
  preflight: boolean;
}

/**
 * With an authorizer on `$default`, even preflights are authorised unless an OPTIONS route of their own matches
 * (http-api-cors.html, "Configuring CORS for an HTTP API with a $default route and authorizer").
 */
const guardedByDefaultRoute = (match: RouteMatch | undefined) =>
  match?.route.key === "$default" && match.route.authorizerId !== undefined;

/** `GET /threads/{id}` as the resource of a permission: `GET/threads/{id}`; ANY is `*`. */
function sourcePath(routeKey: string): string {
  const [method, path] = routeKey.split(" ");
  return path === undefined ? routeKey : `${method === "ANY" ? "*" : method}${path}`;
}

function failure(cloud: Cloud, gateway: GatewaySpec, error: unknown): HttpAnswer {
  if (error instanceof BadRequest) return gatewayAnswer(error.status, error.message);
  if (error instanceof Refusal) {
    if (error.status === 500) cloud.log(`${gateway.name}: ${error.message}`);
    return gatewayAnswer(
      error.status,
      error.publicMessage,
      error.challenge === undefined ? {} : { "www-authenticate": [error.challenge] },
    );
  }
  const reason =
    error instanceof MalformedAnswer || error instanceof SyntaxError ? error.message : String(error);
  cloud.log(`${gateway.name}: a function's answer cannot be sent: ${reason}`);
  return gatewayAnswer(500, "Internal Server Error");
}
