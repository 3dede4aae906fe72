/** Calls of functions on the gateway's behalf. */
import { AwsError } from "../cloud/errors.ts";
import type { Cloud, InvokeResult, Ports } from "../cloud/types.ts";

export interface FunctionCall {
  functionArn: string;
  /** What the function's permission for API Gateway is checked against. */
  sourceArn: string;
  event: unknown;
  trace: string;
  /** The gateway stops waiting then; the function runs on. */
  timeoutMs: number;
}
export type CallOutcome =
  | { kind: "answered"; payload: string }
  /** The function threw, timed out by its own limit, or crashed. */
  | { kind: "failed"; result: InvokeResult }
  | { kind: "timeout" }
  /** It could not be invoked: no permission, no such function, too many at once, event too large. */
  | { kind: "refused"; error: AwsError };

/** Never rejects for what a function or its permission does wrong. */
export async function callFunction(cloud: Cloud, ports: Ports, call: FunctionCall): Promise<CallOutcome> {
  const principal = {
    kind: "service",
    service: "apigateway.amazonaws.com",
    sourceArn: call.sourceArn,
    sourceAccount: cloud.plan.accountId,
  } as const;
  let cancel = () => {};
  const timeout = new Promise<CallOutcome>((resolve) => {
    cancel = cloud.clock.after(call.timeoutMs, () => resolve({ kind: "timeout" }));
  });
  try {
    const answer = ports.lambda
      .invoke(principal, call.functionArn, call.event, { traces: [call.trace] })
      .then(
        (result): CallOutcome =>
          result.functionError === undefined
            ? { kind: "answered", payload: result.payload }
            : { kind: "failed", result },
      )
      .catch((error: unknown): CallOutcome => {
        const refused =
          error instanceof AwsError ? error : new AwsError("ServiceException", String(error), 500);
        cloud.log(`API Gateway cannot invoke ${call.functionArn}: ${refused.message}`);
        return { kind: "refused", error: refused };
      });
    return await Promise.race([answer, timeout]);
  } finally {
    cancel();
  }
}
