import { redeemTicket } from "@frontdesk/core/realtime";
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent, Context } from "aws-lambda";
import { asSystem } from "../system.ts";

/**
 * Lets a socket in by its one-time ticket and its Origin. API Gateway answers 403 to whom it denies.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
 */
export function handler(
  event: APIGatewayRequestAuthorizerEvent,
  context: Context,
): Promise<APIGatewayAuthorizerResult> {
  return asSystem("realtime-authorizer", context, async () => {
    const bearer = await redeemTicket(
      event.queryStringParameters?.ticket ?? "",
      header(event.headers, "origin"),
    );
    return {
      principalId: bearer?.userId ?? "nobody",
      policyDocument: {
        Version: "2012-10-17",
        Statement: [
          { Effect: bearer ? "Allow" : "Deny", Action: "execute-api:Invoke", Resource: event.methodArn },
        ],
      },
      // Values of a context are text.
      ...(bearer && { context: { userId: bearer.userId, roles: bearer.roles.join(",") } }),
    };
  });
}

/** API Gateway passes headers on as the client wrote them. */
function header(headers: APIGatewayRequestAuthorizerEvent["headers"], name: string): string | undefined {
  return Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1];
}
