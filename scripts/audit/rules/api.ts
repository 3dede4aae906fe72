import type { GraphResource } from "@frontdesk/local";
import { rule } from "../rule.ts";
import { value, type World } from "../world.ts";

const stages = { absent: "no API", over: (world: World) => world.all("gatewayStage") };

const protocolOf = (resource: GraphResource, world: World) => {
  const api = world.find("gatewayApi", value(resource, "apiId"));
  return api && value(api, "protocolType");
};

/** A socket is let in at $connect; API Gateway takes no authorizer on other routes of it. */
const canAuthorise = (route: GraphResource, world: World) =>
  protocolOf(route, world) !== "WEBSOCKET" || value(route, "routeKey") === "$connect";

export const apiRules = [
  rule({
    name: "api.access-logs",
    controls: ["APIGateway.9", "AwsSolutions-APIG1", "CKV_AWS_76"],
    statement: "Every API logs its requests",
    mend: "set accessLog",
    ...stages,
    wrong: (stage) => !value(stage, "accessLogSettings.destinationArn") && "has no access log",
  }),
  rule({
    name: "api.authorisation",
    controls: ["APIGateway.8", "AwsSolutions-APIG4", "CKV_AWS_309"],
    statement: "Every route that can ask who calls does",
    mend: "give the route an authorizer",
    absent: "no API",
    over: (world) => world.all("gatewayRoute").filter((route) => canAuthorise(route, world)),
    wrong: (route) =>
      ["undefined", "NONE", ""].includes(String(value(route, "authorizationType"))) &&
      `answers "${value(route, "routeKey")}" to anybody`,
  }),
  rule({
    name: "api.execution-logs",
    controls: ["APIGateway.1"],
    statement: "Every websocket API logs its errors",
    mend: 'set defaultRouteSettings.loggingLevel to "ERROR" or "INFO"',
    absent: "no websocket API",
    over: (world) => stages.over(world).filter((stage) => protocolOf(stage, world) === "WEBSOCKET"),
    wrong: (stage) =>
      !["ERROR", "INFO"].includes(String(value(stage, "defaultRouteSettings.loggingLevel"))) &&
      "does not log its errors",
  }),
];
