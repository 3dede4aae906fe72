/** What goes over the socket. JSON both ways, told apart by `action`. */
import * as z from "zod";

/** API Gateway's limits: 128 KB a message, 32 KB a frame; more costs more frames, and a client's larger frame closes the socket. */
export const frameBytes = 32 * 1024;

const topic = z
  .string()
  .max(100)
  .regex(
    /^[a-z]+(?::[A-Za-z0-9_-]+)?$/,
    "must look like mailbox:mbx_…, thread:thr_…, job:job_…, media:med_… or user:usr_…",
  );

/** A client's message. `after` is the last sequence number it has: everything above it follows, without a gap. */
export const ClientMessage = z.discriminatedUnion("action", [
  z.object({ action: z.literal("subscribe"), topic, after: z.number().int().min(0).optional() }),
  z.object({ action: z.literal("unsubscribe"), topic }),
  z.object({ action: z.literal("ping") }),
]);
export type ClientMessage = z.infer<typeof ClientMessage>;

export type ServerMessage =
  | { action: "event"; topic: string; seq: number; type: string; data: Record<string, unknown> }
  /** `seq`: the last number the client has, or has skipped; the next event has the one above. */
  | { action: "subscribed"; topic: string; seq: number }
  | { action: "unsubscribed"; topic: string }
  | { action: "pong" }
  | { action: "error"; code: string; message: string; topic?: string };

export interface StoredEvent {
  topic: string;
  seq: number;
  type: string;
  data: Record<string, unknown>;
  mailboxIds: string[] | null;
  trace: string | null;
}

/**
 * An event as one user may see it. A thread can hold messages of mailboxes that the subscriber is no member of: the
 * number is sent all the same, since numbers have no gaps, and the data is withheld.
 * @param mailboxIds Those the user is a member of; null for whoever sees everything.
 */
export function eventFor(event: StoredEvent, mailboxIds: readonly string[] | null): ServerMessage {
  const { topic: name, seq, type } = event;
  const base = { action: "event", topic: name, seq, type } as const;
  if (mailboxIds === null || event.mailboxIds === null) return { ...base, data: event.data };
  const seen = event.mailboxIds.filter((mailboxId) => mailboxIds.includes(mailboxId));
  if (seen.length === 0) return { ...base, data: { withheld: true } };
  return { ...base, data: "mailboxIds" in event.data ? { ...event.data, mailboxIds: seen } : event.data };
}

/** The bytes of a message. One that does not fit into a frame is cut to its identifiers, with where to get the rest. */
export function encode(message: ServerMessage): string {
  const text = JSON.stringify(message);
  if (message.action !== "event" || Buffer.byteLength(text) <= frameBytes) return text;
  const kept = Object.entries(message.data).filter(
    ([key, value]) => (key === "trace" || /Ids?$/.test(key)) && JSON.stringify(value).length <= 1_000,
  );
  const data: Record<string, unknown> = { ...Object.fromEntries(kept), truncated: true };
  if (typeof data.messageId === "string") data.fetch = `/messages/${data.messageId}`;
  if (typeof data.jobId === "string") data.fetch = `/jobs/${data.jobId}`;
  return JSON.stringify({ ...message, data });
}
