import {
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
} from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCredentialStore } from "../../src/front-door/credentials.ts";
import { createFrontDoor } from "../../src/front-door/index.ts";
import { openCertificateAuthority } from "../../src/tls/ca.ts";
import { functionSpec, startLambda, type TestLambda } from "./support.ts";

const functions = [
  functionSpec("src/basic.echo", { environment: { A: "1" }, reservedConcurrency: 5 }),
  functionSpec("src/basic.context"),
  functionSpec("src/basic.throwsError"),
  functionSpec("src/basic.logs"),
];
let test: TestLambda;
let client: LambdaClient;
let stop = async () => {};
beforeAll(async () => {
  const credentials = createCredentialStore();
  test = await startLambda(functions, { credentials });
  test.cloud.ca = await openCertificateAuthority(test.cloud.state);
  const frontDoor = createFrontDoor(test.cloud, { credentials, services: [test.lambda] });
  await frontDoor.start?.();
  client = new LambdaClient({
    region: "ca-central-1",
    endpoint: `http://127.0.0.1:${frontDoor.httpPort}`,
    credentials: credentials.issue({
      kind: "role",
      roleArn: "arn:aws:iam::123456789012:role/caller",
      sessionName: "s",
    }),
    maxAttempts: 1,
  });
  stop = async () => {
    client.destroy();
    await frontDoor.stop();
  };
});
afterAll(async () => {
  await stop();
  await test[Symbol.asyncDispose]();
});
const name = "src-basic-echo";
const json = (payload: Uint8Array | undefined) => JSON.parse(new TextDecoder().decode(payload));

it("Invoke answers by name, ARN and partial ARN, with and without a qualifier", async () => {
  const arn = test.arn("src/basic.echo");
  for (const FunctionName of [
    name,
    arn,
    `${arn}:$LATEST`,
    `123456789012:function:${name}`,
    `${name}:$LATEST`,
  ]) {
    const answer = await client.send(new InvokeCommand({ FunctionName, Payload: '{"ä":1}' }));
    expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: "$LATEST" });
    expect(answer.FunctionError).toBeUndefined();
    expect(json(answer.Payload)).toEqual({ ä: 1 });
  }
  expect(json((await client.send(new InvokeCommand({ FunctionName: name }))).Payload)).toEqual({});
});

it("Invoke tells a function's error, its log's end, and hands on the client context", async () => {
  const failed = await client.send(new InvokeCommand({ FunctionName: "src-basic-throwsError" }));
  expect(failed).toMatchObject({ StatusCode: 200, FunctionError: "Unhandled" });
  expect(json(failed.Payload)).toMatchObject({ errorType: "RangeError" });
  const logged = await client.send(new InvokeCommand({ FunctionName: "src-basic-logs", LogType: "Tail" }));
  const log = Buffer.from(logged.LogResult ?? "", "base64").toString();
  expect(log).toMatch(
    /^START RequestId: (\S+) Version: \$LATEST\nto stdout\nto stderr\nin two lines\nEND RequestId: \1\nREPORT RequestId: \1\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 512 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\n$/,
  );
  const ClientContext = Buffer.from('{"client":{"id":1}}').toString("base64");
  const context = await client.send(new InvokeCommand({ FunctionName: "src-basic-context", ClientContext }));
  expect(json(context.Payload)).toMatchObject({ clientContext: { client: { id: 1 } } });
});

it("Event is accepted and runs; DryRun only asks", async () => {
  const ended = test.next(({ kind }) => kind === "lambda.end");
  const accepted = await client.send(
    new InvokeCommand({ FunctionName: name, InvocationType: "Event", Payload: "{}" }),
  );
  expect(accepted.StatusCode).toBe(202);
  await ended;
  const from = test.observations.length;
  const asked = await client.send(new InvokeCommand({ FunctionName: name, InvocationType: "DryRun" }));
  expect(asked.StatusCode).toBe(204);
  expect(test.observations.slice(from)).toEqual([]);
});

it("what cannot be invoked is refused as Lambda does", async () => {
  const invoke = (input: Partial<ConstructorParameters<typeof InvokeCommand>[0]>) =>
    client.send(new InvokeCommand({ FunctionName: name, ...input }));
  await expect(invoke({ FunctionName: "none" })).rejects.toMatchObject({
    name: "ResourceNotFoundException",
    message: "Function not found: arn:aws:lambda:ca-central-1:123456789012:function:none",
  });
  await expect(invoke({ Qualifier: "live" })).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  await expect(invoke({ Payload: "{not json" })).rejects.toMatchObject({
    name: "InvalidRequestContentException",
  });
  await expect(invoke({ ClientContext: "bm8=" })).rejects.toMatchObject({
    name: "InvalidRequestContentException",
  });
  await expect(invoke({ Payload: JSON.stringify("x".repeat(6 * 1024 * 1024)) })).rejects.toMatchObject({
    name: "RequestTooLargeException",
    $metadata: expect.objectContaining({ httpStatusCode: 413 }),
  });
  await expect(
    invoke({ InvocationType: "Event", Payload: JSON.stringify("x".repeat(1024 * 1024)) }),
  ).rejects.toMatchObject({ name: "RequestTooLargeException" });
  test.denied.add(`lambda:InvokeFunction ${test.arn("src/basic.echo")}`);
  await expect(invoke({})).rejects.toMatchObject({ name: "AccessDeniedException" });
  await expect(invoke({ InvocationType: "DryRun" })).rejects.toMatchObject({ name: "AccessDeniedException" });
  test.denied.clear();
});

it("functions are listed and described as they were declared", async () => {
  const { Functions } = await client.send(new ListFunctionsCommand({}));
  expect(Functions?.map(({ FunctionName }) => FunctionName)).toEqual(functions.map((fn) => fn.name));
  const expected = {
    FunctionName: name,
    FunctionArn: test.arn("src/basic.echo"),
    Runtime: "nodejs22.x",
    Timeout: 20,
    MemorySize: 512,
    Environment: { Variables: { A: "1" } },
    Architectures: ["arm64"],
    CodeSha256: expect.stringMatching(/^[\w+/]{43}=$/),
    State: "Active",
  };
  expect(await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }))).toMatchObject(
    expected,
  );
  expect(await client.send(new GetFunctionCommand({ FunctionName: name }))).toMatchObject({
    Configuration: expected,
    Concurrency: { ReservedConcurrentExecutions: 5 },
  });
});
