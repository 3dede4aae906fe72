import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { AwsError } from "../../src/cloud/errors.ts";
import { createMapping, fn, queueSpec, throttled, turn } from "./support.ts";

const bodies = (invocations: { records: { body: string }[] }[]) =>
  invocations.map(({ records }) => records.map(({ body }) => body));

it("a message reaches the function as Lambda's SQS event, with its trace, and is deleted when it is done", async () => {
  await using test = createMapping(() => undefined);
  const trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
  const attributes = {
    kind: { dataType: "String", stringValue: "mail" },
    raw: { dataType: "Binary", binaryValue: Buffer.from([1, 2, 255]) },
  };
  const messageId = await test.send('{"id":1}', { attributes, trace });
  await test.mappings.start();
  await test.invoked(1);
  expect(test.invocations[0]).toEqual({
    traces: [trace],
    records: [
      {
        messageId,
        receiptHandle: expect.any(String),
        body: '{"id":1}',
        attributes: expect.objectContaining({
          ApproximateReceiveCount: "1",
          SentTimestamp: expect.stringMatching(/^\d{13}$/),
          SenderId: expect.any(String),
          ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
          AWSTraceHeader: trace,
        }),
        messageAttributes: {
          kind: { stringValue: "mail", stringListValues: [], binaryListValues: [], dataType: "String" },
          raw: { binaryValue: "AQL/", stringListValues: [], binaryListValues: [], dataType: "Binary" },
        },
        md5OfBody: createHash("md5").update(`{"id":1}`).digest("hex"),
        eventSource: "aws:sqs",
        eventSourceARN: test.queueArn,
        awsRegion: "ca-central-1",
      },
    ],
  });
  await test.holds(0);
});

it("receives and deletes with the function's role, and asks nobody for the right to invoke", async () => {
  await using test = createMapping(() => undefined);
  await test.send("x");
  await test.mappings.start();
  await test.invoked(1);
  await test.holds(0);
  const asked = test.requests.filter(({ principal }) => principal.kind !== "developer");
  expect(new Set(asked.map(({ action }) => action))).toEqual(
    new Set(["sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage"]),
  );
  for (const { principal, resource } of asked) {
    expect(principal).toEqual({ kind: "role", roleArn: fn.roleArn, sessionName: fn.name });
    expect(resource).toBe(test.queueArn);
  }
});

it.each([
  "sqs:GetQueueAttributes",
  "sqs:ReceiveMessage",
])("without %s nothing is received; it is said once, and works as soon as it is allowed", async (action) => {
  await using test = createMapping(() => undefined);
  test.denied.add(`${action} ${test.queueArn}`);
  await test.send("x");
  await test.mappings.start();
  await turn();
  for (let round = 0; round < 3; round++) {
    test.cloud.clock.advance(6000);
    await turn();
  }
  expect(test.invocations).toEqual([]);
  expect(test.logs.filter((line) => line.includes(action))).toHaveLength(1);
  test.denied.clear();
  test.cloud.clock.advance(6000);
  await test.invoked(1);
});

it("without sqs:DeleteMessage a handled message comes again", async () => {
  await using test = createMapping(() => undefined);
  test.denied.add(`sqs:DeleteMessage ${test.queueArn}`);
  await test.send("x");
  await test.mappings.start();
  await test.invoked(1);
  test.cloud.clock.advance(31_000);
  await test.invoked(2);
  expect(test.logs.join()).toContain("sqs:DeleteMessage");
  expect(test.invocations[1]?.records[0]?.attributes.ApproximateReceiveCount).toBe("2");
});

it("messages of a failed invocation stay, and return when their visibility timeout ends", async () => {
  let fails = true;
  await using test = createMapping(() => (fails ? new Error("no") : undefined), {
    reportBatchItemFailures: true,
  });
  await test.send("a");
  await test.send("b");
  await test.mappings.start();
  await test.invoked(1);
  expect(test.counts()).toMatchObject({ visible: 0, inFlight: 2 });
  fails = false;
  test.cloud.clock.advance(29_000);
  expect(test.invocations).toHaveLength(1);
  test.cloud.clock.advance(2000);
  await test.holds(0);
  expect(bodies(test.invocations).flat()).toEqual(["a", "b", "a", "b"]);
});

it("only the messages that the function reports stay", async () => {
  await using test = createMapping(
    ({ records }) => ({
      batchItemFailures: records
        .filter(({ body, attributes }) => body === "b" && attributes.ApproximateReceiveCount === "1")
        .map(({ messageId }) => ({ itemIdentifier: messageId })),
    }),
    { reportBatchItemFailures: true },
  );
  for (const body of ["a", "b", "c"]) await test.send(body);
  await test.mappings.start();
  await test.holds(1);
  test.cloud.clock.advance(31_000);
  await test.holds(0);
  expect(bodies(test.invocations)).toEqual([["a", "b", "c"], ["b"]]);
});

it("without ReportBatchItemFailures the answer does not matter", async () => {
  await using test = createMapping(({ records }) => ({
    batchItemFailures: records.map(({ messageId }) => ({ itemIdentifier: messageId })),
  }));
  await test.send("a");
  await test.mappings.start();
  await test.invoked(1);
  await test.holds(0);
});

it("what no filter wants is deleted, and the function never sees it", async () => {
  await using test = createMapping(() => undefined, {
    filters: [{ body: { kind: ["mail"] } }, { body: { urgent: [true] } }],
  });
  for (const message of [{ kind: "mail" }, { kind: "spam" }, { kind: "x", urgent: true }])
    await test.send(JSON.stringify(message));
  await test.send("not JSON");
  await test.mappings.start();
  await test.holds(0);
  expect(bodies(test.invocations).flat()).toEqual(['{"kind":"mail"}', '{"kind":"x","urgent":true}']);
});

it("never more batches at the same time than the mapping allows", async () => {
  let running = 0;
  let most = 0;
  await using test = createMapping(
    async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
    },
    { maximumConcurrency: 2, batchSize: 1 },
  );
  for (let index = 0; index < 12; index++) await test.send(String(index));
  await test.mappings.start();
  await test.holds(0);
  expect(most).toBe(2);
  expect(test.invocations).toHaveLength(12);
});

it("without a limit there are five batches at first, and more while there is a backlog", async () => {
  const running: (() => void)[] = [];
  let free = false;
  await using test = createMapping(
    () => (free ? undefined : new Promise<void>((resolve) => running.push(resolve))),
    { batchSize: 1 },
  );
  for (let index = 0; index < 30; index++) await test.send(String(index));
  await test.mappings.start();
  await test.invoked(5);
  expect(running).toHaveLength(5);
  test.cloud.clock.advance(1000);
  await test.invoked(10);
  test.cloud.clock.advance(1000);
  await turn();
  expect(running, "not more than a function has processes").toHaveLength(10);
  free = true;
  for (const finish of running) finish();
  await test.holds(0);
});

it("there are as many batches as the machine has cores, and more, up to the mapping's limit, while none of them ends", async () => {
  const running: (() => void)[] = [];
  let free = false;
  await using test = createMapping(
    () => (free ? undefined : new Promise<void>((resolve) => running.push(resolve))),
    { batchSize: 1, maximumConcurrency: 4 },
    queueSpec("jobs"),
    { cores: 2 },
  );
  for (let index = 0; index < 10; index++) await test.send(String(index));
  await test.mappings.start();
  await test.invoked(2);
  await turn();
  expect(running).toHaveLength(2);
  test.cloud.clock.advance(600);
  running.shift()?.();
  await test.invoked(3);
  // One ended within the last second: the machine is busy, not waiting.
  test.cloud.clock.advance(600);
  await turn();
  expect(test.invocations).toHaveLength(3);
  test.cloud.clock.advance(600);
  await test.invoked(5);
  await turn();
  expect(running, "not more than the mapping allows").toHaveLength(4);
  free = true;
  for (const finish of running) finish();
  await test.holds(0);
});

it("a window gathers what comes, until it ends or the batch is full", async () => {
  await using test = createMapping(() => undefined, { batchSize: 25, windowSeconds: 10 });
  await test.mappings.start();
  for (let index = 0; index < 3; index++) await test.send(`first ${index}`);
  await test.received(3);
  expect(test.invocations).toEqual([]);
  test.cloud.clock.advance(10_000);
  await test.holds(0);
  for (let index = 0; index < 25; index++) await test.send(`second ${index}`);
  await test.holds(0);
  expect(test.invocations.map(({ records }) => records.length)).toEqual([3, 25]);
});

it("a batch beyond six megabytes becomes several invocations, in order", async () => {
  await using test = createMapping(() => undefined);
  const large = (name: string) => name.padEnd(1_000_000, ".");
  for (const name of ["1", "2", "3", "4", "5", "6", "7", "8"]) await test.send(large(name));
  await test.mappings.start();
  await test.holds(0);
  expect(bodies(test.invocations).map((batch) => batch.map((body) => body[0]))).toEqual([
    ["1", "2", "3", "4", "5", "6"],
    ["7", "8"],
  ]);
});

it("while the function is throttled a batch waits; when its visibility is over it goes back", async () => {
  let refusals = 2;
  await using test = createMapping(() => {
    if (refusals-- > 0) throw throttled;
  });
  await test.send("x");
  await test.mappings.start();
  await test.invoked(1);
  test.cloud.clock.advance(1000);
  await test.invoked(2);
  test.cloud.clock.advance(2000);
  await test.invoked(3);
  await test.holds(0);
  expect(test.invocations[2]?.records[0]?.attributes.ApproximateReceiveCount).toBe("1");

  refusals = Number.POSITIVE_INFINITY;
  await test.send("y");
  for (let at = 4; at <= 7; at++) {
    await test.invoked(at);
    test.cloud.clock.advance(8000);
  }
  await turn();
  test.cloud.clock.advance(8000);
  refusals = 0;
  await test.holds(0);
  const last = test.invocations.at(-1)?.records[0];
  expect(Number(last?.attributes.ApproximateReceiveCount)).toBeGreaterThan(1);
});

it("a call that Lambda refuses for good is not repeated before the message comes again", async () => {
  let refuse = true;
  await using test = createMapping(() => {
    if (refuse) throw new AwsError("ResourceNotFoundException", "Function not found", 404);
  });
  await test.send("x");
  await test.mappings.start();
  await test.invoked(1);
  refuse = false;
  test.cloud.clock.advance(5000);
  expect(test.invocations).toHaveLength(1);
  test.cloud.clock.advance(26_000);
  await test.holds(0);
});

it("messages of one group come in their order, one batch at a time", async () => {
  const running = new Set<string>();
  await using test = createMapping(
    async ({ records }) => {
      const groups = new Set(records.map(({ attributes }) => attributes.MessageGroupId ?? ""));
      for (const group of groups) {
        expect(running.has(group), `group ${group} is already being handled`).toBe(false);
        running.add(group);
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
      for (const group of groups) running.delete(group);
    },
    { batchSize: 2 },
    queueSpec("jobs.fifo"),
  );
  for (let index = 0; index < 20; index++)
    await test.send(`${index % 2 ? "odd" : "even"}-${index}`, { groupId: index % 2 ? "odd" : "even" });
  await test.mappings.start();
  await test.holds(0);
  const seen = bodies(test.invocations).flat();
  for (const group of ["odd", "even"]) {
    const numbers = seen.filter((body) => body.startsWith(group)).map((body) => Number(body.split("-")[1]));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers).toHaveLength(10);
  }
});

it("pausing lets batches under way finish and receives no more until it is resumed", async () => {
  let finish = () => {};
  await using test = createMapping(() => new Promise<void>((resolve) => (finish = resolve)));
  await test.send("a");
  await test.mappings.start();
  await test.invoked(1);
  const paused = test.mappings.pause();
  expect(test.mappings.paused).toBe(true);
  finish();
  await paused;
  expect(test.counts()).toMatchObject({ visible: 0, inFlight: 0 });
  await test.send("b");
  await turn();
  expect(test.counts()).toMatchObject({ visible: 1, inFlight: 0 });
  test.mappings.resume();
  await test.invoked(2);
  finish();
  await test.holds(0);
});

it("a receive that fails is tried again", async () => {
  await using test = createMapping(() => undefined);
  test.cloud.faults.add({
    service: "sqs",
    operation: "ReceiveMessage",
    times: 2,
    effect: { error: { code: "InternalFailure", status: 500 } },
  });
  await test.send("x");
  await test.mappings.start();
  for (let round = 0; round < 3; round++) {
    await turn();
    test.cloud.clock.advance(1000);
  }
  await test.invoked(1);
  await test.holds(0);
});

it("a filter that AWS refuses is named with its mapping", () => {
  expect(() => createMapping(() => undefined, { filters: [{ body: { size: [{ bigger: 3 }] } }] })).toThrow(
    'event source mapping mapping: the operator "bigger" is not known',
  );
});
