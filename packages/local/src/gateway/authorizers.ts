/** The authorizers of an HTTP API, by the routes that name them. */
import type { IncomingMessage } from "node:http";
import type { Cloud, Ports } from "../cloud/types.ts";
import type { createAuthenticator } from "../front-door/index.ts";
import type { AuthorizerSpec, GatewaySpec } from "../plan/types.ts";
import { identityValues } from "./identity-source.ts";
import { checkJwt } from "./jwt-authorizer.ts";
import { createLambdaAuthorizer, type LambdaAuthorizer } from "./lambda-authorizer.ts";
import { type Authorisation, authorizerEventV1, authorizerEventV2 } from "./payload.ts";
import { Refusal } from "./refusal.ts";
import type { GatewayRequest } from "./request.ts";
import type { RouteMatch } from "./routes.ts";

/** Who signed a request (`createAuthenticator` of the front door); undefined when nobody did. Throws AwsError. */
export type Authenticate = ReturnType<typeof createAuthenticator>;

export interface Authorizers {
  cloud: Cloud;
  ports: Ports;
  gateway: GatewaySpec;
  authenticate: Authenticate;
  lambda: Map<string, LambdaAuthorizer>;
}
export interface Attempt {
  request: GatewayRequest;
  match: RouteMatch;
  incoming: IncomingMessage;
  body: Buffer;
}

export function createAuthorizers(
  cloud: Cloud,
  ports: Ports,
  gateway: GatewaySpec,
  authenticate: Authenticate,
): Authorizers {
  const lambda = new Map<string, LambdaAuthorizer>();
  for (const spec of gateway.authorizers)
    if (spec.kind === "lambda")
      lambda.set(spec.id, createLambdaAuthorizer(cloud, ports, spec, gateway.executionArn));
  return { cloud, ports, gateway, authenticate, lambda };
}

/** Undefined: the route asks for none. Throws Refusal. */
export async function authoriseRoute(
  authorizers: Authorizers,
  attempt: Attempt,
): Promise<Authorisation | undefined> {
  const id = attempt.match.route.authorizerId;
  if (id === undefined) return undefined;
  const spec = authorizers.gateway.authorizers.find((authorizer) => authorizer.id === id);
  if (!spec)
    throw new Refusal(500, `route "${attempt.match.route.key}" names authorizer ${id}, which the API lacks`);
  if (spec.kind === "jwt") return byJwt(authorizers, spec, attempt);
  return spec.kind === "lambda" ? byFunction(authorizers, spec, attempt) : byIam(authorizers, attempt);
}

function byJwt({ cloud, ports, gateway }: Authorizers, spec: AuthorizerSpec, { request, match }: Attempt) {
  if (!spec.jwt) throw new Refusal(500, `authorizer "${spec.name}" names no issuer`);
  const sources = spec.identitySources.length > 0 ? spec.identitySources : ["$request.header.Authorization"];
  const [token] = identityValues(sources, request, gateway, match.route.key).filter(
    (value) => value !== undefined,
  );
  return checkJwt({
    spec: spec.jwt,
    scopes: match.route.scopes,
    token,
    jwks: ports.cognito.jwks(spec.jwt.issuer),
    now: cloud.clock.now(),
  });
}

async function byFunction(
  { cloud, gateway, lambda }: Authorizers,
  spec: AuthorizerSpec,
  { request, match }: Attempt,
): Promise<Authorisation> {
  const authorizer = lambda.get(spec.id);
  if (!authorizer) throw new Refusal(500, `authorizer "${spec.name}" names no function`);
  const arn = routeArn(gateway, request);
  const source = { gateway, accountId: cloud.plan.accountId, request, match };
  const { principalId, context } = await authorizer.ask({
    identity: identityValues(spec.identitySources, request, gateway, match.route.key),
    resourceArn: arn,
    event: (identity) =>
      spec.lambda?.payloadVersion === "1.0"
        ? authorizerEventV1(source, arn, identity)
        : authorizerEventV2(source, arn, identity),
    trace: request.trace,
    sourceIp: request.sourceIp,
  });
  return { kind: "lambda", context, ...(principalId !== undefined && { principalId }) };
}

/** Lets a signed caller in whom IAM allows `execute-api:Invoke` on the resource. Throws Refusal 403. */
export function authoriseSigned(
  cloud: Cloud,
  authenticate: Authenticate,
  incoming: IncomingMessage,
  body: Buffer,
  resource: string,
): NonNullable<ReturnType<Authenticate>> {
  try {
    const caller = authenticate(incoming, body);
    if (!caller) throw new Refusal(403, "the request is not signed");
    cloud.authoriser.authorise({ principal: caller.principal, action: "execute-api:Invoke", resource });
    return caller;
  } catch (error) {
    throw error instanceof Refusal
      ? error
      : new Refusal(403, error instanceof Error ? error.message : String(error));
  }
}

function byIam(
  { cloud, gateway, authenticate }: Authorizers,
  { request, incoming, body }: Attempt,
): Authorisation {
  const caller = authoriseSigned(cloud, authenticate, incoming, body, routeArn(gateway, request));
  return signedBy(cloud.plan.accountId, caller);
}

/** What a function is told of a caller who has signed. */
export function signedBy(accountId: string, caller: NonNullable<ReturnType<Authenticate>>): Authorisation {
  const arn = caller.principal.kind === "role" ? caller.principal.roleArn : `arn:aws:iam::${accountId}:root`;
  const session = caller.principal.kind === "role" ? caller.principal.sessionName : "developer";
  return {
    kind: "iam",
    accessKey: caller.accessKeyId,
    accountId,
    callerId: `${caller.accessKeyId}:${session}`,
    userArn: arn.replace(
      /^(arn:aws:)iam(::\d+:)role\/(?:.*\/)?([^/]+)$/,
      `$1sts$2assumed-role/$3/${session}`,
    ),
  };
}

const routeArn = (gateway: GatewaySpec, request: GatewayRequest) =>
  `${gateway.executionArn}/${gateway.stage}/${request.method}${request.routePath}`;
