/** Functions that the deployment itself calls (`aws.lambda.Invocation`): migrations and the like, before any traffic. */
import { createHash } from "node:crypto";
import type { Cloud, Ports } from "../cloud/types.ts";

/** Name of an invocation -> hash of the code and input that it last succeeded with. */
type Done = Record<string, string>;

/**
 * Calls them in their order, each once for the same code and input.
 * @throws Error with the function's error, when one fails; what follows it is not called.
 */
export async function runInvocations(
  cloud: Cloud,
  ports: Ports,
  lambda: { codeHash(functionArn: string): string | undefined },
): Promise<void> {
  const done = cloud.state.read<Done>("functions/invocations", {});
  for (const { name, functionArn, input } of cloud.plan.invocations) {
    const hash = createHash("sha256")
      .update(JSON.stringify([functionArn, lambda.codeHash(functionArn), input]))
      .digest("hex");
    if (done[name] === hash) continue;
    const event: unknown = JSON.parse(input);
    // The deployer's right to call is not the app's business.
    const result = await ports.lambda.invoke({ kind: "developer" }, functionArn, event);
    if (result.functionError)
      throw new Error(`the invocation "${name}" of ${functionArn} failed: ${describe(result.payload)}`);
    done[name] = hash;
    cloud.state.write("functions/invocations", done);
  }
}

function describe(payload: string): string {
  const { errorType, errorMessage } = JSON.parse(payload) as { errorType?: string; errorMessage?: string };
  return errorType ? `${errorType}: ${errorMessage}` : payload;
}
