import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runInvocations } from "../../src/functions/invocations.ts";
import type { InvocationSpec } from "../../src/plan/types.ts";
import { functionSpec, startLambda } from "./support.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "local-invocations-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const spec = functionSpec("src/flaky.handler");
const attempts = (name: string) =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8").length : 0;
const invocation = (name: string, failures = 0): InvocationSpec => ({
  name,
  functionArn: spec.arn,
  input: JSON.stringify({ file: join(folder, name), failures }),
});
async function run(invocations: InvocationSpec[]) {
  await using test = await startLambda([spec], { plan: { invocations }, stateDir: join(folder, "state") });
  await runInvocations(test.cloud, test.ports, test.lambda);
}

it("each invocation of the deployment runs once for the same code and input", async () => {
  await run([invocation("a"), invocation("b")]);
  await run([invocation("a"), invocation("b")]);
  expect([attempts("a"), attempts("b")]).toEqual([1, 1]);
  await run([
    invocation("a"),
    { ...invocation("b"), input: JSON.stringify({ file: join(folder, "b"), failures: 0, n: 2 }) },
  ]);
  expect([attempts("a"), attempts("b")]).toEqual([1, 2]);
});

it("one that fails stops the start with its error, and is tried again at the next", async () => {
  const plan = [invocation("a"), invocation("b", 1), invocation("c")];
  await expect(run(plan)).rejects.toThrow(`the invocation "b" of ${spec.arn} failed: Error: attempt 1 fails`);
  expect([attempts("a"), attempts("b"), attempts("c")]).toEqual([1, 1, 0]);
  await run(plan);
  expect([attempts("a"), attempts("b"), attempts("c")]).toEqual([1, 2, 1]);
});
