import {
  CreateQueueCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uniqueId } from "../../src/iam/principal.ts";
import type { PolicyStatement } from "../../src/plan/types.ts";
import {
  account,
  allow,
  allowService,
  developer,
  planOf,
  queueSpec,
  roleArn,
  type Services,
  startServices,
  worker,
} from "../support/services.ts";

let services: Services;
const mine = queueSpec("mine");
const other = queueSpec("other");
const far = queueSpec("far", { region: "us-east-1" });
const topic = `arn:aws:sns:us-east-1:${account}:topic`;

beforeAll(async () => {
  services = await startServices(
    planOf({
      queues: [mine, other, far],
      grants: [
        allow(["sqs:SendMessage", "sqs:ReceiveMessage"], mine.arn),
        allow("sqs:SendMessage", `arn:aws:sqs:eu-west-1:${account}:ghost`),
      ],
      resourcePolicies: [allowService("sns.amazonaws.com", "sqs:SendMessage", mine.arn, topic)],
    }),
  );
});
afterAll(() => services.stop());

test("a role does what it is granted, and its sends carry its id", async () => {
  const sqs = services.sqsClient({ as: worker });
  await sqs.send(
    new SendMessageBatchCommand({ QueueUrl: mine.url, Entries: [{ Id: "a", MessageBody: "x" }] }),
  );
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: mine.url, MessageSystemAttributeNames: ["SenderId"] }),
  );
  expect(Messages[0]?.Attributes?.SenderId).toBe(`${uniqueId("AROA", roleArn)}:worker-fn`);
});

test("a role is denied the rest, with role, action and queue named, and nothing is sent", async () => {
  const sqs = services.sqsClient({ as: worker });
  const refusal = sqs.send(new SendMessageCommand({ QueueUrl: other.url, MessageBody: "x" }));
  await expect(refusal).rejects.toThrow(/assumed-role\/worker\/worker-fn .*sqs:SendMessage .*:other/);
  await expect(refusal).rejects.toMatchObject({ name: expect.stringMatching(/^AccessDenied/) });
  expect(services.sqs.counts(other.arn).visible).toBe(0);
  expect(services.iam.denials()).toMatchObject([{ action: "sqs:SendMessage", resource: other.arn }]);
});

describe("moving dead letters takes the caller's rights", () => {
  const source = queueSpec("dead").arn;
  const own = [
    "sqs:StartMessageMoveTask",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
  ];
  const start = async (grants: PolicyStatement[], DestinationArn?: string) => {
    const moving = await startServices(
      planOf({
        queues: [
          queueSpec("fed", { redrive: { deadLetterTargetArn: source, maxReceiveCount: 1 } }),
          queueSpec("dead"),
          other,
        ],
        grants,
      }),
    );
    try {
      const sqs = moving.sqsClient({ as: worker });
      return await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: source, DestinationArn }));
    } finally {
      await moving.stop();
    }
  };

  test("on the dead-letter queue, and to send to where they go", async () => {
    const sending = allow("sqs:SendMessage", other.arn);
    await expect(start([allow(own, source), sending], other.arn)).resolves.toMatchObject({
      TaskHandle: expect.any(String),
    });
    for (const missing of own) {
      const rest = own.filter((action) => action !== missing);
      await expect(start([allow(rest, source), sending], other.arn)).rejects.toThrow(missing);
    }
    await expect(start([allow(own, source)], other.arn)).rejects.toThrow(/sqs:SendMessage .*:other/);
    await expect(start([allow(own, source), sending])).rejects.toThrow(/sqs:SendMessage .*:fed/);
  });
});

test("a service sends only for the source that the queue's policy names", async () => {
  const sns = (sourceArn: string) =>
    ({ kind: "service", service: "sns.amazonaws.com", sourceArn, sourceAccount: account }) as const;
  await services.ports.sqs.send(sns(topic), mine.arn, { body: "x" });
  await expect(services.ports.sqs.send(sns(`${topic}-2`), mine.arn, { body: "x" })).rejects.toMatchObject({
    code: "AccessDenied",
  });
});

describe("a queue that is not there", () => {
  test("is told by both of its error codes", async () => {
    const sqs = services.sqsClient({ as: worker });
    const missing = `https://sqs.eu-west-1.amazonaws.com/${account}/ghost`;
    const refusal = sqs.send(new SendMessageCommand({ QueueUrl: missing, MessageBody: "x" }));
    await expect(refusal).rejects.toMatchObject({
      name: "QueueDoesNotExist",
      Code: "AWS.SimpleQueueService.NonExistentQueue",
    });
    await expect(
      services.sqsClient().send(new GetQueueUrlCommand({ QueueName: "ghost" })),
    ).rejects.toMatchObject({ name: "QueueDoesNotExist" });
  });

  test("includes one of another region, and the answer says where it is", async () => {
    const sqs = services.sqsClient();
    for (const QueueUrl of [far.url, `http://127.0.0.1/${account}/far`])
      await expect(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }))).rejects.toMatchObject({
        name: "QueueDoesNotExist",
        message: expect.stringMatching(/us-east-1/),
      });
    const there = services.sqsClient({ region: "us-east-1" });
    await there.send(new SendMessageCommand({ QueueUrl: far.url, MessageBody: "x" }));
    expect(services.sqs.counts(far.arn).visible).toBe(1);
  });

  test.each([
    `https://sqs.eu-west-1.amazonaws.com/${account}/../../etc/passwd`,
    "not a url",
    "/////",
  ])("or no address at all: %s", async (QueueUrl) => {
    await expect(
      services.sqsClient().send(new SendMessageCommand({ QueueUrl, MessageBody: "x" })),
    ).rejects.toMatchObject({ name: expect.stringMatching(/QueueDoesNotExist|InvalidAddress/) });
  });
});

test("what only the program may change is refused, and says so", async () => {
  await expect(services.sqsClient().send(new CreateQueueCommand({ QueueName: "new" }))).rejects.toThrow(
    /sst\.config\.ts/,
  );
});

test("faults strike before and after what a port does", async () => {
  const { cloud, ports } = services;
  cloud.faults.add({
    service: "sqs",
    operation: "SendMessage",
    effect: { error: { code: "ServiceUnavailable", status: 503 } },
  });
  await expect(ports.sqs.send(developer, other.arn, { body: "never" })).rejects.toMatchObject({
    status: 503,
  });
  expect(services.sqs.counts(other.arn).visible).toBe(0);
  cloud.faults.add({ service: "sqs", phase: "after", effect: { disconnect: true } });
  expect(cloud.faults.pending()).toBe(1);
  await expect(ports.sqs.send(developer, other.arn, { body: "sent" })).rejects.toThrow();
  expect(cloud.faults.pending()).toBe(0);
  expect(services.sqs.counts(other.arn).visible).toBe(1);
});
