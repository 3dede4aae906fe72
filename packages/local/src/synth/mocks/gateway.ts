import type { MockTable } from "./context.ts";
import { byName, plain } from "./shapes.ts";

/** API Gateway v2 and v1, AppSync. */
export const gateway: MockTable = {
  "aws:apigatewayv2/api:Api": (c) => {
    const id = c.alphanumeric(10);
    const websocket = c.inputs.protocolType === "WEBSOCKET";
    const name = c.named("name", { max: 128 });
    if (websocket) c.shared.set(`websocket/${id}`, "yes");
    return {
      id,
      inputs: { name },
      outputs: {
        apiEndpoint: `${websocket ? "wss" : "https"}://${id}.execute-api.${c.region}.amazonaws.com`,
        arn: c.arn("apigateway", `/apis/${id}`, { account: "" }),
        executionArn: c.arn("execute-api", id),
      },
    };
  },
  "aws:apigatewayv2/stage:Stage": (c) => {
    const name = c.text("name") ?? "$default";
    const api = c.text("apiId") ?? "";
    const host = `${api}.execute-api.${c.region}.amazonaws.com`;
    return {
      id: name,
      inputs: { name },
      outputs: {
        arn: c.arn("apigateway", `/apis/${api}/stages/${name}`, { account: "" }),
        executionArn: `${c.arn("execute-api", api)}/${name}`,
        invokeUrl: c.shared.has(`websocket/${api}`)
          ? `wss://${host}/${name}`
          : `https://${host}/${name === "$default" ? "" : name}`,
      },
    };
  },
  "aws:apigatewayv2/integration:Integration": plain((c) => c.alphanumeric(7)),
  "aws:apigatewayv2/route:Route": plain((c) => c.alphanumeric(7)),
  "aws:apigatewayv2/routeResponse:RouteResponse": plain((c) => c.alphanumeric(7)),
  "aws:apigatewayv2/integrationResponse:IntegrationResponse": plain((c) => c.alphanumeric(7)),
  "aws:apigatewayv2/authorizer:Authorizer": byAlphanumericId("name", 6),
  "aws:apigatewayv2/deployment:Deployment": plain((c) => c.alphanumeric(6)),
  "aws:apigatewayv2/model:Model": byAlphanumericId("name", 6),
  "aws:apigatewayv2/domainName:DomainName": (c) => {
    const domain = c.text("domainName") ?? c.name;
    const configuration = (c.inputs.domainNameConfiguration ?? {}) as Record<string, unknown>;
    return {
      id: domain,
      outputs: {
        arn: c.arn("apigateway", `/domainnames/${domain}`, { account: "" }),
        apiMappingSelectionExpression: "$request.basepath",
        domainNameConfiguration: {
          ...configuration,
          hostedZoneId: `Z${c.upper(13)}`,
          targetDomainName: `d-${c.alphanumeric(10)}.execute-api.${c.region}.amazonaws.com`,
        },
      },
    };
  },
  "aws:apigatewayv2/apiMapping:ApiMapping": plain((c) => c.alphanumeric(6)),
  "aws:apigatewayv2/vpcLink:VpcLink": byAlphanumericId("name", 6),

  "aws:apigateway/account:Account": plain(() => "api-gateway-account"),
  "aws:apigateway/restApi:RestApi": (c) => {
    const id = c.alphanumeric(10);
    return {
      id,
      inputs: { name: c.named("name", { max: 128 }) },
      outputs: {
        arn: c.arn("apigateway", `/restapis/${id}`, { account: "" }),
        executionArn: c.arn("execute-api", id),
        rootResourceId: c.alphanumeric(10, "root"),
      },
    };
  },
  "aws:apigateway/resource:Resource": (c) => ({
    id: c.alphanumeric(6),
    outputs: { path: `/${c.text("pathPart") ?? ""}` },
  }),
  "aws:apigateway/method:Method": plain(),
  "aws:apigateway/methodResponse:MethodResponse": plain(),
  "aws:apigateway/integration:Integration": plain(),
  "aws:apigateway/integrationResponse:IntegrationResponse": plain(),
  "aws:apigateway/response:Response": plain(),
  "aws:apigateway/authorizer:Authorizer": byAlphanumericId("name", 6),
  "aws:apigateway/deployment:Deployment": (c) => ({
    id: c.alphanumeric(6),
    outputs: {
      executionArn: `${c.arn("execute-api", c.text("restApi") ?? "")}/`,
      invokeUrl: `https://${c.text("restApi")}.execute-api.${c.region}.amazonaws.com/`,
    },
  }),
  "aws:apigateway/stage:Stage": (c) => {
    const api = c.text("restApi") ?? "";
    const stage = c.text("stageName") ?? c.name;
    return {
      id: `ags-${api}-${stage}`,
      outputs: {
        arn: c.arn("apigateway", `/restapis/${api}/stages/${stage}`, { account: "" }),
        executionArn: `${c.arn("execute-api", api)}/${stage}`,
        invokeUrl: `https://${api}.execute-api.${c.region}.amazonaws.com/${stage}`,
      },
    };
  },
  "aws:apigateway/domainName:DomainName": (c) => {
    const domain = c.text("domainName") ?? c.name;
    return {
      id: domain,
      outputs: {
        arn: c.arn("apigateway", `/domainnames/${domain}`, { account: "" }),
        cloudfrontDomainName: `d${c.alphanumeric(13)}.cloudfront.net`,
        cloudfrontZoneId: "Z2FDTNDATAQYW2",
        regionalDomainName: `d-${c.alphanumeric(10)}.execute-api.${c.region}.amazonaws.com`,
        regionalZoneId: `Z${c.upper(13)}`,
      },
    };
  },
  "aws:apigateway/basePathMapping:BasePathMapping": plain(),
  "aws:apigateway/usagePlan:UsagePlan": byAlphanumericId("name", 6),
  "aws:apigateway/usagePlanKey:UsagePlanKey": plain(),
  "aws:apigateway/apiKey:ApiKey": (c) => ({
    id: c.alphanumeric(10),
    inputs: { name: c.named("name") },
    outputs: {
      arn: c.arn("apigateway", `/apikeys/${c.alphanumeric(10)}`, { account: "" }),
      value: c.text("value") ?? c.secret(40, "abcdefghijklmnopqrstuvwxyz0123456789"),
    },
  }),

  "aws:appsync/graphQLApi:GraphQLApi": (c) => {
    const id = c.alphanumeric(26);
    return {
      id,
      inputs: { name: c.named("name") },
      outputs: {
        arn: c.arn("appsync", `apis/${id}`),
        uris: {
          GRAPHQL: `https://${id}.appsync-api.${c.region}.amazonaws.com/graphql`,
          REALTIME: `wss://${id}.appsync-realtime-api.${c.region}.amazonaws.com/graphql`,
        },
      },
    };
  },
  "aws:appsync/dataSource:DataSource": byName("name", (c, name) => ({
    arn: c.arn("appsync", `apis/${c.text("apiId")}/datasources/${name}`),
  })),
  "aws:appsync/function:Function": (c) => ({
    id: `${c.text("apiId")}-${c.alphanumeric(26)}`,
    outputs: { functionId: c.alphanumeric(26) },
  }),
  "aws:appsync/resolver:Resolver": (c) => ({
    id: `${c.text("apiId")}-${c.text("type")}-${c.text("field")}`,
    outputs: {
      arn: c.arn("appsync", `apis/${c.text("apiId")}/types/${c.text("type")}/resolvers/${c.text("field")}`),
    },
  }),
  "aws:appsync/domainName:DomainName": (c) => ({
    id: c.text("domainName") ?? c.name,
    outputs: { appsyncDomainName: `d${c.alphanumeric(13)}.cloudfront.net`, hostedZoneId: "Z2FDTNDATAQYW2" },
  }),
  "aws:appsync/domainNameApiAssociation:DomainNameApiAssociation": plain((c) => c.text("domainName")),
};

function byAlphanumericId(key: string, length: number): MockTable[string] {
  return (c) => ({ id: c.alphanumeric(length), inputs: { [key]: c.named(key, { max: 128 }) }, outputs: {} });
}
