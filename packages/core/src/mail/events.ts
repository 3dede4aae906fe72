import type { NewEvent } from "../realtime/index.ts";

export interface Announcement {
  type: "mail.received" | "mail.quarantined";
  messageId: string;
  threadId: string;
  /** All mailboxes that have the message. */
  mailboxIds: readonly string[];
  subject: string;
  from: { address: string; name: string };
  receivedAt: Date;
  state: "delivered" | "quarantined";
  trace: string;
  mergedThreadIds: readonly string[];
  topics: readonly string[];
}

/** An event stays far below a frame of 32 KB, whatever a subject holds. */
const longestSubject = 500;

/** One event a topic; also one on the topic of every thread that went into this one, for who watches it. */
export function announce({
  topics,
  type,
  subject,
  receivedAt,
  mergedThreadIds,
  ...rest
}: Announcement): NewEvent[] {
  const { mailboxIds, trace, threadId } = rest;
  const data = {
    ...rest,
    subject: subject.slice(0, longestSubject).toWellFormed(),
    receivedAt: receivedAt.toISOString(),
    ...(mergedThreadIds.length === 0 ? {} : { mergedThreadIds: [...mergedThreadIds] }),
  };
  return [
    ...topics.map((topic) => ({ topic, type, data, mailboxIds, trace })),
    ...mergedThreadIds.map((from) => ({
      topic: `thread:${from}`,
      type: "thread.merged",
      data: { threadId: from, intoThreadId: threadId, trace },
      mailboxIds,
      trace,
    })),
  ];
}
