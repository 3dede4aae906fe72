/** What a queue's journal says, a line each. Arrays, because there is one for every receive. */
import { attributesFromJson, attributesToJson, type StoredMessage } from "./message.ts";

export type JournalRecord =
  | MessageRecord
  | [kind: "r", id: string, receivedAt: number, visibleAt: number]
  | [kind: "v", id: string, visibleAt: number]
  | [kind: "d", id: string]
  /** Purged. */
  | [kind: "p"]
  /** A deduplication id and the message that it stands for, which may be gone. */
  | [kind: "k", deduplicationId: string, id: string, sequence: number, at: number];

type MessageRecord = [
  kind: "m",
  message: Omit<StoredMessage, "attributes"> & {
    attributes?: Record<string, [string, string, 1?]> | undefined;
  },
];

/** @param stored May be a `Message`: what it has beyond is left out. */
export function toRecord(stored: StoredMessage): JournalRecord {
  const { id, sequence, body, md5, senderId, sentAt, visibleAt, groupId, deduplicationId, trace } = stored;
  const { deadLetterSource, receiveCount, receivesHere, firstReceivedAt, receivedAt } = stored;
  const attributes =
    Object.keys(stored.attributes).length > 0 ? attributesToJson(stored.attributes) : undefined;
  return [
    "m",
    {
      ...{ id, sequence, body, md5, senderId, sentAt, visibleAt, groupId, deduplicationId, trace },
      ...{ deadLetterSource, receiveCount, receivesHere, firstReceivedAt, receivedAt, attributes },
    },
  ];
}

export function fromRecord([, { attributes, ...message }]: MessageRecord): StoredMessage {
  return { ...message, attributes: attributesFromJson(attributes ?? {}) };
}
