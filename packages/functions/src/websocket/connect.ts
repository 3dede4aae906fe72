import { connect, parseRoles } from "@frontdesk/core/realtime";
import type {
  APIGatewayEventWebsocketRequestContextV2,
  APIGatewayProxyResultV2,
  APIGatewayProxyWebsocketEventV2WithRequestContext,
  Context,
} from "aws-lambda";
import { asSystem } from "../system.ts";

type RequestContext = APIGatewayEventWebsocketRequestContextV2 & {
  authorizer?: { userId?: string; roles?: string };
};

/** Remembers a connection that the authorizer has let in. */
export function handler(
  event: APIGatewayProxyWebsocketEventV2WithRequestContext<RequestContext>,
  context: Context,
): Promise<APIGatewayProxyResultV2> {
  return asSystem("realtime-connect", context, async () => {
    const { connectionId, authorizer } = event.requestContext;
    // Without the authorizer nobody is known: the route was deployed without it.
    if (!authorizer?.userId) return { statusCode: 401 };
    await connect(connectionId, { userId: authorizer.userId, roles: parseRoles(authorizer.roles ?? "") });
    return { statusCode: 200 };
  });
}
