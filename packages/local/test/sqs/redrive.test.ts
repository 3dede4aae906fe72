import {
  CancelMessageMoveTaskCommand,
  GetQueueAttributesCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { developer, planOf, queueSpec, type Services, startServices } from "../support/services.ts";

let services: Services;
let sqs: ReturnType<Services["sqsClient"]>;
const redrive = (name: string, maxReceiveCount = 3) => ({
  redrive: { deadLetterTargetArn: queueSpec(name).arn, maxReceiveCount },
});

beforeAll(async () => {
  services = await startServices(
    planOf({
      queues: [
        queueSpec("work", redrive("dead")),
        queueSpec("more", redrive("dead", 1)),
        queueSpec("dead", { retentionSeconds: 1_209_600, ...redrive("dead-dead", 2) }),
        queueSpec("dead-dead"),
        queueSpec("orphan", {
          redrive: { deadLetterTargetArn: `${queueSpec("x").arn}-gone`, maxReceiveCount: 1 },
        }),
        queueSpec("lined.fifo", redrive("lined-dead.fifo", 1)),
        queueSpec("lined-dead.fifo"),
        queueSpec("back", redrive("back-dead", 1)),
        queueSpec("back-dead"),
        queueSpec("set"),
        queueSpec("straight", redrive("straight-dead")),
        queueSpec("straight-dead", {
          redriveAllow: { redrivePermission: "byQueue", sourceQueueArns: [queueSpec("straight").arn] },
        }),
      ],
    }),
  );
  sqs = services.sqsClient();
});
afterAll(() => services.stop());

const arn = (name: string) => queueSpec(name).arn;
async function receive(name: string): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queueSpec(name).url,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ["All"],
    }),
  );
  return Messages;
}
const send = (name: string, body: string, group?: string) =>
  sqs.send(
    new SendMessageCommand({
      QueueUrl: queueSpec(name).url,
      MessageBody: body,
      ...(group && { MessageGroupId: group, MessageDeduplicationId: body }),
    }),
  );
const pass = (seconds: number) => services.cloud.clock.advance(seconds * 1000);

describe("a message received as often as allowed and not deleted", () => {
  test("moves to the dead-letter queue at the next receive, as the same message, with its age and its source", async () => {
    const { MessageId } = await send("work", "bad");
    const [first] = await receive("work");
    for (const _ of [2, 3]) {
      pass(30);
      expect(await receive("work")).toHaveLength(1);
    }
    pass(30);
    expect(await receive("work")).toEqual([]);
    const [dead] = await receive("dead");
    expect(dead).toMatchObject({
      MessageId,
      Body: "bad",
      Attributes: {
        DeadLetterQueueSourceArn: arn("work"),
        SentTimestamp: first?.Attributes?.SentTimestamp,
        ApproximateReceiveCount: "4",
      },
    });
    expect(services.observations.filter(({ kind }) => kind === "sqs.deadletter")).toMatchObject([
      { resource: arn("dead"), detail: { source: arn("work"), messageId: MessageId } },
    ]);
  });

  test("is counted afresh by the dead-letter queue's own policy", async () => {
    // Once received above; twice is allowed.
    pass(30);
    expect(await receive("dead")).toHaveLength(1);
    pass(30);
    expect(await receive("dead")).toEqual([]);
    expect(await receive("dead-dead")).toHaveLength(1);
  });

  test("stays where it is when the target is gone", async () => {
    await send("orphan", "x");
    for (const _ of [1, 2, 3]) {
      expect(await receive("orphan")).toHaveLength(1);
      pass(30);
    }
  });

  test("frees its group in a FIFO queue", async () => {
    await send("lined.fifo", "poison", "g");
    await send("lined.fifo", "good", "g");
    await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueSpec("lined.fifo").url, MaxNumberOfMessages: 1 }),
    );
    pass(30);
    expect((await receive("lined.fifo")).map(({ Body }) => Body)).toEqual(["good"]);
    expect((await receive("lined-dead.fifo")).map(({ Body }) => Body)).toEqual(["poison"]);
  });
});

test("a waiting receiver gets the message behind the one that is given up", async () => {
  await send("more", "bad");
  await receive("more");
  const waiting = services.ports.sqs.receive(developer, arn("more"), { max: 1, waitMs: 300_000 });
  await services.ports.sqs.send(developer, arn("more"), { body: "good", delaySeconds: 60 });
  pass(30);
  expect(services.sqs.counts(arn("more"))).toMatchObject({ visible: 0, inFlight: 0, delayed: 1 });
  pass(30);
  expect((await waiting).map(({ body }) => body)).toEqual(["good"]);
});

test("a dead-letter queue knows its sources, and a policy can be set while it runs", async () => {
  const list = () => sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: queueSpec("dead").url }));
  expect((await list()).queueUrls).toEqual([queueSpec("more").url, queueSpec("work").url]);
  const set = (policy: unknown) =>
    sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl: queueSpec("set").url,
        Attributes: { RedrivePolicy: typeof policy === "string" ? policy : JSON.stringify(policy) },
      }),
    );
  await set({ deadLetterTargetArn: arn("dead"), maxReceiveCount: "2" });
  expect((await list()).queueUrls).toContain(queueSpec("set").url);
  for (const wrong of [
    "{",
    { deadLetterTargetArn: `${arn("dead")}-gone`, maxReceiveCount: 2 },
    { maxReceiveCount: 1 },
  ])
    await expect(set(wrong)).rejects.toMatchObject({ name: "InvalidAttributeValue" });
  await set("");
  expect((await list()).queueUrls).not.toContain(queueSpec("set").url);
});

test("a dead-letter queue says whose dead letters it takes", async () => {
  const use = (target: string) =>
    sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl: queueSpec("set").url,
        Attributes: {
          RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn(target), maxReceiveCount: 2 }),
        },
      }),
    );
  const allow = (policy: unknown) =>
    sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl: queueSpec("straight-dead").url,
        Attributes: { RedriveAllowPolicy: JSON.stringify(policy) },
      }),
    );
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueSpec("straight-dead").url,
      AttributeNames: ["RedriveAllowPolicy"],
    }),
  );
  expect(JSON.parse(Attributes?.RedriveAllowPolicy ?? "")).toEqual({
    redrivePermission: "byQueue",
    sourceQueueArns: [arn("straight")],
  });
  await expect(use("straight-dead")).rejects.toThrow(/RedriveAllowPolicy/);
  await allow({ redrivePermission: "allowAll" });
  await use("straight-dead");
  await allow({ redrivePermission: "denyAll" });
  await expect(use("straight-dead")).rejects.toThrow(/RedriveAllowPolicy/);
  await expect(allow({ redrivePermission: "byQueue" })).rejects.toMatchObject({
    name: "InvalidAttributeValue",
  });
  await allow({ redrivePermission: "byQueue", sourceQueueArns: [arn("straight")] });
  await use("dead");
});

describe("a move task", () => {
  async function die(count: number) {
    for (let at = 0; at < count; at++) await send("back", `m${at}`);
    for (let seen = 0; seen < count; ) seen += (await receive("back")).length;
    pass(30);
    expect(await receive("back")).toEqual([]);
    while (services.sqs.counts(arn("back-dead")).visible < count) await receive("back");
  }
  const start = (more: object = {}) =>
    sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arn("back-dead"), ...more }));
  const list = async () =>
    (await sqs.send(new ListMessageMoveTasksCommand({ SourceArn: arn("back-dead"), MaxResults: 10 })))
      .Results ?? [];

  test("brings dead letters back to where they came from, as new messages", async () => {
    await die(3);
    await start();
    pass(1);
    expect(await list()).toMatchObject([{ Status: "COMPLETED", ApproximateNumberOfMessagesMoved: 3 }]);
    const back = await receive("back");
    expect(back.map(({ Body }) => Body).sort()).toEqual(["m0", "m1", "m2"]);
    expect(back.map(({ Attributes }) => Attributes?.ApproximateReceiveCount)).toEqual(["1", "1", "1"]);
    expect(services.sqs.counts(arn("back-dead")).visible).toBe(0);
    await services.ports.sqs.delete(
      developer,
      arn("back"),
      back.map(({ ReceiptHandle = "" }) => ReceiptHandle),
    );
  });

  test("keeps to its rate, is alone on its source, and can be cancelled", async () => {
    await die(5);
    const { TaskHandle } = await start({ DestinationArn: arn("set"), MaxNumberOfMessagesPerSecond: 2 });
    await expect(start()).rejects.toMatchObject({ name: "UnsupportedOperation" });
    pass(0);
    expect(services.sqs.counts(arn("set")).visible).toBe(2);
    pass(1);
    expect(services.sqs.counts(arn("set")).visible).toBe(4);
    const cancelled = await sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    expect(cancelled.ApproximateNumberOfMessagesMoved).toBe(4);
    pass(5);
    expect(services.sqs.counts(arn("back-dead")).visible).toBe(1);
    expect((await list())[0]).toMatchObject({ Status: "CANCELLED", DestinationArn: arn("set") });
  });

  test("fails at a message that was sent there by somebody, unless it is told where to", async () => {
    await send("straight-dead", "by hand");
    const source = { SourceArn: arn("straight-dead") };
    const newest = async () => (await sqs.send(new ListMessageMoveTasksCommand(source))).Results?.[0];
    await start(source);
    pass(0);
    expect(await newest()).toMatchObject({
      Status: "FAILED",
      FailureReason: "CouldNotDetermineMessageSource",
      ApproximateNumberOfMessagesMoved: 0,
      ApproximateNumberOfMessagesToMove: 1,
    });
    expect((await newest())?.TaskHandle).toBeUndefined();
    await start({ ...source, DestinationArn: arn("straight") });
    pass(1);
    expect(await newest()).toMatchObject({ Status: "COMPLETED", ApproximateNumberOfMessagesMoved: 1 });
    expect((await receive("straight")).map(({ Body }) => Body)).toEqual(["by hand"]);
  });

  test("is refused for what is no dead-letter queue, and for handles of none", async () => {
    await expect(start({ SourceArn: arn("work") })).rejects.toThrow(/Dead Letter Queue/);
    await expect(start({ SourceArn: `${arn("work")}-gone` })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    await expect(
      sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle: "bm9wZQ==" })),
    ).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });
});
