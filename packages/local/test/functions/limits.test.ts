import { afterEach, describe, expect, it } from "vitest";
import type { LambdaOptions } from "../../src/functions/index.ts";
import type { FunctionSpec } from "../../src/plan/types.ts";
import { developer, functionSpec, startLambda, type TestLambda } from "./support.ts";

let test: TestLambda | undefined;
afterEach(() => test?.[Symbol.asyncDispose]());

const start = async (
  handler: string,
  changes: Partial<Omit<FunctionSpec, "build">> = {},
  options: Partial<LambdaOptions> = {},
) => {
  test = await startLambda([functionSpec(`src/basic.${handler}`, changes)], options);
  const { lambda, call, cloud } = test;
  const arn = test.arn(`src/basic.${handler}`);
  const log = test.next(({ kind }) => kind === "lambda.log");
  return {
    ...test,
    cloud,
    log,
    invoke: (event: unknown = {}) => lambda.invoke(developer, arn, event),
    call: (event: unknown = {}) => call(`src/basic.${handler}`, event),
  };
};

describe("the timeout", () => {
  it("of the function ends it by the clock, busy or not, and the next invocation gets a new process", async () => {
    const { call, cloud, log, observations } = await start("spins", { timeoutSeconds: 3 });
    const answer = call();
    await log;
    cloud.clock.advance(3000);
    expect(await answer).toEqual({
      error: true,
      value: {
        errorType: "Sandbox.Timedout",
        errorMessage: expect.stringMatching(
          /^RequestId: [0-9a-f-]{36} Error: Task timed out after 3\.00 seconds$/,
        ),
        trace: [],
      },
    });
    const end = observations.find(({ kind }) => kind === "lambda.end");
    expect(end?.detail.error).toContain("Task timed out");
    const again = call();
    const second = await test?.next(({ kind }) => kind === "lambda.log");
    expect(second?.detail.line).toMatch(/^\d+$/);
    cloud.clock.advance(3000);
    expect((await again).error).toBe(true);
  });
});

describe("the memory", () => {
  it("counts native memory: a function beyond it is killed, and others live on", async () => {
    const { call } = await start("allocates", { memoryMB: 160 });
    expect(await call({ megabytes: 20 })).toEqual({ error: false, value: 1 });
    expect(await call({ megabytes: 200 })).toEqual({
      error: true,
      value: {
        errorType: "Runtime.OutOfMemory",
        errorMessage: expect.stringContaining("Runtime exited with error: signal: killed"),
        trace: [],
      },
    });
    expect(await call({ megabytes: 20 })).toEqual({ error: false, value: 1 });
  });

  it("of JavaScript objects is bounded too", async () => {
    const { call } = await start("fillsHeap", { memoryMB: 128 });
    expect(await call()).toMatchObject({ error: true, value: { errorType: "Runtime.OutOfMemory" } });
  });
});

describe("concurrency", () => {
  it("gives every invocation a process of its own, up to the limit; further ones wait for their turn", async () => {
    const { call } = await start("sleeps", {}, { processes: 2 });
    const pids = await Promise.all([1, 2, 3, 4].map(() => call({ ms: 100 })));
    expect(new Set(pids.map(({ value }) => value)).size).toBe(2);
  });

  it("beyond what is reserved is refused at once", async () => {
    const { invoke } = await start("sleeps", { reservedConcurrency: 1 });
    const first = invoke({ ms: 50 });
    await expect(invoke()).rejects.toMatchObject({
      code: "TooManyRequestsException",
      status: 429,
      details: { Reason: "ReservedFunctionConcurrentInvocationLimitExceeded" },
    });
    await first;
    expect((await invoke({ ms: 0 })).functionError).toBeUndefined();
  });

  it("of zero stops a function", async () => {
    const { invoke } = await start("echo", { reservedConcurrency: 0 });
    await expect(invoke()).rejects.toMatchObject({ code: "TooManyRequestsException" });
  });

  it("an invocation that waits longer than the function may run is throttled", async () => {
    const { invoke, cloud, log } = await start("spins", { timeoutSeconds: 5 }, { processes: 1 });
    const first = invoke();
    await log;
    cloud.clock.advance(3000);
    const second = invoke();
    const expectation = expect(second).resolves.toMatchObject({ functionError: "Unhandled" });
    const third = invoke();
    cloud.clock.advance(2000);
    await expect(first).resolves.toMatchObject({ functionError: "Unhandled" });
    await test?.next(({ kind }) => kind === "lambda.log");
    cloud.clock.advance(4000);
    await expect(third).rejects.toMatchObject({ code: "TooManyRequestsException" });
    cloud.clock.advance(1000);
    await expectation;
  });

  it("a caller that gives up leaves the queue, and what has begun goes on", async () => {
    const { lambda, invoke, arn } = { ...(await start("sleeps", {}, { processes: 1 })) };
    const first = invoke({ ms: 50 });
    const gone = new AbortController();
    const second = lambda.invoke(developer, arn("src/basic.sleeps"), { ms: 0 }, { signal: gone.signal });
    gone.abort(new Error("no longer interested"));
    await expect(second).rejects.toThrow("no longer interested");
    expect((await first).functionError).toBeUndefined();
  });
});

it("an idle process ends after some minutes, and its state with it", async () => {
  const { call, cloud } = await start("counter");
  expect(await call()).toMatchObject({ value: { invocations: 1 } });
  cloud.clock.advance(5 * 60_000);
  expect(await call()).toMatchObject({ value: { invocations: 2 } });
  cloud.clock.advance(12 * 60_000);
  cloud.clock.advance(60_000);
  expect(await call()).toMatchObject({ value: { invocations: 1 } });
});
