/** A message of a queue, and its digests as the SDKs check them. */
import { hash } from "node:crypto";
import type { SqsMessage } from "../../cloud/types.ts";

export type MessageAttributes = SqsMessage["messageAttributes"];

/** What a sender gives. */
export interface Draft {
  body: string;
  /** Hexadecimal, as all MD5s here. */
  md5: string;
  attributes: MessageAttributes;
  /** MD5 of the attributes, unless there are none. */
  md5OfAttributes?: string | undefined;
  senderId: string;
  delaySeconds?: number | undefined;
  groupId?: string | undefined;
  deduplicationId?: string | undefined;
  trace?: string | undefined;
}

/** What is kept of a message. Times are milliseconds of the local clock. */
export interface StoredMessage {
  id: string;
  sequence: number;
  body: string;
  md5: string;
  attributes: MessageAttributes;
  senderId: string;
  /** Since when it counts for retention; kept when a standard queue's message becomes a dead letter. */
  sentAt: number;
  /** Not to be received before. */
  visibleAt: number;
  groupId?: string | undefined;
  deduplicationId?: string | undefined;
  trace?: string | undefined;
  /** ARN of the queue that gave it up. */
  deadLetterSource?: string | undefined;
  /** In all queues it has been in. */
  receiveCount: number;
  /** In this queue: what its redrive policy goes by. */
  receivesHere: number;
  firstReceivedAt?: number | undefined;
  receivedAt?: number | undefined;
}

export interface Message extends StoredMessage {
  state: "ready" | "delayed" | "inFlight";
  /** Place in the heap of its state. */
  slot: number;
  /** Place in the heap of ages. */
  ageSlot: number;
}

export function md5(text: string): string {
  return hash("md5", text, "hex");
}

/**
 * Name, type and value of each attribute in the names' order, each with its length before it.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
 *
 * @returns undefined when there are none.
 */
export function md5OfAttributes(attributes: MessageAttributes): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const parts: Buffer[] = [];
  const put = (value: string | Buffer) => {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    parts.push(length, bytes);
  };
  for (const name of names) {
    const attribute = attributes[name];
    if (!attribute) continue;
    put(name);
    put(attribute.dataType);
    parts.push(Buffer.from([attribute.binaryValue ? 2 : 1]));
    put(attribute.binaryValue ?? attribute.stringValue ?? "");
  }
  return hash("md5", Buffer.concat(parts), "hex");
}

/** Bytes that count towards a queue's maximum: the body, and name, type and value of each attribute. */
export function sizeOf(body: string, attributes: MessageAttributes): number {
  let size = Buffer.byteLength(body);
  for (const [name, { dataType, stringValue, binaryValue }] of Object.entries(attributes))
    size +=
      Buffer.byteLength(name) +
      Buffer.byteLength(dataType) +
      (binaryValue ? binaryValue.length : Buffer.byteLength(stringValue ?? ""));
  return size;
}

/** JSON knows no bytes. */
export function attributesToJson(attributes: MessageAttributes): Record<string, [string, string, 1?]> {
  return Object.fromEntries(
    Object.entries(attributes).map(
      ([name, { dataType, stringValue, binaryValue }]): [string, [string, string, 1?]] => [
        name,
        binaryValue ? [dataType, binaryValue.toString("base64"), 1] : [dataType, stringValue ?? ""],
      ],
    ),
  );
}
export function attributesFromJson(json: Record<string, [string, string, 1?]>): MessageAttributes {
  return Object.fromEntries(
    Object.entries(json).map(([name, [dataType, value, binary]]) => [
      name,
      binary ? { dataType, binaryValue: Buffer.from(value, "base64") } : { dataType, stringValue: value },
    ]),
  );
}
