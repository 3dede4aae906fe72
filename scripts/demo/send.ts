import nodemailer from "nodemailer";
import type { Outgoing } from "./messages.ts";

export interface Sent extends Outgoing {
  accepted: boolean;
  /** The server's answer, e.g. `250 OK <message id>`. */
  response: string;
  sesMessageId: string;
  /** Milliseconds since the epoch. */
  sentAt: number;
}

/** Connections at a time, as a forwarding Workspace would use. */
const CONNECTIONS = 4;

/** Sends everything; a message that is refused is reported, not thrown. */
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
  try {
    return await Promise.all(
      messages.map(async (message): Promise<Sent> => {
        signal?.throwIfAborted();
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
          return {
            ...message,
            accepted: false,
            response: (error as Error).message,
            sesMessageId: "",
            sentAt,
          };
        }
      }),
    );
  } finally {
    transport.close();
  }
}
