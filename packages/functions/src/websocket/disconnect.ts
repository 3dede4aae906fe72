import { disconnect } from "@frontdesk/core/realtime";
import type { APIGatewayProxyWebsocketHandlerV2 } from "aws-lambda";
import { asSystem } from "../system.ts";

/** Forgets a closed connection. Best effort: API Gateway does not promise to call it. */
export const handler: APIGatewayProxyWebsocketHandlerV2 = (event, context) =>
  asSystem("realtime-disconnect", context, async () => {
    await disconnect(event.requestContext.connectionId);
    return { statusCode: 200 };
  });
