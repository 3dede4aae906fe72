import type { GraphResource } from "../graph/types.ts";
import { optional } from "./messaging.ts";
import { flag, optionalText, property, type Reader, record, text, texts, toNumber, toText } from "./read.ts";
import type { AuthorizerSpec, GatewaySpec, Plan, RouteSpec } from "./types.ts";

export function readGateways(
  reader: Reader,
  functionArn: (reference: string) => string,
  notRun: Plan["notRun"],
): GatewaySpec[] {
  return reader.all("aws:apigatewayv2/api:Api").map((resource): GatewaySpec => {
    const id = text(resource, "id");
    const own = (type: string) =>
      reader.all(`aws:apigatewayv2/${type}`).filter((child) => child.inputs.apiId === id);
    const integrations = new Map(
      own("integration:Integration").map((integration) => [text(integration, "id"), integration]),
    );
    const cors = property(resource, "corsConfiguration");
    return {
      id,
      name: reader.parent(resource)?.name ?? resource.name,
      region: resource.region,
      arn: text(resource, "arn"),
      executionArn: text(resource, "executionArn"),
      protocol: property(resource, "protocolType") === "WEBSOCKET" ? "WEBSOCKET" : "HTTP",
      stage: own("stage:Stage").map((stage) => optionalText(stage, "name"))[0] ?? "$default",
      host: new URL(text(resource, "apiEndpoint")).host,
      customDomains: own("apiMapping:ApiMapping").map((mapping) => text(mapping, "domainName")),
      routes: own("route:Route").flatMap((route) =>
        readRoute(route, integrations, functionArn, notRun).map((spec) => ({
          ...spec,
          ...(own("routeResponse:RouteResponse").some(
            (response) => response.inputs.routeId === route.outputs.id,
          ) && {
            routeResponse: true,
          }),
        })),
      ),
      authorizers: [
        ...own("authorizer:Authorizer").map((authorizer) => readAuthorizer(authorizer, functionArn)),
        ...(own("route:Route").some(signedByIam) ? [iamAuthorizer] : []),
      ],
      ...(cors !== undefined && cors !== null && { cors: readCors(record(cors)) }),
      ...optional("routeSelectionExpression", optionalText(resource, "routeSelectionExpression")),
    };
  });
}

/** `authorizationType: "AWS_IAM"` is an authorizer without a resource of its own. */
const iamAuthorizer: AuthorizerSpec = { id: "AWS_IAM", name: "AWS_IAM", kind: "iam", identitySources: [] };
const signedByIam = (route: GraphResource) => property(route, "authorizationType") === "AWS_IAM";

function readRoute(
  route: GraphResource,
  integrations: Map<string, GraphResource>,
  functionArn: (reference: string) => string,
  notRun: Plan["notRun"],
): RouteSpec[] {
  const target = text(route, "target").replace(/^integrations\//, "");
  const integration = integrations.get(target);
  const uri = integration && optionalText(integration, "integrationUri");
  if (!integration || !uri?.includes(":lambda:")) {
    notRun.push({ type: route.type, name: route.name, reason: "only routes to functions run here" });
    return [];
  }
  const authorizer = signedByIam(route) ? iamAuthorizer.id : optionalText(route, "authorizerId");
  const authorisation = optionalText(route, "authorizationType");
  if (!authorizer && authorisation && authorisation !== "NONE")
    throw new Error(
      `${route.type} "${route.name}" (${text(route, "routeKey")}) has the authorization type ${authorisation} and names no authorizer, which AWS refuses: add one with addAuthorizer() and give its id`,
    );
  return [
    {
      key: text(route, "routeKey"),
      functionArn: functionArn(uri),
      ...(authorizer && { authorizerId: authorizer }),
      scopes: texts(property(route, "authorizationScopes")),
      payloadVersion: property(integration, "payloadFormatVersion") === "1.0" ? "1.0" : "2.0",
    },
  ];
}

function readAuthorizer(
  authorizer: GraphResource,
  functionArn: (reference: string) => string,
): AuthorizerSpec {
  const jwt = record(property(authorizer, "jwtConfiguration"));
  const issuer = toText(jwt.issuer);
  const uri = optionalText(authorizer, "authorizerUri");
  return {
    id: text(authorizer, "id"),
    name: optionalText(authorizer, "name") ?? authorizer.name,
    kind: issuer ? "jwt" : "lambda",
    ...(issuer && { jwt: { issuer, audiences: texts(jwt.audiences) } }),
    ...(uri && {
      lambda: {
        functionArn: functionArn(uri),
        payloadVersion:
          property(authorizer, "authorizerPayloadFormatVersion") === "2.0"
            ? ("2.0" as const)
            : ("1.0" as const),
        simpleResponses: flag(authorizer, "enableSimpleResponses"),
        ttlSeconds: toNumber(property(authorizer, "authorizerResultTtlInSeconds")) ?? 0,
      },
    }),
    identitySources: texts(property(authorizer, "identitySources")),
  };
}

export function readCors(cors: Record<string, unknown>): NonNullable<GatewaySpec["cors"]> {
  return {
    allowOrigins: texts(cors.allowOrigins),
    allowMethods: texts(cors.allowMethods),
    allowHeaders: texts(cors.allowHeaders),
    exposeHeaders: texts(cors.exposeHeaders),
    allowCredentials: cors.allowCredentials === true,
    ...optional("maxAgeSeconds", toNumber(cors.maxAge)),
  };
}
