import { afterAll, beforeAll, expect, it } from "vitest";
import { functionSpec, startLambda, type TestLambda } from "./support.ts";

let test: TestLambda;
beforeAll(async () => {
  test = await startLambda([
    functionSpec("src/empty.handler"),
    functionSpec("src/empty.notFunction"),
    functionSpec("src/broken-start.handler"),
  ]);
});
afterAll(() => test[Symbol.asyncDispose]());

it.each([
  "src/empty.handler",
  "src/empty.notFunction",
])("%s, which is no handler, is Runtime.HandlerNotFound", async (name) => {
  expect(await test.call(name)).toMatchObject({
    error: true,
    value: { errorType: "Runtime.HandlerNotFound", errorMessage: expect.stringContaining("bundle.") },
  });
});

it("what the module throws while it loads fails the invocation, and is logged", async () => {
  expect(await test.call("src/broken-start.handler")).toMatchObject({
    error: true,
    value: { errorType: "TypeError", errorMessage: "no configuration" },
  });
  expect(test.logs).toContain("[src-broken-start-handler] about to fail");
  expect(test.logs).toContain("[src-broken-start-handler] Invoke Error: TypeError: no configuration");
});
