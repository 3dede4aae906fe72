import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FunctionSpec } from "../../src/plan/types.ts";
import { createSqs } from "../../src/services/sqs/index.ts";
import { queueSpec } from "../mappings/support.ts";
import { developer, functionSpec, startLambda, type TestLambda } from "./support.ts";

const minute = 60_000;
const queue = queueSpec("failed");
let folder: string;
let test: TestLambda;
let stopQueues = async () => {};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "local-async-"));
});
afterEach(async () => {
  await stopQueues();
  await test[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function start(changes: Partial<Omit<FunctionSpec, "build">> = {}, stateDir?: string) {
  const spec = functionSpec("src/flaky.handler", changes);
  test = await startLambda([spec], { plan: { queues: [queue] }, ...(stateDir && { stateDir }) });
  const sqs = createSqs(test.cloud, test.ports);
  test.ports.sqs = sqs;
  await sqs.start?.();
  stopQueues = () => sqs.stop();
  const file = join(folder, "attempts");
  return {
    ...test,
    sqs,
    attempts: () => (existsSync(file) ? readFileSync(file, "utf8").length : 0),
    accept: (failures: number) => test.lambda.invokeAsync(developer, spec.arn, { file, failures }),
    /** Resolves when an attempt has ended and what follows from it has been written down. */
    async attempt() {
      const end = await test.next(({ kind }) => kind === "lambda.end");
      await new Promise((resolve) => setImmediate(resolve));
      return end;
    },
    failed: () => sqs.receive(developer, queue.arn, { max: 10, waitMs: 0 }),
  };
}

describe("an asynchronous event", () => {
  it("is tried again after one minute and after two more, under the same request id", async () => {
    const { accept, attempt, attempts, cloud } = await start();
    const first = attempt();
    await accept(2);
    const ids = [(await first).detail.requestId];
    cloud.clock.advance(minute - 1000);
    expect(attempts()).toBe(1);
    for (const pause of [1000, 2 * minute]) {
      const next = attempt();
      cloud.clock.advance(pause);
      ids.push((await next).detail.requestId);
    }
    expect(attempts()).toBe(3);
    expect(new Set(ids).size).toBe(1);
    cloud.clock.advance(24 * 60 * minute);
    expect(attempts()).toBe(3);
  });

  it("that fails for good goes to the failure destination with what happened", async () => {
    const { accept, attempt, cloud, failed, requests } = await start({
      asyncRetries: 1,
      onFailureArn: queue.arn,
    });
    const first = attempt();
    await accept(9);
    await first;
    const sent = test.next(({ kind }) => kind === "sqs.send");
    cloud.clock.advance(minute);
    await sent;
    const [message] = await failed();
    expect(JSON.parse(message?.body ?? "")).toEqual({
      version: "1.0",
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      requestContext: {
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        functionArn: `${test.arn("src/flaky.handler")}:$LATEST`,
        condition: "RetriesExhausted",
        approximateInvokeCount: 2,
      },
      requestPayload: { file: expect.any(String), failures: 9 },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      responsePayload: expect.objectContaining({ errorType: "Error", errorMessage: "attempt 2 fails" }),
    });
    const asked = requests.find(({ action }) => action === "sqs:SendMessage");
    expect(asked?.principal).toMatchObject({
      kind: "role",
      roleArn: functionSpec("src/flaky.handler").roleArn,
    });
  });

  it("goes to the dead-letter queue as it came, with the error beside it", async () => {
    const { accept, failed } = await start({ asyncRetries: 0, deadLetterArn: queue.arn });
    const sent = test.next(({ kind }) => kind === "sqs.send");
    await accept(9);
    await sent;
    const [message] = await failed();
    expect(JSON.parse(message?.body ?? "")).toEqual({ file: expect.any(String), failures: 9 });
    expect(message?.messageAttributes).toMatchObject({
      RequestID: { dataType: "String", stringValue: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      ErrorCode: { dataType: "Number", stringValue: "200" },
      ErrorMessage: { dataType: "String", stringValue: "attempt 1 fails" },
    });
  });

  it("that its destination does not take is lost, and that is said", async () => {
    const { accept, attempt, denied, logs } = await start({ asyncRetries: 0, onFailureArn: queue.arn });
    denied.add(`sqs:SendMessage ${queue.arn}`);
    const first = attempt();
    await accept(9);
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    expect(logs.join("\n")).toMatch(/the failed event [0-9a-f-]{36} is lost, .*not authorized/);
  });

  it("that waits for a throttled function longer than it may is given up", async () => {
    const { accept, failed, cloud, attempts } = await start({
      reservedConcurrency: 0,
      maximumEventAgeSeconds: 60,
      onFailureArn: queue.arn,
    });
    const sent = test.next(({ kind }) => kind === "sqs.send");
    await accept(0);
    for (let second = 0; second < 64; second++) {
      await new Promise((resolve) => setImmediate(resolve));
      cloud.clock.advance(1000);
    }
    await sent;
    const [message] = await failed();
    expect(JSON.parse(message?.body ?? "")).toMatchObject({
      requestContext: { condition: "EventAgeExceeded", approximateInvokeCount: 0 },
    });
    expect(attempts()).toBe(0);
  });

  it("survives the end of the run, with its attempts and its pause", async () => {
    const state = join(folder, "state");
    const first = await start({ onFailureArn: queue.arn }, state);
    const ended = first.attempt();
    await first.accept(9);
    await ended;
    await test[Symbol.asyncDispose]();
    await stopQueues();

    const second = await start({ onFailureArn: queue.arn }, state);
    expect(second.attempts()).toBe(1);
    for (const pause of [minute, 2 * minute]) {
      const next = second.attempt();
      second.cloud.clock.advance(pause);
      await next;
    }
    expect(second.attempts()).toBe(3);
    const [message] = await second.failed();
    expect(JSON.parse(message?.body ?? "").requestContext).toMatchObject({ approximateInvokeCount: 3 });
  });

  it("is not run again once it has succeeded", async () => {
    const state = join(folder, "state");
    const first = await start({}, state);
    const ended = first.attempt();
    await first.accept(0);
    await ended;
    await test[Symbol.asyncDispose]();
    await stopQueues();
    const second = await start({}, state);
    second.cloud.clock.advance(24 * 60 * minute);
    await test.lambda.invoke(developer, test.arn("src/flaky.handler"), {
      file: join(folder, "other"),
      failures: 0,
    });
    expect(second.attempts()).toBe(1);
  });

  it("for a function that the app has no more is dropped, and that is said", async () => {
    const state = join(folder, "state");
    const first = await start({}, state);
    const ended = first.attempt();
    await first.accept(9);
    await ended;
    await test[Symbol.asyncDispose]();
    await stopQueues();
    const second = await start({ name: "renamed" }, state);
    expect(second.logs.join()).toContain("the app has no function");
  });
});
