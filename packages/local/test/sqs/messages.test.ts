import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { developer, planOf, queueSpec, type Services, settled, startServices } from "../support/services.ts";

let services: Services;
let sqs: ReturnType<Services["sqsClient"]>;
const names = [
  "plain",
  "timing",
  "handles",
  "polling",
  "purged",
  "old",
  "attributes",
  "traced",
  "changed",
  "batch",
];
const url = (name: string) => queueSpec(name).url;

beforeAll(async () => {
  services = await startServices(
    planOf({
      queues: [...names.map((name) => queueSpec(name)), queueSpec("tagged", { tags: { team: "a" } })],
    }),
  );
  sqs = services.sqsClient();
});
afterAll(() => services.stop());

async function send(name: string, body: string, more: Record<string, unknown> = {}) {
  return sqs.send(new SendMessageCommand({ QueueUrl: url(name), MessageBody: body, ...more }));
}
async function receive(name: string, more: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: url(name), MaxNumberOfMessages: 10, ...more }),
  );
  return Messages;
}
async function only(name: string, more: Partial<ReceiveMessageCommandInput> = {}): Promise<Message> {
  const messages = await receive(name, more);
  expect(messages).toHaveLength(1);
  return messages[0] ?? {};
}
const handleOf = ({ ReceiptHandle = "" }: Message) => ({ ReceiptHandle });

describe("a message", () => {
  test("arrives with its body, attributes and the digests that the SDK checks", async () => {
    const sent = await send("plain", "héllo ✉", {
      MessageAttributes: {
        text: { DataType: "String", StringValue: "ü" },
        amount: { DataType: "Number.int", StringValue: "42" },
        bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 255, 3) },
        __proto__x: { DataType: "String", StringValue: "kept" },
      },
    });
    const message = await only("plain", {
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["All"],
    });
    expect(message).toMatchObject({
      MessageId: sent.MessageId,
      Body: "héllo ✉",
      MD5OfBody: sent.MD5OfMessageBody,
    });
    expect(message.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes);
    expect(message.MessageAttributes?.bytes?.BinaryValue).toEqual(Uint8Array.of(0, 255, 3));
    expect(Object.keys(message.MessageAttributes ?? {}).sort()).toEqual([
      "__proto__x",
      "amount",
      "bytes",
      "text",
    ]);
    expect(message.Attributes).toMatchObject({ ApproximateReceiveCount: "1" });
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url("plain"), ...handleOf(message) }));
  });

  test("shows only the attributes that are asked for, by name and by prefix", async () => {
    const attribute = (value: string) => ({ DataType: "String", StringValue: value });
    await send("attributes", "x", {
      MessageAttributes: { "app.a": attribute("1"), "app.b": attribute("2"), other: attribute("3") },
    });
    const message = await only("attributes", {
      MessageAttributeNames: ["app.*"],
      MessageSystemAttributeNames: ["SentTimestamp"],
    });
    expect(Object.keys(message.MessageAttributes ?? {})).toEqual(["app.a", "app.b"]);
    expect(Object.keys(message.Attributes ?? {})).toEqual(["SentTimestamp"]);
  });

  test("carries the trace that its sender gives, in the system attribute or the header", async () => {
    const trace = "Root=1-66b1d2f0-0123456789abcdef01234567";
    await send("traced", "x", {
      MessageSystemAttributes: { AWSTraceHeader: { DataType: "String", StringValue: trace } },
    });
    const message = await only("traced", { MessageSystemAttributeNames: ["AWSTraceHeader"] });
    expect(message.Attributes).toEqual({ AWSTraceHeader: trace });
    expect(
      await services.observed(({ kind, traces }) => kind === "sqs.receive" && traces.includes(trace)),
    ).toBeDefined();
  });
});

describe("visibility", () => {
  test("a received message is away for its timeout, and comes back with a higher count and another handle", async () => {
    await send("timing", "again");
    const first = await only("timing", { VisibilityTimeout: 60 });
    expect(await receive("timing")).toEqual([]);
    services.cloud.clock.advance(60_000);
    const second = await only("timing", { MessageSystemAttributeNames: ["All"] });
    expect(second.MessageId).toBe(first.MessageId);
    expect(second.ReceiptHandle).not.toBe(first.ReceiptHandle);
    expect(second.Attributes?.ApproximateReceiveCount).toBe("2");
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url("timing"), ...handleOf(second) }));
  });

  test("an earlier handle deletes nothing once the message has been received again", async () => {
    await send("handles", "x");
    const first = await only("handles", { VisibilityTimeout: 0 });
    const second = await only("handles");
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url("handles"), ...handleOf(first) }));
    services.cloud.clock.advance(30_000);
    const third = await only("handles");
    expect(third.MessageId).toBe(second.MessageId);
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url("handles"), ...handleOf(third) }));
    services.cloud.clock.advance(30_000);
    expect(await receive("handles")).toEqual([]);
  });

  test("the last handle still deletes after the timeout, and deleting twice is no error", async () => {
    await send("handles", "late");
    const message = await only("handles");
    services.cloud.clock.advance(31_000);
    const target = { QueueUrl: url("handles"), ...handleOf(message) };
    await sqs.send(new DeleteMessageCommand(target));
    await sqs.send(new DeleteMessageCommand(target));
    expect(await receive("handles")).toEqual([]);
  });

  test("can be prolonged and given up, within twelve hours of the receive", async () => {
    await send("changed", "x");
    const message = await only("changed");
    const change = (seconds: number) =>
      sqs.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: url("changed"),
          ...handleOf(message),
          VisibilityTimeout: seconds,
        }),
      );
    await change(600);
    services.cloud.clock.advance(300_000);
    expect(await receive("changed")).toEqual([]);
    await expect(change(43_200)).rejects.toThrow(/beyond the limit/);
    await change(0);
    const again = await only("changed");
    expect(again.MessageId).toBe(message.MessageId);
    await expect(change(10)).rejects.toMatchObject({ name: "InvalidParameterValue" });
    services.cloud.clock.advance(30_000);
    await expect(
      sqs.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: url("changed"),
          ...handleOf(again),
          VisibilityTimeout: 5,
        }),
      ),
    ).rejects.toMatchObject({ name: "MessageNotInflight" });
  });

  test("a delayed message is not received before its time, and a queue's messages expire", async () => {
    await send("timing", "later", { DelaySeconds: 30 });
    expect(await receive("timing")).toEqual([]);
    expect(services.sqs.counts(queueSpec("timing").arn)).toMatchObject({ visible: 0, delayed: 1 });
    services.cloud.clock.advance(30_000);
    expect((await only("timing")).Body).toBe("later");

    await send("old", "x");
    services.cloud.clock.advance(345_600_000);
    expect(services.sqs.counts(queueSpec("old").arn)).toEqual({
      visible: 0,
      inFlight: 0,
      delayed: 0,
      oldestAgeMs: 0,
    });
    expect(await receive("old")).toEqual([]);
  });
});

describe("long polling", () => {
  test("returns as soon as a message is sent, becomes visible, or the wait is over", async () => {
    const waiting = receive("polling", { WaitTimeSeconds: 20 });
    await send("polling", "now");
    const [message] = await waiting;
    expect(message?.Body).toBe("now");

    const { clock } = services.cloud;
    const arrived = services.ports.sqs.receive(developer, queueSpec("polling").arn, {
      max: 1,
      waitMs: 60_000,
    });
    await settled();
    clock.advance(30_000);
    const [again] = await arrived;
    await services.ports.sqs.delete(developer, queueSpec("polling").arn, [again?.receiptHandle ?? ""]);

    const inVain = services.ports.sqs.receive(developer, queueSpec("polling").arn, {
      max: 1,
      waitMs: 20_000,
    });
    await settled();
    clock.advance(20_000);
    expect(await inVain).toEqual([]);
  });

  test("whose caller has gone takes no message", async () => {
    await sqs.send(new PurgeQueueCommand({ QueueUrl: url("polling") }));
    const gone = new AbortController();
    const poll = sqs.send(new ReceiveMessageCommand({ QueueUrl: url("polling"), WaitTimeSeconds: 20 }), {
      abortSignal: gone.signal,
    });
    const refused = expect(poll).rejects.toThrow();
    const port = new AbortController();
    const byPort = services.ports.sqs.receive(developer, queueSpec("polling").arn, {
      max: 1,
      waitMs: 20_000,
      signal: port.signal,
    });
    gone.abort();
    port.abort();
    await refused;
    expect(await byPort).toEqual([]);
    // Whether the front door has seen the closed socket yet or not, the message ends up with a live receiver.
    await send("polling", "for the living");
    services.cloud.clock.advance(30_000);
    expect((await only("polling")).Body).toBe("for the living");
  });
});

describe("a batch", () => {
  test("tells of each entry by itself", async () => {
    const { Successful = [], Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: url("batch"),
        Entries: [
          { Id: "good", MessageBody: "x" },
          { Id: "bad", MessageBody: "\u0001" },
          { Id: "delay", MessageBody: "x", DelaySeconds: 901 },
        ],
      }),
    );
    expect(Successful.map(({ Id }) => Id)).toEqual(["good"]);
    expect(Failed).toMatchObject([
      { Id: "bad", Code: "InvalidMessageContents", SenderFault: true },
      { Id: "delay", Code: "InvalidParameterValue", SenderFault: true },
    ]);
    const message = await only("batch");
    const deleted = await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: url("batch"),
        Entries: [
          { Id: "a", ...handleOf(message) },
          { Id: "b", ReceiptHandle: "nonsense" },
        ],
      }),
    );
    expect(deleted.Successful).toEqual([{ Id: "a" }]);
    expect(deleted.Failed).toMatchObject([{ Id: "b", Code: "ReceiptHandleIsInvalid" }]);
  });
});

describe("a queue", () => {
  test("is found by name and lists itself, its tags and its attributes", async () => {
    expect((await sqs.send(new GetQueueUrlCommand({ QueueName: "plain" }))).QueueUrl).toBe(url("plain"));
    const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: "p" }));
    expect(QueueUrls).toEqual([url("plain"), url("polling"), url("purged")]);
    expect((await sqs.send(new ListQueueTagsCommand({ QueueUrl: url("tagged") }))).Tags).toEqual({
      team: "a",
    });
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: url("tagged"), AttributeNames: ["All"] }),
    );
    expect(Attributes).toMatchObject({ QueueArn: queueSpec("tagged").arn, VisibilityTimeout: "30" });
  });

  test("can be purged, once a minute", async () => {
    await send("purged", "a");
    await send("purged", "b");
    await receive("purged", { MaxNumberOfMessages: 1 });
    const purge = () => sqs.send(new PurgeQueueCommand({ QueueUrl: url("purged") }));
    await purge();
    services.cloud.clock.advance(30_000);
    expect(await receive("purged")).toEqual([]);
    await expect(purge()).rejects.toMatchObject({ name: "PurgeQueueInProgress" });
    services.cloud.clock.advance(30_000);
    await purge();
  });

  test("takes other attributes while it runs, and refuses wrong ones without taking any", async () => {
    const set = (Attributes: Record<string, string>) =>
      sqs.send(new SetQueueAttributesCommand({ QueueUrl: url("attributes"), Attributes }));
    await set({ VisibilityTimeout: "7" });
    await expect(set({ VisibilityTimeout: "8", DelaySeconds: "-1" })).rejects.toMatchObject({
      name: "InvalidAttributeValue",
    });
    await expect(set({ constructor: "1" })).rejects.toMatchObject({ name: "InvalidAttributeName" });
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: url("attributes"), AttributeNames: ["VisibilityTimeout"] }),
    );
    expect(Attributes).toEqual({ VisibilityTimeout: "7" });
  });
});
