import type { APIGatewayProxyEventV2, Context } from "aws-lambda";

/** What Hono's Lambda adapter hands on. Absent in tests that call the app directly without it. */
export interface Environment {
  Bindings: { event?: LambdaEvent; lambdaContext?: Pick<Context, "awsRequestId"> };
  Variables: { requestId: string; trace: string };
}

/** API Gateway's payload 2.0 with what its JWT authorizer found out. */
export type LambdaEvent = Pick<APIGatewayProxyEventV2, "headers"> & {
  requestContext: { requestId?: string; authorizer?: { jwt?: { claims?: Record<string, unknown> } } };
};
