import type { Graph } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { graphOf, stages } from "./support/graphs.ts";
import { all, one, text } from "./support/read.ts";

function api(graph: Graph, protocol: "HTTP" | "WEBSOCKET") {
  const found = all(graph, "aws:apigatewayv2/api:Api").filter(
    ({ inputs }) => inputs.protocolType === protocol,
  );
  expect(found).toHaveLength(1);
  return found[0] as (typeof found)[number];
}
const routes = (graph: Graph, protocol: "HTTP" | "WEBSOCKET") =>
  all(graph, "route").filter(({ inputs }) => inputs.apiId === api(graph, protocol).outputs.id);

describe.each(stages)("HTTP API of stage %s", (stage) => {
  test("two routes are public; every other needs a token of our pool for our client", async () => {
    const graph = await graphOf(stage);
    const authorizer = all(graph, "authorizer").find(({ inputs }) => inputs.authorizerType === "JWT");
    expect(authorizer?.inputs).toMatchObject({
      identitySources: ["$request.header.Authorization"],
      jwtConfiguration: {
        issuer: graph.links.Auth?.issuer,
        audiences: [graph.links.Auth?.clientId],
      },
    });
    const byKind = (open: boolean) =>
      routes(graph, "HTTP")
        .filter(({ inputs }) => (inputs.authorizationType === "NONE") === open)
        .map(({ inputs }) => String(inputs.routeKey))
        .toSorted();
    expect(byKind(true)).toEqual(
      ["GET", "HEAD"].flatMap((method) => [`${method} /health`, `${method} /openapi.json`]),
    );
    expect(byKind(false)).toEqual(
      ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"].map((method) => `${method} /{proxy+}`),
    );
    for (const { inputs } of routes(graph, "HTTP"))
      if (inputs.authorizationType !== "NONE")
        expect(inputs).toMatchObject({ authorizationType: "JWT", authorizerId: authorizer?.outputs.id });
  });

  test("a browser's preflight is answered by the gateway: no route takes OPTIONS, and the origins are ours", async () => {
    const graph = await graphOf(stage);
    for (const { inputs } of routes(graph, "HTTP"))
      expect(inputs.routeKey).not.toMatch(/^(ANY|OPTIONS|\$default)/);
    const cors = api(graph, "HTTP").inputs.corsConfiguration as Record<string, string[]>;
    expect(cors.allowOrigins).toEqual(["http://localhost:5173"]);
    expect(cors.allowHeaders).toContain("authorization");
  });

  test("requests are throttled, logged for a month, and stay in payload format 2.0", async () => {
    const graph = await graphOf(stage);
    const stageOf = all(graph, "aws:apigatewayv2/stage:Stage").find(
      ({ inputs }) => inputs.apiId === api(graph, "HTTP").outputs.id,
    );
    expect(stageOf?.inputs).toMatchObject({
      name: "$default",
      autoDeploy: true,
      defaultRouteSettings: { throttlingBurstLimit: 200, throttlingRateLimit: 100 },
    });
    const { destinationArn } = stageOf?.inputs.accessLogSettings as { destinationArn: string };
    const log = all(graph, "logGroup").find(({ outputs }) => outputs.arn === destinationArn);
    expect(log?.inputs.retentionInDays).toBe(30);
  });
});

describe.each(stages)("websocket API of stage %s", (stage) => {
  test("$connect needs a ticket from the query, decided by our function; the other routes follow the connection", async () => {
    const graph = await graphOf(stage);
    const authorizer = all(graph, "authorizer").find(({ inputs }) => inputs.authorizerType === "REQUEST");
    const fn = one(graph, "function", "RealtimeAuthorizerFunction");
    expect(authorizer?.inputs).toMatchObject({
      apiId: api(graph, "WEBSOCKET").outputs.id,
      identitySources: ["route.request.querystring.ticket"],
      authorizerUri: text(fn, "invokeArn"),
    });
    const byKey = Object.fromEntries(
      routes(graph, "WEBSOCKET").map(({ inputs }) => [
        inputs.routeKey,
        [inputs.authorizationType, inputs.authorizerId],
      ]),
    );
    expect(byKey).toEqual({
      $connect: ["CUSTOM", authorizer?.outputs.id],
      $disconnect: ["NONE", undefined],
      $default: ["NONE", undefined],
    });
    expect(api(graph, "WEBSOCKET").inputs.routeSelectionExpression).toBe("$request.body.action");
  });

  test("each route reaches its own function, and the gateway alone may invoke it", async () => {
    const graph = await graphOf(stage);
    for (const [key, name] of [
      ["$connect", "RealtimeConnect"],
      ["$disconnect", "RealtimeDisconnect"],
      ["$default", "RealtimeDefault"],
    ]) {
      const route = routes(graph, "WEBSOCKET").find(({ inputs }) => inputs.routeKey === key);
      const integration = all(graph, "aws:apigatewayv2/integration:Integration").find(
        ({ outputs }) => `integrations/${outputs.id}` === route?.inputs.target,
      );
      const arn = text(one(graph, "function", `${name}Function`), "arn");
      expect(integration?.inputs.integrationUri).toContain(arn);
      const permissions = all(graph, "aws:lambda/permission:Permission").filter(
        ({ inputs }) => inputs.function === arn,
      );
      expect(permissions).toHaveLength(1);
      expect(permissions[0]?.inputs).toMatchObject({
        principal: "apigateway.amazonaws.com",
        sourceArn: `${text(api(graph, "WEBSOCKET"), "executionArn")}/*`,
      });
    }
  });

  test("the link has the addresses for clients and for pushing", async () => {
    const graph = await graphOf(stage);
    const id = text(api(graph, "WEBSOCKET"), "id");
    expect(graph.links.Realtime).toEqual({
      type: "sst.aws.ApiGatewayWebSocket",
      url: `wss://${id}.execute-api.ca-central-1.amazonaws.com/$default`,
      managementEndpoint: `https://${id}.execute-api.ca-central-1.amazonaws.com/$default`,
    });
  });
});

test("nobody lets a function be invoked from elsewhere: every permission names a source of this account", async () => {
  for (const stage of stages)
    for (const { inputs, name } of all(await graphOf(stage), "aws:lambda/permission:Permission")) {
      expect(inputs.principal, name).toMatch(/^(apigateway|events|cognito-idp)\.amazonaws\.com$/);
      expect(inputs.sourceArn, name).toMatch(
        /^arn:aws:(execute-api|events|cognito-idp):ca-central-1:123456789012:/,
      );
    }
});
