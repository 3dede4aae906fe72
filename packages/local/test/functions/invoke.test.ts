import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { developer, functionSpec, startLambda, type TestLambda } from "./support.ts";

let test: TestLambda;
const arn = functionSpec("src/basic.any").arn;
beforeAll(async () => {
  test = await startLambda([functionSpec("src/basic.any")]);
});
afterAll(() => test[Symbol.asyncDispose]());

const call = (handler: string, event: object = {}) => test.call("src/basic.any", { handler, ...event });

describe("a handler", () => {
  it("answers with what it returns, and null for nothing", async () => {
    expect(await call("echo", { text: "naïve ✉ \u2028", list: [1] })).toEqual({
      error: false,
      value: { text: "naïve ✉ \u2028", list: [1] },
    });
    expect(await call("nothing")).toEqual({ error: false, value: null });
  });

  it("keeps its process and state between invocations", async () => {
    const first = await call("counter");
    const second = await call("counter");
    const { invocations, pid } = first.value as { invocations: number; pid: number };
    expect(second.value).toEqual({ invocations: invocations + 1, pid });
  });

  it("gets several megabytes in and out unchanged", async () => {
    const text = "é".repeat(2_500_000);
    const answer = await call("echo", { text });
    expect((answer.value as { text: string }).text === text).toBe(true);
  });

  it("with a callback answers when its event loop is empty, or at once if it says so", async () => {
    expect(await call("callback")).toEqual({ error: false, value: { by: "callback" } });
    expect(await call("callback", { fail: true })).toMatchObject({
      error: true,
      value: { errorType: "TypeError", errorMessage: "not like this" },
    });
    expect(await call("callbackThenTimer")).toEqual({ error: false, value: "early" });
    expect((await call("timerState")).value, "the timer has fired before the answer").toBe(true);
    expect(await call("neverAnswers")).toEqual({ error: false, value: null });
    expect(await call("callbackWithoutWaiting")).toEqual({ error: false, value: "at once" });
  });

  it("sees a complete context", async () => {
    const trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
    const { payload } = await test.lambda.invoke(developer, arn, { handler: "context" }, { traces: [trace] });
    expect(JSON.parse(payload)).toMatchObject({
      functionName: "src-basic-any",
      functionVersion: "$LATEST",
      invokedFunctionArn: arn,
      memoryLimitInMB: "512",
      logGroupName: "/aws/lambda/src-basic-any",
      logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      callbackWaitsForEmptyEventLoop: true,
      remaining: expect.toSatisfy((ms: number) => ms > 15_000 && ms <= 20_000),
      trace: expect.stringMatching(
        /^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=[0-9a-f]{16};Sampled=0$/,
      ),
    });
  });

  it("runs a batch of several traces under a trace of its own", async () => {
    const traces = ["Root=1-00000000-000000000000000000000001", "Root=1-00000000-000000000000000000000002"];
    const { payload } = await test.lambda.invoke(developer, arn, { handler: "context" }, { traces });
    const { trace } = JSON.parse(payload) as { trace: string };
    expect(trace).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};/);
    for (const root of traces) expect(trace).not.toContain(root);
  });
});

describe("the environment of a function", () => {
  it("is Lambda's, SST's and its own, and nothing of this machine's", async () => {
    process.env.SECRET_OF_THIS_MACHINE = "leak";
    const spec = functionSpec("src/basic.environment", {
      name: "with-links",
      environment: { OWN: "value", SST_KEY: "key", SST_KEY_FILE: "resource.enc", AWS_REGION: "eu-north-1" },
      build: { links: { Queue: { url: "https://sqs", arn: "arn" } } },
    });
    await using own = await startLambda([spec], { frontDoorPort: () => 4242 });
    own.cloud.addresses.add("db.cluster.local", 5432, { port: 1234 });
    const { value } = await own.call("src/basic.environment");
    const { env, cwd, argv } = value as { env: Record<string, string>; cwd: string; argv: string[] };
    delete process.env.SECRET_OF_THIS_MACHINE;
    expect(env).toMatchObject({
      OWN: "value",
      AWS_LAMBDA_FUNCTION_NAME: "with-links",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
      AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      AWS_REGION: "ca-central-1",
      AWS_DEFAULT_REGION: "ca-central-1",
      _HANDLER: "bundle.environment",
      LAMBDA_TASK_ROOT: cwd,
      AWS_ACCESS_KEY_ID: expect.stringMatching(/^ASIA/),
      AWS_ENDPOINT_URL: "http://127.0.0.1:4242",
      AWS_ENDPOINT_URL_SQS: "https://sqs.ca-central-1.amazonaws.com",
      TZ: ":UTC",
      SST_RESOURCE_App: '{"name":"fixture","stage":"test"}',
      SST_RESOURCE_Queue: '{"url":"https://sqs","arn":"arn"}',
      SST_LOCAL_ADDRESSES: '{"db.cluster.local:5432":"127.0.0.1:1234"}',
    });
    for (const name of ["SST_KEY", "SST_KEY_FILE", "SECRET_OF_THIS_MACHINE"])
      expect(env).not.toHaveProperty(name);
    expect(cwd.startsWith(own.cloud.state.root)).toBe(true);
    expect(argv).toEqual([]);
    expect(existsSync(String(env.TMPDIR))).toBe(true);
    await own.lambda.stop();
    expect(existsSync(String(env.TMPDIR)), "its temporary folder goes with it").toBe(false);
  });
});

describe("a failure", () => {
  it("of the handler is answered with type, message and stack that names the source", async () => {
    const { error, value } = await call("throwsError");
    const report = value as { trace: string[] };
    expect(error).toBe(true);
    expect(value).toMatchObject({ errorType: "RangeError", errorMessage: "out of bounds" });
    expect(report.trace[0]).toBe("RangeError: out of bounds");
    expect(report.trace[1]).toMatch(/src\/basic\.ts:\d+:\d+/);
    expect(await call("throwsText")).toEqual({
      error: true,
      value: { errorType: "string", errorMessage: "just text", trace: [] },
    });
    expect(await call("throwsAtOnce")).toMatchObject({ error: true, value: { errorMessage: "synchronous" } });
  });

  it("names what caused it, in the trace and in the log", async () => {
    const { value } = await call("throwsWithCause");
    const lines = ["    [cause]: Error: no way out", "    [cause]: RangeError: of this machine"];
    expect((value as { trace: string[] }).trace.slice(-2)).toEqual(lines);
    expect(test.logs.slice(-2).map((line) => line.slice(line.indexOf("] ") + 2))).toEqual(lines);
  });

  it("to write the answer as JSON is Runtime.MarshalError", async () => {
    expect(await call("circular")).toMatchObject({
      error: true,
      value: { errorType: "Runtime.MarshalError" },
    });
  });

  it("by size of the answer is Function.ResponseSizeTooLarge, and six megabytes pass", async () => {
    expect((await call("large", { bytes: 6 * 1024 * 1024 - 100 })).error).toBe(false);
    expect(await call("large", { bytes: 6 * 1024 * 1024 + 200 })).toMatchObject({
      error: true,
      value: { errorType: "Function.ResponseSizeTooLarge" },
    });
  });

  it("that nobody catches ends the process, not the function", async () => {
    expect(await call("unhandledRejection")).toMatchObject({
      error: true,
      value: { errorType: "Runtime.UnhandledPromiseRejection", errorMessage: "Error: nobody looks" },
    });
    expect(await call("uncaught")).toMatchObject({ error: true, value: { errorMessage: "from a timer" } });
    expect(await call("uncaught")).toMatchObject({ error: true, value: { errorMessage: "from a timer" } });
  });

  it("by exit or crash is contained and named, and what was logged before is kept", async () => {
    expect(await call("exits", { code: 3 })).toMatchObject({
      error: true,
      value: { errorType: "Runtime.ExitError", errorMessage: expect.stringContaining("exit status 3") },
    });
    expect(await call("exits", { code: 0 })).toMatchObject({
      value: { errorMessage: expect.stringContaining("Runtime exited without providing a reason") },
    });
    expect(test.logs.filter((line) => line.includes("the last words"))).toHaveLength(2);
    expect(await call("crashes")).toMatchObject({
      error: true,
      value: { errorType: "Runtime.ExitError", errorMessage: expect.stringContaining("segmentation fault") },
    });
  });
});

describe("what a function logs", () => {
  it("reaches the observer line by line with the request id, and the terminal with the function's name", async () => {
    const from = test.observations.length;
    await call("logs");
    const seen = test.observations.slice(from);
    const lines = seen.filter(({ kind }) => kind === "lambda.log").map(({ detail }) => detail);
    const end = seen.find(({ kind }) => kind === "lambda.end");
    expect(lines.map(({ stream, line }) => `${stream} ${line}`)).toEqual([
      "stdout to stdout",
      "stderr to stderr",
      "stderr in two lines",
    ]);
    expect(new Set(lines.map(({ requestId }) => requestId))).toEqual(new Set([end?.detail.requestId]));
    expect(test.logs).toContain("[src-basic-any] to stdout");
    expect(end?.detail).toMatchObject({
      durationMs: expect.any(Number),
      billed: expect.any(Number),
      maxMemoryMB: expect.any(Number),
    });
  });
});

describe("an event", () => {
  it("of more than six megabytes is refused before the function runs", async () => {
    const event = { text: "x".repeat(6 * 1024 * 1024) };
    await expect(test.lambda.invoke(developer, arn, event)).rejects.toMatchObject({
      code: "RequestTooLargeException",
      status: 413,
    });
    await expect(
      test.lambda.invokeAsync(developer, arn, { text: "x".repeat(1024 * 1024) }),
    ).rejects.toMatchObject({ code: "RequestTooLargeException" });
  });

  it("from who may not invoke is refused", async () => {
    test.denied.add(`lambda:InvokeFunction ${arn}`);
    const role = { kind: "role", roleArn: "arn:aws:iam::123456789012:role/other", sessionName: "s" } as const;
    await expect(test.lambda.invoke(role, arn, {})).rejects.toMatchObject({ code: "AccessDenied" });
    await expect(test.lambda.invokeAsync(role, arn, {})).rejects.toMatchObject({ code: "AccessDenied" });
    test.denied.clear();
  });

  it("for a function that is not there is refused", async () => {
    const arn = "arn:aws:lambda:ca-central-1:123456789012:function:none";
    await expect(test.lambda.invoke(developer, arn, {})).rejects.toMatchObject({
      code: "ResourceNotFoundException",
    });
  });
});

it("a fault strikes an invocation before or after its effect", async () => {
  const before = ((await call("counter")).value as { invocations: number }).invocations;
  const error = { code: "ServiceException", status: 500 };
  test.cloud.faults.add({ service: "lambda", resource: arn, effect: { error } });
  await expect(test.lambda.invoke(developer, arn, { handler: "counter" })).rejects.toMatchObject(error);
  test.cloud.faults.add({ service: "lambda", resource: arn, phase: "after", effect: { error } });
  await expect(test.lambda.invoke(developer, arn, { handler: "counter" })).rejects.toMatchObject(error);
  expect(((await call("counter")).value as { invocations: number }).invocations).toBe(before + 2);
});
