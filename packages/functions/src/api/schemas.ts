/** What answers look like. */
import { states } from "@frontdesk/core/media";
import * as z from "zod";
import { Picture, Reason } from "./media-schemas.ts";
import { id, int, moment, momentOrNull, text, textOrNull } from "./schema-parts.ts";

export const Me = z
  .object({ id: id("usr"), email: text, roles: z.array(z.enum(["admin", "recruiter", "viewer"])) })
  .meta({ id: "Me" });

export const Mailbox = z
  .object({
    id: id("mbx"),
    address: text,
    name: text,
    active: z
      .boolean()
      .meta({ description: "False: no longer in the settings; it keeps its mail and gets no more." }),
    threads: int,
    quarantined: int,
  })
  .meta({ id: "Mailbox" });

export const ThreadSummary = z
  .object({
    id: id("thr"),
    subject: text,
    state: z.enum(["open", "quarantined"]),
    lastMessageAt: moment,
    messageCount: int,
  })
  .meta({ id: "ThreadSummary" });

export const MessageSummary = z
  .object({
    id: id("msg"),
    threadId: id("thr"),
    state: z.enum(["delivered", "quarantined"]),
    subject: text,
    from: z.object({ address: text, name: text }),
    sentAt: momentOrNull.meta({ description: "The sender's claim." }),
    receivedAt: moment,
    snippet: text,
    flags: z.array(text),
    attachmentCount: int,
    mailboxIds: z.array(text),
    trace: text.meta({ description: "W3C trace id, derived from the raw object's key." }),
  })
  .meta({ id: "MessageSummary" });

export const Thread = ThreadSummary.extend({
  mailboxIds: z.array(text),
  messages: z.array(MessageSummary),
  suggestions: z
    .array(z.object({ threadId: text, subject: text, messageId: text }))
    .meta({ description: "Threads that may belong to this one." }),
}).meta({ id: "Thread" });

export const Attachment = z
  .object({
    id: id("att"),
    filename: textOrNull,
    contentType: text.meta({ description: "As the sender declared it." }),
    disposition: text,
    contentId: textOrNull,
    size: int,
    sha256: text,
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
  headerId: textOrNull.meta({ description: "Message-ID without brackets." }),
  references: z.array(text),
  text: textOrNull,
  hasHtml: z
    .boolean()
    .meta({ description: "The HTML itself is in the raw message only: it is not safe to show." }),
  size: int,
  details: z.record(text, z.unknown()),
  trust: z.record(text, z.unknown()),
  recipients: z.array(z.object({ role: z.enum(["to", "cc", "bcc", "reply-to"]), address: text, name: text })),
  attachments: z.array(Attachment),
}).meta({ id: "Message" });

export const Ticket = z
  .object({
    ticket: text,
    url: text.meta({ description: "The socket's address with the ticket in it." }),
    expiresAt: moment,
  })
  .meta({ id: "Ticket" });

/** A page: `nextCursor` is null on the last one. */
export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: textOrNull });

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
