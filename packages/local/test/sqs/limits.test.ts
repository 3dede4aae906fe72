import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
  type SendMessageCommandInput,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planOf, queueSpec, type Services, startServices } from "../support/services.ts";

let services: Services;
let sqs: ReturnType<Services["sqsClient"]>;
const QueueUrl = queueSpec("limits").url;

beforeAll(async () => {
  services = await startServices(
    planOf({
      queues: [
        queueSpec("limits"),
        queueSpec("odd"),
        queueSpec("small", { maximumMessageSize: 1024 }),
        queueSpec("large", { maximumMessageSize: 1_048_576 }),
      ],
    }),
  );
  sqs = services.sqsClient();
});
afterAll(() => services.stop());

const send = (input: Partial<SendMessageCommandInput>) =>
  sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x", ...input }));
const sendBatch = (Entries: SendMessageBatchRequestEntry[], url = QueueUrl) =>
  sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));

describe("a message", () => {
  test.each([
    ["small", 1024],
    ["limits", 262_144],
    ["large", 1_048_576],
  ])("is as long as queue %s allows: %i bytes with its attributes, and no byte more", async (name, bytes) => {
    const { url } = queueSpec(name);
    await send({ QueueUrl: url, MessageBody: "é".repeat(bytes / 2) });
    const attribute = { DataType: "String", StringValue: "v" };
    const MessageAttributes = { a: attribute };
    await send({ QueueUrl: url, MessageBody: "x".repeat(bytes - 8), MessageAttributes });
    await expect(
      send({ QueueUrl: url, MessageBody: "x".repeat(bytes - 7), MessageAttributes }),
    ).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  test.each([
    ["\u0000"],
    ["a\u0001b"],
    ["\u001f"],
    ["\ufffe"],
    ["\uffff"],
  ])("is refused with the character %j, and named as what it is", async (body) => {
    await expect(send({ MessageBody: body })).rejects.toMatchObject({
      name: "InvalidMessageContents",
      message: expect.stringMatching(/Invalid binary character '#x/),
    });
  });

  test("may have tabs, line breaks, and characters beyond the basic plane", async () => {
    const body = "\t\r\n \ud7ff\ue000\ufffd\u{1f600}\u{10ffff}";
    const { url } = queueSpec("odd");
    await send({ QueueUrl: url, MessageBody: body });
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
    expect(Messages[0]?.Body).toBe(body);
  });

  test.each([
    ["a body that is empty", { MessageBody: "" }, "MissingParameter"],
    ["no body", { MessageBody: undefined }, "MissingParameter"],
    ["a delay beyond 15 minutes", { DelaySeconds: 901 }, "InvalidParameterValue"],
    ["a negative delay", { DelaySeconds: -1 }, "InvalidParameterValue"],
    ["a deduplication id on a standard queue", { MessageDeduplicationId: "a" }, "InvalidParameterValue"],
    [
      "a system attribute other than the trace",
      { MessageSystemAttributes: { Other: { DataType: "String", StringValue: "x" } } as never },
      "InvalidParameterValue",
    ],
    ...[
      ["a type there is not", "a", { DataType: "Date", StringValue: "x" }],
      ["an empty value", "a", { DataType: "String", StringValue: "" }],
      ["a number that is none", "a", { DataType: "Number", StringValue: "ten" }],
      ["a name of AWS", "AWS.x", { DataType: "String", StringValue: "x" }],
      ["a name with a dot at its end", "a.", { DataType: "String", StringValue: "x" }],
      ["a name with a space", "a b", { DataType: "String", StringValue: "x" }],
    ].map(([what, name, attribute]) => [
      `an attribute with ${what}`,
      { MessageAttributes: { [name as string]: attribute } as never },
      "InvalidParameterValue",
    ]),
    [
      "eleven attributes",
      {
        MessageAttributes: Object.fromEntries(
          Array.from({ length: 11 }, (_, at) => [`a${at}`, { DataType: "String", StringValue: "x" }]),
        ),
      },
      "InvalidParameterValue",
    ],
  ] as [string, Partial<SendMessageCommandInput>, string][])("is refused with %s", async (_, input, name) => {
    await expect(send(input)).rejects.toMatchObject({ name });
  });
});

describe("a batch", () => {
  const entry = (Id: string, MessageBody = "x") => ({ Id, MessageBody });
  test("has one to ten entries with distinct, plain ids", async () => {
    await expect(sendBatch([])).rejects.toMatchObject({ name: "EmptyBatchRequest" });
    await expect(sendBatch(Array.from({ length: 11 }, (_, at) => entry(String(at))))).rejects.toMatchObject({
      name: "TooManyEntriesInBatchRequest",
    });
    await expect(sendBatch([entry("a"), entry("a")])).rejects.toMatchObject({
      name: "BatchEntryIdsNotDistinct",
    });
    for (const id of ["a b", "a".repeat(81), "é"])
      await expect(sendBatch([entry(id)])).rejects.toMatchObject({ name: "InvalidBatchEntryId" });
    await expect(sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: [] }))).rejects.toMatchObject({
      name: "EmptyBatchRequest",
    });
  });

  test("holds 1 MiB in all", async () => {
    const half = "x".repeat(524_288);
    const { url } = queueSpec("large");
    expect((await sendBatch([entry("a", half), entry("b", half)], url)).Successful).toHaveLength(2);
    await expect(sendBatch([entry("a", half), entry("b", `${half}x`)], url)).rejects.toMatchObject({
      name: "BatchRequestTooLong",
    });
  });
});

describe("a receiver", () => {
  test.each([
    { MaxNumberOfMessages: 0 },
    { MaxNumberOfMessages: 11 },
    { WaitTimeSeconds: 21 },
    { VisibilityTimeout: 43_201 },
    { VisibilityTimeout: -1 },
  ])("may not ask for %j", async (input) => {
    await expect(sqs.send(new ReceiveMessageCommand({ QueueUrl, ...input }))).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
  });

  test.each([
    "",
    "nonsense",
    "AQEB",
    `AQEB${Buffer.alloc(28).toString("base64")}`,
  ])("is told that the handle %j is none", async (ReceiptHandle) => {
    const name = ReceiptHandle === "" ? "MissingParameter" : "ReceiptHandleIsInvalid";
    await expect(sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))).rejects.toMatchObject({
      name,
    });
    await expect(
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 1 })),
    ).rejects.toMatchObject({ name });
  });

  test("cannot use the handle of another queue", async () => {
    await services.ports.sqs.send({ kind: "developer" }, queueSpec("small").arn, { body: "x" });
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueSpec("small").url }));
    const ReceiptHandle = Messages[0]?.ReceiptHandle;
    await expect(sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))).rejects.toMatchObject({
      name: "ReceiptHandleIsInvalid",
    });
  });
});
