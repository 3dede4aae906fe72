import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { planOf, queueSpec, type Services, startServices } from "../support/services.ts";

let services: Services;
let sqs: ReturnType<Services["sqsClient"]>;
const names = ["order", "groups", "same", "given", "late", "wrong"];
const url = (name: string) => queueSpec(`${name}.fifo`).url;

beforeAll(async () => {
  services = await startServices(
    planOf({
      queues: [
        ...names.map((name) => queueSpec(`${name}.fifo`)),
        queueSpec("content.fifo", { contentBasedDeduplication: true }),
      ],
    }),
  );
  sqs = services.sqsClient();
});
afterAll(() => services.stop());

let count = 0;
const send = (name: string, group: string, body: string, more: Partial<SendMessageCommandInput> = {}) =>
  sqs.send(
    new SendMessageCommand({
      QueueUrl: url(name),
      MessageBody: body,
      MessageGroupId: group,
      MessageDeduplicationId: `id-${++count}`,
      ...more,
    }),
  );
async function receive(name: string, max = 10): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: url(name),
      MaxNumberOfMessages: max,
      MessageSystemAttributeNames: ["All"],
    }),
  );
  return Messages;
}
const bodies = (messages: Message[]) => messages.map(({ Body }) => Body);
const remove = (name: string, { ReceiptHandle }: Message) =>
  sqs.send(new DeleteMessageCommand({ QueueUrl: url(name), ReceiptHandle }));

test("messages come in the order they were sent, numbered upwards", async () => {
  const sent: (string | undefined)[] = [];
  for (let at = 0; at < 20; at++) sent.push((await send("order", "g", String(at))).SequenceNumber);
  expect(sent).toEqual(sent.toSorted());
  expect(new Set(sent).size).toBe(20);
  const first = await receive("order");
  expect(bodies(first)).toEqual(Array.from({ length: 10 }, (_, at) => String(at)));
  expect(first.map(({ Attributes }) => Attributes?.SequenceNumber)).toEqual(sent.slice(0, 10));
  expect(first[0]?.Attributes).toMatchObject({ MessageGroupId: "g", MessageDeduplicationId: "id-1" });
  for (const message of first) await remove("order", message);
  expect(bodies(await receive("order"))[0]).toBe("10");
});

test("a group waits while any of its messages is with a receiver; the others go on", async () => {
  for (const [group, body] of [
    ["a", "a1"],
    ["b", "b1"],
    ["a", "a2"],
  ] as const)
    await send("groups", group, body);
  const [a1] = await receive("groups", 1);
  expect(a1?.Body).toBe("a1");
  expect(bodies(await receive("groups"))).toEqual(["b1"]);
  expect(await receive("groups")).toEqual([]);
  await remove("groups", a1 ?? {});
  expect(bodies(await receive("groups"))).toEqual(["a2"]);
});

test("a message that is given back comes before those behind it in its group", async () => {
  await send("late", "g", "1");
  await send("late", "g", "2");
  const [first] = await receive("late", 1);
  await sqs.send(
    new ChangeMessageVisibilityCommand({
      QueueUrl: url("late"),
      ReceiptHandle: first?.ReceiptHandle,
      VisibilityTimeout: 0,
    }),
  );
  expect(bodies(await receive("late"))).toEqual(["1", "2"]);
});

test("a handle is void once the visibility timeout has ended", async () => {
  await send("given", "g", "1");
  const [message] = await receive("given");
  services.cloud.clock.advance(30_000);
  await expect(remove("given", message ?? {})).rejects.toThrow(/receipt handle has expired/);
  expect(bodies(await receive("given"))).toEqual(["1"]);
});

test("what was sent within five minutes is accepted and not delivered again, deleted or not", async () => {
  const first = await send("same", "g", "x", { MessageDeduplicationId: "once" });
  const [message] = await receive("same");
  await remove("same", message ?? {});
  services.cloud.clock.advance(299_000);
  const second = await send("same", "g", "other body", { MessageDeduplicationId: "once" });
  expect(second).toMatchObject({ MessageId: first.MessageId, SequenceNumber: first.SequenceNumber });
  expect(await receive("same")).toEqual([]);
  services.cloud.clock.advance(1000);
  await send("same", "g", "new", { MessageDeduplicationId: "once" });
  expect(bodies(await receive("same"))).toEqual(["new"]);
});

test("content-based deduplication goes by the body, within a batch too", async () => {
  await sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: url("content"),
      Entries: ["x", "y", "x"].map((MessageBody, at) => ({
        Id: String(at),
        MessageBody,
        MessageGroupId: "g",
      })),
    }),
  );
  expect(bodies(await receive("content"))).toEqual(["x", "y"]);
});

test.each([
  ["no group", { MessageGroupId: undefined }, "MissingParameter"],
  [
    "neither id nor content-based deduplication",
    { MessageDeduplicationId: undefined },
    "InvalidParameterValue",
  ],
  ["a delay of its own", { DelaySeconds: 5 }, "InvalidParameterValue"],
  ["a group with a space", { MessageGroupId: "a b" }, "InvalidParameterValue"],
  ["an id that is too long", { MessageDeduplicationId: "x".repeat(129) }, "InvalidParameterValue"],
])("a message with %s is refused", async (_, input, name) => {
  await expect(send("wrong", "g", "x", input)).rejects.toMatchObject({ name });
});
