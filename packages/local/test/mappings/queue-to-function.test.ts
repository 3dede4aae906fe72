import { expect, it } from "vitest";
import { createEventSourceMappings } from "../../src/mappings/index.ts";
import { createSqs } from "../../src/services/sqs/index.ts";
import { developer, functionSpec, startLambda } from "../functions/support.ts";
import { queueSpec } from "./support.ts";

it("a queue's messages reach the function's processes, through partial failures and a crash, and none is lost", async () => {
  const fn = functionSpec("src/consumer.handler");
  const deadLetters = queueSpec("dead");
  const queue = queueSpec("jobs", { redrive: { deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 10 } });
  const mapping = {
    id: "mapping",
    queueArn: queue.arn,
    functionArn: fn.arn,
    batchSize: 10,
    windowSeconds: 0,
    reportBatchItemFailures: true,
    maximumConcurrency: 2,
    filters: [],
    enabled: true,
  };
  await using test = await startLambda([fn], {
    plan: { queues: [queue, deadLetters], eventSourceMappings: [mapping] },
  });
  const sqs = createSqs(test.cloud, test.ports);
  test.ports.sqs = sqs;
  await sqs.start?.();
  const mappings = createEventSourceMappings(test.cloud, test.ports);

  const bodies = Array.from({ length: 200 }, (_, index) => `message ${index}`);
  for (const body of [...bodies, "crash"]) await sqs.send(developer, queue.arn, { body });
  const left = () => sqs.counts(queue.arn);
  const settled = () =>
    left().visible === 0 &&
    test.observations.filter(({ kind }) => kind === "lambda.start").length ===
      test.observations.filter(({ kind }) => kind === "lambda.end").length;
  const settle = async () => {
    while (!settled())
      await test.next(({ kind }) => ["lambda.end", "sqs.delete", "sqs.receive"].includes(kind));
    // What the last answer leads to is done in the same turn.
    await new Promise((resolve) => setImmediate(resolve));
  };
  await mappings.start();
  await settle();
  // Those that failed, and those that were in the batch of the crash.
  expect(left().inFlight).toBeGreaterThanOrEqual(20);
  while (left().visible + left().inFlight > 0) {
    test.cloud.clock.advance(31_000);
    await settle();
  }
  await mappings.stop();
  const handled = new Set(
    test.observations
      .filter(({ kind }) => kind === "lambda.log")
      .map(({ detail }) => String(detail.line))
      .filter((line) => line.startsWith("handled ")),
  );
  expect(handled).toEqual(new Set([...bodies, "crash"].map((body) => `handled ${body}`)));
  expect(sqs.counts(deadLetters.arn)).toMatchObject({ visible: 0, inFlight: 0 });
  expect(test.observations.some(({ detail }) => String(detail.error).includes("exit status 1"))).toBe(true);
  await sqs.stop();
});
