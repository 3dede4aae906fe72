import { createVerify, X509Certificate } from "node:crypto";
import { request } from "node:https";
import { PublishCommand, SubscribeCommand, UnsubscribeCommand } from "@aws-sdk/client-sns";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AwsError } from "../../src/cloud/errors.ts";
import type { SqsMessage } from "../../src/cloud/types.ts";
import type { SubscriptionSpec } from "../../src/plan/types.ts";
import {
  account,
  allowService,
  developer,
  planOf,
  queueSpec,
  type Services,
  settled,
  startServices,
  topicSpec,
} from "../support/services.ts";

let services: Services;
let sns: ReturnType<Services["snsClient"]>;
const far = topicSpec("mail", "us-east-1");
const near = topicSpec("near");
const lined = topicSpec("lined.fifo");
const functionArn = `arn:aws:lambda:eu-west-1:${account}:function:worker`;
const names = ["enveloped", "raw", "filtered", "body", "closed", "dead", "lined.fifo", "flaky", "late"];
const arnOf = (name: string) => queueSpec(name).arn;

let count = 0;
function subscription(
  topicArn: string,
  endpoint: string,
  change: Partial<SubscriptionSpec> = {},
): SubscriptionSpec {
  return {
    arn: `${topicArn}:00000000-0000-0000-0000-${String(++count).padStart(12, "0")}`,
    topicArn,
    protocol: endpoint.includes(":lambda:") ? "lambda" : "sqs",
    endpoint,
    rawMessageDelivery: false,
    filterPolicyScope: "MessageAttributes",
    ...change,
  };
}
const topics = [far, near, lined, ...["closed", "flaky", "called", "email"].map((name) => topicSpec(name))];
const deadLetterTargetArn = arnOf("dead");
const subscriptions = [
  subscription(far.arn, arnOf("enveloped")),
  subscription(near.arn, arnOf("raw"), { rawMessageDelivery: true }),
  subscription(near.arn, arnOf("filtered"), { rawMessageDelivery: true, filterPolicy: { kind: ["wanted"] } }),
  subscription(near.arn, arnOf("body"), {
    rawMessageDelivery: true,
    filterPolicy: { kind: ["wanted"] },
    filterPolicyScope: "MessageBody",
  }),
  subscription(lined.arn, arnOf("lined.fifo"), { rawMessageDelivery: true }),
  subscription(topicSpec("closed").arn, arnOf("closed"), { deadLetterTargetArn }),
  subscription(topicSpec("flaky").arn, arnOf("flaky"), { rawMessageDelivery: true, deadLetterTargetArn }),
  subscription(topicSpec("called").arn, functionArn, { deadLetterTargetArn }),
  subscription(topicSpec("email").arn, "somebody@example.com", { protocol: "email" }),
];

beforeAll(async () => {
  services = await startServices(
    planOf({
      topics,
      subscriptions,
      queues: names.map((name) => queueSpec(name)),
      resourcePolicies: [
        ...[
          ["enveloped", far.arn],
          ...["raw", "filtered", "body", "late"].map((name) => [name, near.arn]),
          ["lined.fifo", lined.arn],
          ["flaky", topicSpec("flaky").arn],
          ["dead", `arn:aws:sns:eu-west-1:${account}:*`],
        ].map(([name = "", source = ""]) => {
          const policy = allowService("sns.amazonaws.com", "sqs:SendMessage", arnOf(name), source);
          if (source.endsWith("*"))
            for (const statement of policy.document.Statement)
              Object.assign(statement, { Condition: { ArnLike: { "aws:SourceArn": source } } });
          return policy;
        }),
        allowService("sns.amazonaws.com", "lambda:InvokeFunction", functionArn, topicSpec("called").arn),
      ],
    }),
  );
  sns = services.snsClient();
});
afterAll(() => services.stop());

async function take(name: string): Promise<SqsMessage> {
  const [message] = await services.ports.sqs.receive(developer, arnOf(name), { max: 1, waitMs: 20_000 });
  if (!message) throw new Error(`nothing came to ${name}`);
  await services.ports.sqs.delete(developer, arnOf(name), [message.receiptHandle]);
  return message;
}
const publish = (name: string, message: string, more: object = {}) =>
  services.ports.sns.publish(developer, topicSpec(name).arn, { message, ...more });
/** Lets deliveries that wait for the clock go on, however often they fail. */
async function pass(seconds: number) {
  services.cloud.clock.advance(seconds * 1000);
  for (let turn = 0; turn < 10; turn++) await settled();
}

describe("to a queue", () => {
  test("of another region comes SNS's envelope, with the trace", async () => {
    const trace = "Root=1-66b1d2f0-0123456789abcdef01234567";
    const { messageId } = await services.ports.sns.publish(developer, far.arn, {
      message: "héllo",
      subject: "A subject",
      trace,
      messageAttributes: {
        kind: { dataType: "String", stringValue: "x" },
        bytes: { dataType: "Binary", binaryValue: Buffer.from([0, 255]) },
      },
    });
    const message = await take("enveloped");
    expect(message.attributes.AWSTraceHeader).toBe(trace);
    expect(message.messageAttributes).toEqual({});
    expect(JSON.parse(message.body)).toEqual({
      Type: "Notification",
      MessageId: messageId,
      TopicArn: far.arn,
      Subject: "A subject",
      Message: "héllo",
      Timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      SignatureVersion: "1",
      Signature: expect.any(String),
      SigningCertURL: expect.stringMatching(
        /^https:\/\/sns\.us-east-1\.amazonaws\.com\/SimpleNotificationService-[0-9a-f]{32}\.pem$/,
      ),
      UnsubscribeURL: expect.stringContaining("https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe"),
      MessageAttributes: { kind: { Type: "String", Value: "x" }, bytes: { Type: "Binary", Value: "AP8=" } },
    });
  });

  test("the envelope's signature holds under the certificate that it names", async () => {
    await services.ports.sns.publish(developer, far.arn, { message: "signed", subject: "S" });
    const envelope = JSON.parse((await take("enveloped")).body) as Record<string, string>;
    const pem = await fetchThrough(services, envelope.SigningCertURL ?? "");
    const covered = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
    const text = covered.map((name) => `${name}\n${envelope[name]}\n`).join("");
    const verify = (signed: string) =>
      createVerify("RSA-SHA1")
        .update(signed)
        .verify(new X509Certificate(pem).publicKey, envelope.Signature ?? "", "base64");
    expect(verify(text)).toBe(true);
    expect(verify(text.replace("signed", "forged"))).toBe(false);
  });

  test("raw comes the message itself, with its attributes as the queue's", async () => {
    await sns.send(
      new PublishCommand({
        TopicArn: near.arn,
        Message: "x",
        MessageAttributes: {
          n: { DataType: "Number", StringValue: "3" },
          b: { DataType: "Binary", BinaryValue: Uint8Array.of(1, 2) },
        },
      }),
    );
    const message = await take("raw");
    expect(message.body).toBe("x");
    expect(message.messageAttributes).toEqual({
      n: { dataType: "Number", stringValue: "3" },
      b: { dataType: "Binary", binaryValue: Buffer.from([1, 2]) },
    });
  });

  test("comes only what its filter lets through, by attributes or by body", async () => {
    await publish("near", "1", { messageAttributes: { kind: { dataType: "String", stringValue: "other" } } });
    await publish("near", "2", {
      messageAttributes: { kind: { dataType: "String", stringValue: "wanted" } },
    });
    await publish("near", '{"kind":"other"}');
    await publish("near", '{"kind":"wanted"}');
    expect((await take("filtered")).body).toBe("2");
    expect((await take("body")).body).toBe('{"kind":"wanted"}');
    for (let seen = 0; seen < 4; seen++) await take("raw");
    expect(services.sqs.counts(arnOf("filtered")).visible).toBe(0);
    expect(services.sqs.counts(arnOf("body")).visible).toBe(0);
  });

  test("a protocol's own text comes where the publisher gave one", async () => {
    const Message = JSON.stringify({ default: "for all", sqs: "for queues" });
    await sns.send(new PublishCommand({ TopicArn: near.arn, Message, MessageStructure: "json" }));
    expect((await take("raw")).body).toBe("for queues");
  });

  test("from a FIFO topic come a group's messages in order, each once", async () => {
    for (const id of ["1", "2", "1", "3"])
      await sns.send(
        new PublishCommand({
          TopicArn: lined.arn,
          Message: id,
          MessageGroupId: "g",
          MessageDeduplicationId: id,
        }),
      );
    const bodies: string[] = [];
    for (let at = 0; at < 3; at++) bodies.push((await take("lined.fifo")).body);
    expect(bodies).toEqual(["1", "2", "3"]);
  });
});

describe("to a function", () => {
  test("comes SNS's event, for the topic that its permission names", async () => {
    const { messageId } = await publish("called", "x", { trace: "Root=1-66b1d2f0-0123456789abcdef01234567" });
    await services.observed(({ kind, detail }) => kind === "sns.deliver" && detail.messageId === messageId);
    expect(services.invocations.events.at(-1)).toMatchObject({
      functionArn,
      principal: { service: "sns.amazonaws.com", sourceArn: topicSpec("called").arn, sourceAccount: account },
      traces: ["Root=1-66b1d2f0-0123456789abcdef01234567"],
      event: {
        Records: [
          {
            EventSource: "aws:sns",
            EventVersion: "1.0",
            EventSubscriptionArn: subscriptions[7]?.arn,
            Sns: {
              Type: "Notification",
              MessageId: messageId,
              Message: "x",
              Subject: null,
              MessageAttributes: {},
            },
          },
        ],
      },
    });
  });
});

describe("what cannot be delivered", () => {
  test("to a queue that denies it goes to the dead-letter queue at once, with the reason", async () => {
    const { messageId } = await publish("closed", "x");
    const dead = await take("dead");
    expect(JSON.parse(dead.body)).toMatchObject({ MessageId: messageId, Message: "x" });
    expect(dead.messageAttributes.ErrorCode).toEqual({ dataType: "Number", stringValue: "403" });
    expect(dead.messageAttributes.ErrorMessage?.stringValue).toMatch(/sqs:SendMessage/);
    expect(services.iam.denials()).toMatchObject([{ action: "sqs:SendMessage", resource: arnOf("closed") }]);
  });

  test("because the receiver failed is tried again, and arrives", async () => {
    const remove = services.cloud.faults.add({
      service: "sqs",
      operation: "SendMessage",
      resource: arnOf("flaky"),
      times: 8,
      effect: { error: { code: "ServiceUnavailable", status: 503 } },
    });
    await publish("flaky", "persistent");
    while (services.sqs.counts(arnOf("flaky")).visible === 0) await pass(20);
    expect((await take("flaky")).body).toBe("persistent");
    remove();
  });

  test("for 23 days goes to the dead-letter queue", async () => {
    const remove = services.cloud.faults.add({
      service: "sqs",
      operation: "SendMessage",
      resource: arnOf("flaky"),
      times: Number.POSITIVE_INFINITY,
      effect: { disconnect: true },
    });
    await publish("flaky", "hopeless");
    await pass(20);
    expect(services.sqs.counts(arnOf("dead")).visible).toBe(0);
    await pass(23 * 24 * 3600);
    expect((await take("dead")).body).toBe("hopeless");
    remove();
  });

  test("to a function that is throttled is tried again", async () => {
    let refusals = 5;
    services.invocations.refuse = () => {
      if (refusals-- > 0) throw new AwsError("TooManyRequestsException", "Rate Exceeded.", 429);
    };
    const before = services.invocations.events.length;
    await publish("called", "patient");
    while (services.invocations.events.length === before) await pass(1);
    expect(services.invocations.events).toHaveLength(before + 1);
    services.invocations.refuse = undefined;
  });

  test("because nothing on this machine takes it is named at start", () => {
    expect(services.logs).toContainEqual(expect.stringMatching(/not delivered here: .*email.* \(email\)/));
  });
});

test("a subscription made while the app runs gets what is published from then on, until it is taken away", async () => {
  const subscribe = (Attributes: Record<string, string>) =>
    sns.send(
      new SubscribeCommand({ TopicArn: near.arn, Protocol: "sqs", Endpoint: arnOf("late"), Attributes }),
    );
  await expect(subscribe({ FilterPolicy: '{"a":[{"regex":"x"}]}' })).rejects.toThrow(
    /"regex" is no operator/,
  );
  const { SubscriptionArn } = await subscribe({ RawMessageDelivery: "true" });
  expect((await subscribe({ RawMessageDelivery: "true" })).SubscriptionArn).toBe(SubscriptionArn);
  await publish("near", "seen");
  expect((await take("late")).body).toBe("seen");
  await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
  await publish("near", "unseen");
  while ((await take("raw")).body !== "unseen");
  expect(services.sqs.counts(arnOf("late")).visible).toBe(0);
});

/** Fetches a URL of an AWS host from the front door, verifying its certificate. */
function fetchThrough({ cloud, httpsPort }: Services, address: string): Promise<string> {
  const { hostname, pathname } = new URL(address);
  return new Promise((resolve, reject) => {
    request(
      {
        host: "127.0.0.1",
        port: httpsPort,
        path: pathname,
        servername: hostname,
        ca: cloud.ca.pem,
        headers: { host: hostname },
        agent: false,
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve(text));
      },
    )
      .on("error", reject)
      .end();
  });
}
