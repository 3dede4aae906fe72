import { request } from "node:http";
import {
  CreateTopicCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTopicsCommand,
  PublishBatchCommand,
  PublishCommand,
  type PublishCommandInput,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  allow,
  planOf,
  queueSpec,
  type Services,
  startServices,
  topicSpec,
  worker,
} from "../support/services.ts";

let services: Services;
let sns: ReturnType<Services["snsClient"]>;
const topic = topicSpec("topic");
const secret = topicSpec("secret");
const lined = topicSpec("lined.fifo");
const far = topicSpec("far", "us-east-1");
const declared = {
  arn: `${topic.arn}:00000000-0000-0000-0000-000000000001`,
  topicArn: topic.arn,
  protocol: "sqs" as const,
  endpoint: queueSpec("queue").arn,
  rawMessageDelivery: true,
  filterPolicy: { a: ["x"] },
  filterPolicyScope: "MessageAttributes" as const,
};

beforeAll(async () => {
  services = await startServices(
    planOf({
      topics: [topic, secret, lined, far],
      queues: [queueSpec("queue")],
      subscriptions: [declared],
      grants: [allow("sns:Publish", topic.arn)],
    }),
  );
  sns = services.snsClient();
});
afterAll(() => services.stop());

const publish = (input: Partial<PublishCommandInput>, client = sns) =>
  client.send(new PublishCommand({ TopicArn: topic.arn, Message: "x", ...input }));

test("without a signature is refused, under SNS's own host name as well", async () => {
  const answer = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const headers = {
      host: "sns.eu-west-1.amazonaws.com",
      "content-type": "application/x-www-form-urlencoded",
    };
    const sent = request(services.origin, { method: "POST", headers }, async (response) =>
      resolve({ status: response.statusCode, body: Buffer.concat(await response.toArray()).toString() }),
    );
    sent.on("error", reject);
    sent.end(`Action=Publish&Version=2010-03-31&TopicArn=${topic.arn}&Message=x`);
  });
  expect(answer).toEqual({ status: 403, body: expect.stringContaining("MissingAuthenticationToken") });
});

describe("a publication", () => {
  const attribute = (value: object) => ({ MessageAttributes: { a: value } }) as Partial<PublishCommandInput>;
  test.each<[string, Partial<PublishCommandInput>, RegExp]>([
    ["no text", { Message: "" }, /Empty message/],
    ["more than 256 KiB", { Message: "x".repeat(262_145) }, /Message too long/],
    [
      "256 KiB of text beside attributes",
      { Message: "x".repeat(262_144), ...attribute({ DataType: "String", StringValue: "x" }) },
      /Message too long/,
    ],
    ["a subject with a line break", { Subject: "a\nb" }, /Subject/],
    ["a subject beyond ASCII", { Subject: "é" }, /Subject/],
    ["a subject of 101 characters", { Subject: "x".repeat(101) }, /Subject/],
    [
      "an unknown attribute type",
      attribute({ DataType: "Date", StringValue: "x" }),
      /invalid message attribute type/,
    ],
    ["an empty attribute", attribute({ DataType: "String" }), /must contain a non-empty/],
    ["a number that is none", attribute({ DataType: "Number", StringValue: "x" }), /Could not cast/],
    ["an unknown structure", { MessageStructure: "xml" }, /MessageStructure/],
    ["a structure that is no JSON", { MessageStructure: "json" }, /failed to parse/],
    [
      "a structure without a default",
      { MessageStructure: "json", Message: '{"sqs":"x"}' },
      /No default entry/,
    ],
    ["a telephone as its target", { TopicArn: undefined, PhoneNumber: "+10000000000" }, /no text messages/],
    ["no target", { TopicArn: undefined }, /TargetArn/],
    ["a group id missing on a FIFO topic", { TopicArn: lined.arn }, /MessageGroupId/],
    ["a deduplication id on a standard topic", { MessageDeduplicationId: "x" }, /MessageDeduplicationId/],
    ["an ARN that is none", { TopicArn: "arn:aws:sns:x" }, /An ARN/],
  ])("with %s is refused, and the reason named", async (_, input, reason) => {
    await expect(publish(input)).rejects.toThrow(reason);
    await expect(publish(input)).rejects.toMatchObject({ name: expect.stringMatching(/^InvalidParameter/) });
  });

  test("may be 256 KiB long", async () => {
    expect((await publish({ Message: "é".repeat(131_072) })).MessageId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("to a topic that is not there, or is in another region, is told as that", async () => {
    await expect(publish({ TopicArn: `${topic.arn}-gone` })).rejects.toMatchObject({
      name: "NotFoundException",
    });
    await expect(publish({ TopicArn: far.arn })).rejects.toThrow(/the topic is in us-east-1/);
    await services
      .snsClient({ region: "us-east-1" })
      .send(new PublishCommand({ TopicArn: far.arn, Message: "x" }));
  });

  test("needs the permission for its topic", async () => {
    const client = services.snsClient({ as: worker });
    await publish({}, client);
    await expect(publish({ TopicArn: secret.arn }, client)).rejects.toMatchObject({
      name: expect.stringMatching(/^Authorization/),
      message: expect.stringMatching(/sns:Publish/),
    });
  });
});

describe("a batch", () => {
  const batch = (PublishBatchRequestEntries: { Id: string; Message: string }[]) =>
    sns.send(new PublishBatchCommand({ TopicArn: topic.arn, PublishBatchRequestEntries }));
  test("tells of each entry by itself", async () => {
    const { Successful = [], Failed = [] } = await batch([
      { Id: "good", Message: "x" },
      { Id: "empty", Message: "" },
    ]);
    expect(Successful.map(({ Id }) => Id)).toEqual(["good"]);
    expect(Failed).toMatchObject([{ Id: "empty", Code: "InvalidParameter", SenderFault: true }]);
  });
  test("has one to ten entries with distinct ids, and 256 KiB in all", async () => {
    const entries = (count: number, Message = "x") =>
      Array.from({ length: count }, (_, at) => ({ Id: String(at), Message }));
    await expect(batch([])).rejects.toMatchObject({ name: expect.stringMatching(/^EmptyBatchRequest/) });
    await expect(batch(entries(11))).rejects.toMatchObject({
      name: expect.stringMatching(/^TooManyEntries/),
    });
    await expect(batch([...entries(1), ...entries(1)])).rejects.toMatchObject({
      name: expect.stringMatching(/^BatchEntryIdsNotDistinct/),
    });
    expect((await batch(entries(2, "x".repeat(131_072)))).Successful).toHaveLength(2);
    await expect(batch(entries(2, "x".repeat(131_073)))).rejects.toMatchObject({
      name: expect.stringMatching(/^BatchRequestTooLong/),
    });
  });
});

describe("topics and subscriptions", () => {
  test("are listed with what the program gave them", async () => {
    const { Topics = [] } = await sns.send(new ListTopicsCommand({}));
    expect(Topics.map(({ TopicArn }) => TopicArn)).toEqual([lined.arn, secret.arn, topic.arn]);
    const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: topic.arn }));
    expect(Subscriptions).toMatchObject([
      { SubscriptionArn: declared.arn, Protocol: "sqs", Endpoint: declared.endpoint },
    ]);
    const subscription = await sns.send(
      new GetSubscriptionAttributesCommand({ SubscriptionArn: declared.arn }),
    );
    expect(subscription.Attributes).toMatchObject({
      RawMessageDelivery: "true",
      FilterPolicy: '{"a":["x"]}',
    });
    const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn: topic.arn }));
    expect(Attributes).toMatchObject({ TopicArn: topic.arn, SubscriptionsConfirmed: "1" });
  });

  test("of the program cannot be taken away or added beside it", async () => {
    await expect(sns.send(new UnsubscribeCommand({ SubscriptionArn: declared.arn }))).rejects.toThrow(
      /sst\.config\.ts/,
    );
    await expect(sns.send(new CreateTopicCommand({ Name: "new" }))).rejects.toThrow(/sst\.config\.ts/);
  });

  test("with a filter that SNS would refuse stop the start, and are named", async () => {
    const wrong = { ...declared, filterPolicy: { a: [{ regex: "x" }] } };
    await expect(startServices(planOf({ topics: [topic], subscriptions: [wrong] }))).rejects.toThrow(
      /filter policy of subscription .*topic.* is invalid: a: "regex"/,
    );
  });
});
