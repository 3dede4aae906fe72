import { receive } from "@frontdesk/core/realtime";
import type { APIGatewayProxyWebsocketHandlerV2 } from "aws-lambda";
import { asSystem } from "../system.ts";

/** Everything that clients say. Answers go over the socket, also to what is wrong. */
export const handler: APIGatewayProxyWebsocketHandlerV2 = (event, context) =>
  asSystem("realtime-default", context, async () => {
    await receive(event.requestContext.connectionId, event.body ?? "", context.awsRequestId);
    return { statusCode: 200 };
  });
