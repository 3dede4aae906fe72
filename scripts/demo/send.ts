import nodemailer from "nodemailer";
import type { Outgoing } from "./messages.ts";

export interface Sent extends Outgoing {
  accepted: boolean;
  /** The server's answer, e.g. `250 OK <message id>`. */
  response: string;
  sesMessageId: string;
  /** When it was handed to a connection. Milliseconds since the epoch. */
  sentAt: number;
}

/** Connections at a time, as a forwarding Workspace would use. */
const CONNECTIONS = 4;

/** Sends everything, in order; a message that is refused is reported, not thrown. */
export async function sendAll(messages: Outgoing[], smtp: string, signal?: AbortSignal): Promise<Sent[]> {
  const { hostname, port } = new URL(smtp);
  const transport = nodemailer.createTransport({
    pool: true,
    maxConnections: CONNECTIONS,
    maxMessages: Number.POSITIVE_INFINITY,
    host: hostname,
    port: Number(port),
    secure: false,
    ignoreTLS: true,
  });
  const send = async (message: Outgoing): Promise<Sent> => {
    const sentAt = Date.now();
    try {
      const { response } = await transport.sendMail({
        envelope: { from: message.from, to: message.recipients },
        raw: message.raw,
      });
      return {
        ...message,
        accepted: response.startsWith("250"),
        response,
        sesMessageId: response.replace(/^250\s+(2\.\d\.\d\s+)?(OK:?\s+)?/i, "").trim(),
        sentAt,
      };
    } catch (error) {
      return { ...message, accepted: false, response: (error as Error).message, sesMessageId: "", sentAt };
    }
  };

  const sent: Sent[] = [];
  const waiting = messages.entries();
  // Nodemailer's pool would queue what is above its connections, and time in a queue is no time on the way.
  const worker = async () => {
    for (const [index, message] of waiting) {
      signal?.throwIfAborted();
      sent[index] = await send(message);
    }
  };
  try {
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
    return sent;
  } finally {
    transport.close();
  }
}
