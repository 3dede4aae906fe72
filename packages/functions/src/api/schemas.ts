/** What answers look like. */
import { states } from "@frontdesk/core/media";
import * as z from "zod";
import { Picture, Reason } from "./media-schemas.ts";
import { id, moment } from "./schema-parts.ts";

export const Me = z
  .object({ id: id("usr"), email: z.string(), roles: z.array(z.enum(["admin", "recruiter", "viewer"])) })
  .meta({ id: "Me" });

export const Mailbox = z
  .object({
    id: id("mbx"),
    address: z.string(),
    name: z.string(),
    active: z
      .boolean()
      .meta({ description: "False: no longer in the settings; it keeps its mail and gets no more." }),
    threads: z.int(),
    quarantined: z.int(),
  })
  .meta({ id: "Mailbox" });

export const ThreadSummary = z
  .object({
    id: id("thr"),
    subject: z.string(),
    state: z.enum(["open", "quarantined"]),
    lastMessageAt: moment,
    messageCount: z.int(),
  })
  .meta({ id: "ThreadSummary" });

export const MessageSummary = z
  .object({
    id: id("msg"),
    threadId: id("thr"),
    state: z.enum(["delivered", "quarantined"]),
    subject: z.string(),
    from: z.object({ address: z.string(), name: z.string() }),
    sentAt: moment.nullable().meta({ description: "The sender's claim." }),
    receivedAt: moment,
    snippet: z.string(),
    flags: z.array(z.string()),
    attachmentCount: z.int(),
    mailboxIds: z.array(z.string()),
    trace: z.string().meta({ description: "W3C trace id, derived from the raw object's key." }),
  })
  .meta({ id: "MessageSummary" });

export const Thread = ThreadSummary.extend({
  mailboxIds: z.array(z.string()),
  messages: z.array(MessageSummary),
  suggestions: z
    .array(z.object({ threadId: z.string(), subject: z.string(), messageId: z.string() }))
    .meta({ description: "Threads that may belong to this one." }),
}).meta({ id: "Thread" });

export const Attachment = z
  .object({
    id: id("att"),
    filename: z.string().nullable(),
    contentType: z.string().meta({ description: "As the sender declared it." }),
    disposition: z.string(),
    contentId: z.string().nullable(),
    size: z.int(),
    sha256: z.string(),
    media: z
      .object({
        id: id("med"),
        state: z.enum(states),
        reason: Reason.nullable(),
        picture: Picture.nullable(),
      })
      .nullable()
      .meta({
        description:
          "When it is a picture, by its bytes: how far its sizes are. The attachment itself is only ever downloaded.",
      }),
  })
  .meta({ id: "Attachment" });

export const Message = MessageSummary.extend({
  headerId: z.string().nullable().meta({ description: "Message-ID without brackets." }),
  references: z.array(z.string()),
  text: z.string().nullable(),
  hasHtml: z
    .boolean()
    .meta({ description: "The HTML itself is in the raw message only: it is not safe to show." }),
  size: z.int(),
  details: z.record(z.string(), z.unknown()),
  trust: z.record(z.string(), z.unknown()),
  recipients: z.array(
    z.object({ role: z.enum(["to", "cc", "bcc", "reply-to"]), address: z.string(), name: z.string() }),
  ),
  attachments: z.array(Attachment),
}).meta({ id: "Message" });

export const Ticket = z
  .object({
    ticket: z.string(),
    url: z.string().meta({ description: "The socket's address with the ticket in it." }),
    expiresAt: moment,
  })
  .meta({ id: "Ticket" });

/** A page: `nextCursor` is null on the last one. */
export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

/** Dates go over the wire as ISO 8601 text, which is what JSON makes of them. */
export type Wire<T> = T extends Date
  ? string
  : T extends (infer I)[]
    ? Wire<I>[]
    : T extends object
      ? { [K in keyof T]: Wire<T[K]> }
      : T;
export function wire<T>(value: T): Wire<T> {
  return value as Wire<T>;
}

/** Answers 200 with a JSON body. */
export function ok<T extends z.ZodType>(schema: T, description: string) {
  return { 200: { description, content: { "application/json": { schema } } } };
}
