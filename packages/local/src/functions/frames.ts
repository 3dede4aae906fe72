/**
 * What a function's process and we say to each other: length (32 bits, big endian), JSON header, line feed, payload.
 * Payloads stay text from end to end: they are parsed by whom they are for and by nobody else.
 */
export function encodeFrame(header: Record<string, unknown>, payload: string): Buffer {
  const text = `${JSON.stringify(header)}\n${payload}`;
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(4 + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, 4);
  return frame;
}

/** What the process says. */
export type ProcessFrame =
  | { kind: "ready"; initMs: number }
  | { kind: "failed"; error: ErrorSummary }
  | { kind: "log"; stream: "stdout" | "stderr"; requestId: string }
  | {
      kind: "result";
      requestId: string;
      /** Present when the handler failed; the payload is then Lambda's error report. */
      error?: ErrorSummary;
      /** The process ends after this. */
      fatal?: boolean;
      /** Bytes. */
      rss: number;
    };
export interface ErrorSummary {
  errorType: string;
  errorMessage: string;
}

/** @returns Takes chunks as they come and calls `take` for each whole frame. */
export function frameReader(take: (frame: ProcessFrame, payload: string) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let size = 0;
  /** Bytes that the frame under way needs; a large one is joined once, not at every chunk. */
  let needed = 4;
  return (chunk) => {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= needed) {
      const [first] = chunks;
      const all = chunks.length === 1 && first ? first : Buffer.concat(chunks, size);
      chunks = [all];
      needed = 4 + all.readUInt32BE(0);
      if (size < needed) return;
      const text = all.toString("utf8", 4, needed);
      const rest = all.subarray(needed);
      chunks = rest.length > 0 ? [rest] : [];
      size = rest.length;
      needed = 4;
      const feed = text.indexOf("\n");
      take(JSON.parse(text.slice(0, feed)) as ProcessFrame, text.slice(feed + 1));
    }
  };
}
