/** One client of a WebSocket API: what it may send, how long it may stay, and how it is written to. */
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { Clock } from "../../cloud/clock.ts";
import type { ConnectionFacts } from "./events.ts";
import { createFrameMeter } from "./frames.ts";

/** WebSocket API quotas: idle connection timeout, and connection duration. */
const IDLE_MS = 10 * 60_000;
const LIFETIME_MS = 2 * 60 * 60_000;
/** What a slow client may have waiting before a post is refused with LimitExceededException. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/** Messages of one client that may wait for the one before them. */
const MAX_WAITING = 64;

export interface Connection {
  readonly facts: ConnectionFacts;
  /** Milliseconds of the local clock; frames of either side count. */
  readonly lastActiveAt: number;
  /** Writes frames (`frameText`). False: too much is waiting for the client to read it. */
  send(frames: Buffer): boolean;
  /** Starts the closing handshake; from here on the connection is gone. */
  close(code: number, reason: string): void;
  /** Cuts it without a handshake. */
  terminate(): void;
}
export interface ConnectionEvents {
  /** Resolves when the message has been dealt with. */
  message(text: string): Promise<void>;
  /** Once, as soon as nothing more can be sent. */
  gone(code: number, reason: string): void;
}

export function openConnection(
  clock: Clock,
  facts: ConnectionFacts,
  websocket: WebSocket,
  socket: Duplex,
  events: ConnectionEvents,
): Connection {
  let lastActiveAt = clock.now();
  let gone = false;
  let cancelIdle = () => {};
  const cancelLifetime = clock.after(LIFETIME_MS, () => close(1001, "Going away"));
  watchIdle(IDLE_MS);

  /** Re-armed when it is due, not at every message. */
  function watchIdle(ms: number) {
    cancelIdle = clock.after(ms, () => {
      const left = lastActiveAt + IDLE_MS - clock.now();
      if (left > 0) watchIdle(left);
      else close(1001, "Going away");
    });
  }
  function end(code: number, reason: string) {
    if (gone) return;
    gone = true;
    cancelIdle();
    cancelLifetime();
    events.gone(code, reason);
  }
  function close(code: number, reason: string) {
    end(code, reason);
    websocket.close(code, reason);
  }
  const active = () => {
    lastActiveAt = clock.now();
  };

  let waiting = 0;
  /** A client that sends faster than its messages are handled is read no further for a while. */
  function take(text: string) {
    waiting += 1;
    if (waiting >= MAX_WAITING) websocket.pause();
    void events.message(text).finally(() => {
      waiting -= 1;
      if (waiting < MAX_WAITING && websocket.isPaused) websocket.resume();
    });
  }

  const tooLong = createFrameMeter();
  const measure = (chunk: Buffer) => {
    if (!tooLong(chunk)) return;
    socket.off("data", measure);
    close(1009, "Message too big");
  };
  // Before the listener of `ws`, which would deliver the message.
  socket.prependListener("data", measure);

  websocket.on("message", (data: RawData, binary: boolean) => {
    if (gone) return;
    active();
    // API Gateway takes no binary frames and says so with 1003.
    if (binary) close(1003, "Binary frames are not supported");
    else take(toBuffer(data).toString("utf8"));
  });
  websocket.on("ping", active);
  websocket.on("pong", active);
  websocket.on("close", (code, reason) => end(code, disconnectReason(code, reason.toString("utf8"))));
  // Protocol errors and oversize messages: `ws` closes with the code that fits, and "close" follows.
  websocket.on("error", () => {});

  return {
    facts,
    get lastActiveAt() {
      return lastActiveAt;
    },
    send(frames) {
      if (websocket.bufferedAmount > MAX_BUFFERED_BYTES) return false;
      active();
      // The frames are complete and uncompressed: they go out as they are, behind what `ws` has written.
      socket.write(frames);
      return true;
    },
    close,
    terminate() {
      end(1006, disconnectReason(1006, ""));
      websocket.terminate();
    },
  };
}

/** The words of `disconnectReason` where the client gave none. */
export function disconnectReason(code: number, reason: string): string {
  if (reason !== "") return reason;
  if (code === 1005) return "Client-side close frame status not set";
  if (code === 1006) return "Connection closed abnormally";
  return code === 1001 ? "Going away" : "";
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
