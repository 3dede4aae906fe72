/** The little of Postgres' wire protocol that comes before a session is piped through (https://www.postgresql.org/docs/17/protocol-message-formats.html). */
import type { Duplex } from "node:stream";

export const SSL_REQUEST = 80877103;
export const GSSENC_REQUEST = 80877104;
export const CANCEL_REQUEST = 80877102;
/** Postgres' own MAX_STARTUP_PACKET_LENGTH. */
export const LONGEST_STARTUP = 10_000;

/** A FATAL answer: what the client is told before the connection is closed. */
export class Refusal extends Error {
  /** SQLSTATE (https://www.postgresql.org/docs/17/errcodes-appendix.html). */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The peer ended or the connection broke in the middle of a message. */
export class Closed extends Error {}

/** Exactly `length` bytes; what follows stays in the stream. Rejects with Closed. */
export async function readExactly(stream: Duplex, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let missing = length; missing > 0; ) {
    // Whatever is there is taken: a "readable" listener on bytes left in the stream would be called for ever.
    const chunk: Buffer | null = stream.read(Math.min(missing, Math.max(stream.readableLength, 1)));
    if (chunk) {
      chunks.push(chunk);
      missing -= chunk.length;
      continue;
    }
    if (stream.readableEnded || stream.destroyed) throw new Closed();
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of events) stream.off(event, done);
        resolve();
      };
      const events = ["readable", "end", "close", "error"];
      for (const event of events) stream.on(event, done);
    });
  }
  return Buffer.concat(chunks, length);
}

export interface Message {
  type: string;
  body: Buffer;
}

/** One typed message of the peer. @throws Refusal when it is longer than `limit`. */
export async function readMessage(stream: Duplex, limit: number): Promise<Message> {
  const header = await readExactly(stream, 5);
  const length = header.readUInt32BE(1);
  if (length < 4 || length - 4 > limit) throw new Refusal("08P01", "invalid message length");
  return { type: String.fromCharCode(header.readUInt8(0)), body: await readExactly(stream, length - 4) };
}

export function message(type: string, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  const header = Buffer.alloc(5);
  header.write(type, 0, "latin1");
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/** AuthenticationXXX: the request's number and what follows it. */
export function authentication(kind: number, rest: Buffer = Buffer.alloc(0)): Buffer {
  const code = Buffer.alloc(4);
  code.writeUInt32BE(kind);
  return message("R", code, rest);
}

export function fatal({ code, message: text }: Refusal): Buffer {
  return message("E", `SFATAL\0VFATAL\0C${code}\0M${text.replaceAll("\0", "")}\0\0`);
}

export interface Startup {
  /** The packet as it came, to be sent on. */
  packet: Buffer;
  user: string;
  database: string;
  parameters: Map<string, string>;
}

/** @throws Refusal, with the words of Postgres' ProcessStartupPacket. */
export function parseStartup(packet: Buffer): Startup {
  const version = packet.readUInt32BE(4);
  if (version >> 16 !== 3)
    throw new Refusal(
      "0A000",
      `unsupported frontend protocol ${version >>> 16}.${version & 0xffff}: server supports 3.0 to 3.0`,
    );
  const parameters = new Map<string, string>();
  let at = 8;
  const next = () => {
    const end = packet.indexOf(0, at);
    if (end < 0)
      throw new Refusal("08P01", "invalid startup packet layout: expected terminator as last byte");
    const text = packet.toString("utf8", at, end);
    at = end + 1;
    return text;
  };
  for (let name = next(); name !== ""; name = next()) parameters.set(name, next());
  if (at !== packet.length)
    throw new Refusal("08P01", "invalid startup packet layout: expected terminator as last byte");
  const user = parameters.get("user");
  if (!user) throw new Refusal("28000", "no PostgreSQL user name specified in startup packet");
  return { packet, user, database: parameters.get("database") || user, parameters };
}
