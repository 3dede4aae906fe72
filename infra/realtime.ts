import { cache, cacheSecretArn } from "./cache";
import { database } from "./database";
import { ownDomain } from "./dns";
import { createFunction } from "./function";
import { connectTo, postToConnections, readSecret } from "./grants";
import { migrated } from "./migrations";
import { appUser } from "./secrets";

export const realtime = new sst.aws.ApiGatewayWebSocket("Realtime", {
  ...ownDomain("ws"),
  accessLog: { retention: "1 month" },
  transform: {
    api: { routeSelectionExpression: "$request.body.action" },
    stage: {
      // Errors of the gateway itself, without what was said: the access log tells that a message failed, not why.
      defaultRouteSettings: { throttlingBurstLimit: 500, throttlingRateLimit: 200, loggingLevel: "ERROR" },
    },
  },
});

/** Grant for whoever pushes events to connected clients. */
export const push = postToConnections({
  executionArn: realtime.nodes.api.executionArn,
  stage: "$default",
});

const data = {
  links: [database],
  grants: [connectTo(appUser)],
  layers: ["data" as const],
  after: migrated,
};

const authorizer = createFunction("RealtimeAuthorizer", {
  ...data,
  handler: "websocket/authorizer.handler",
  description: "Lets a socket in by its one-time ticket and its Origin",
});
const connect = createFunction("RealtimeConnect", {
  ...data,
  handler: "websocket/connect.handler",
  description: "Remembers a new connection",
});
const disconnect = createFunction("RealtimeDisconnect", {
  ...data,
  handler: "websocket/disconnect.handler",
  description: "Forgets a closed connection",
});
const fallback = createFunction("RealtimeDefault", {
  ...data,
  handler: "websocket/default.handler",
  description: "Answers what clients say: subscribe, unsubscribe, ping",
  // Whether somebody may listen to a mailbox is asked of the cache first.
  links: [...data.links, cache, realtime],
  grants: [...data.grants, readSecret(cacheSecretArn), push],
});

// The identity source defaults to the Authorization header, which a browser cannot send with a socket.
const tickets = realtime.addAuthorizer("Ticket", {
  lambda: { function: authorizer.arn, identitySources: ["route.request.querystring.ticket"] },
});
realtime.route("$connect", connect.arn, { auth: { lambda: tickets.id } });
realtime.route("$disconnect", disconnect.arn);
realtime.route("$default", fallback.arn);
