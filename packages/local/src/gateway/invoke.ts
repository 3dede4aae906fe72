/** Calls of functions on the gateway's behalf. */
import { AwsError } from "../cloud/errors.ts";
import type { Cloud, InvokeResult, Ports, Principal } from "../cloud/types.ts";

export interface FunctionCall {
  functionArn: string;
  /** On whose behalf: an API by the ARN that the function's permission is checked against, or who calls its address. */
  by: { sourceArn: string } | Principal;
  event: unknown;
  trace: string;
  /** The gateway stops waiting then; the function runs on. Absent: the function's own timeout ends it. */
  timeoutMs?: number;
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
  const { by, timeoutMs } = call;
  const principal: Principal =
    "kind" in by
      ? by
      : {
          kind: "service",
          service: "apigateway.amazonaws.com",
          sourceArn: by.sourceArn,
          sourceAccount: cloud.plan.accountId,
        };
  let cancel = () => {};
  const timeout = new Promise<CallOutcome>((resolve) => {
    if (timeoutMs !== undefined) cancel = cloud.clock.after(timeoutMs, () => resolve({ kind: "timeout" }));
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
        cloud.log(
          `${"kind" in by ? "a function URL" : "API Gateway"} cannot invoke ${call.functionArn}: ${refused.message}`,
        );
        return { kind: "refused", error: refused };
      });
    return await Promise.race([answer, timeout]);
  } finally {
    cancel();
  }
}
