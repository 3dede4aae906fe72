/** What a receiver of messages sees of them. */
import type { SqsMessage } from "../../cloud/types.ts";
import { type Message, type MessageAttributes, md5OfAttributes } from "./message.ts";

/** FIFO sequence numbers have twenty digits and grow. */
export function sequenceNumber(sequence: number): string {
  return `1${String(sequence).padStart(19, "0")}`;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
export function systemAttributes(message: Message, fifo: boolean): Record<string, string> {
  const attributes: Record<string, string> = {
    SenderId: message.senderId,
    SentTimestamp: String(Math.floor(message.sentAt)),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(Math.floor(message.firstReceivedAt ?? message.sentAt)),
  };
  if (message.trace !== undefined) attributes.AWSTraceHeader = message.trace;
  if (message.groupId !== undefined) attributes.MessageGroupId = message.groupId;
  if (message.deadLetterSource !== undefined) attributes.DeadLetterQueueSourceArn = message.deadLetterSource;
  if (fifo) {
    attributes.SequenceNumber = sequenceNumber(message.sequence);
    if (message.deduplicationId !== undefined) attributes.MessageDeduplicationId = message.deduplicationId;
  }
  return attributes;
}

export function toPort(message: Message, receiptHandle: string, fifo: boolean): SqsMessage {
  return {
    messageId: message.id,
    receiptHandle,
    body: message.body,
    md5OfBody: message.md5,
    attributes: systemAttributes(message, fifo),
    messageAttributes: message.attributes,
  };
}

/** What the receiver asked to see. */
export interface Selection {
  systemNames: string[];
  attributeNames: string[];
}

export function toJson(
  message: Message,
  receiptHandle: string,
  fifo: boolean,
  { systemNames, attributeNames }: Selection,
): Record<string, unknown> {
  const json: Record<string, unknown> = {
    MessageId: message.id,
    ReceiptHandle: receiptHandle,
    MD5OfBody: message.md5,
    Body: message.body,
  };
  if (systemNames.length > 0) {
    const all = systemAttributes(message, fifo);
    const chosen = systemNames.includes("All")
      ? all
      : Object.fromEntries(Object.entries(all).filter(([name]) => systemNames.includes(name)));
    if (Object.keys(chosen).length > 0) json.Attributes = chosen;
  }
  const attributes = selectAttributes(message.attributes, attributeNames);
  const md5 = md5OfAttributes(attributes);
  if (md5 !== undefined) {
    json.MD5OfMessageAttributes = md5;
    json.MessageAttributes = Object.fromEntries(
      Object.entries(attributes).map(([name, { dataType, stringValue, binaryValue }]) => [
        name,
        {
          DataType: dataType,
          ...(stringValue !== undefined && { StringValue: stringValue }),
          ...(binaryValue !== undefined && { BinaryValue: binaryValue.toString("base64") }),
        },
      ]),
    );
  }
  return json;
}

/** `All` and `.*` mean all, `bar.*` those that begin with `bar`. */
function selectAttributes(attributes: MessageAttributes, names: string[]): MessageAttributes {
  if (names.length === 0) return {};
  if (names.includes("All") || names.includes(".*")) return attributes;
  const prefixes = names.filter((name) => name.endsWith(".*")).map((name) => name.slice(0, -2));
  return Object.fromEntries(
    Object.entries(attributes).filter(
      ([name]) => names.includes(name) || prefixes.some((prefix) => name.startsWith(prefix)),
    ),
  );
}
