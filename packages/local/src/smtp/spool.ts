/** A message while it is received: in memory as long as it is small, then in a file, never whole in memory. */
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { headerEnd, takeOut } from "./headers.ts";
import { createScanner, OVERRIDE_HEADER, type Scanner } from "./verdicts.ts";

/** Most mail is smaller, and a file costs more than the message. */
const IN_MEMORY = 256 * 1024;
/** A header section that is longer is stored as it is, and no more of it is looked at. */
const LONGEST_HEADER = 256 * 1024;

export interface Spooled {
  /** The header section as it is stored, with its empty line if there is one. */
  header: Buffer;
  /** Bytes, without what SES puts in front. */
  size: number;
  found: Scanner["found"];
  /** Values of the override header, which has been taken out. */
  overrides: string[];
  /** The message with `prefix` in front; may be asked for several times. */
  content(prefix: Buffer): Buffer | Readable;
  /** Whole, for actions that carry the message itself. The caller has checked the size. */
  read(prefix: Buffer): Promise<Buffer>;
  remove(): Promise<void>;
}

/**
 * Reads a message to its end.
 * @param file Made when the message does not fit in memory.
 * @param limit Bytes; beyond them the rest is read and thrown away.
 * @returns undefined when the limit was passed. Rejects when the sender went away before the end.
 */
export async function spool(source: Readable, file: string, limit: number): Promise<Spooled | undefined> {
  const scanner = createScanner();
  let header: Buffer | undefined;
  let overrides: string[] = [];
  let waiting = Buffer.alloc(0);
  let chunks: Buffer[] = [];
  let handle: FileHandle | undefined;
  let received = 0;
  let stored = 0;

  async function store(chunk: Buffer) {
    stored += chunk.length;
    if (handle) await handle.writeFile(chunk);
    else {
      chunks.push(chunk);
      if (stored <= IN_MEMORY) return;
      handle = await open(file, "wx", 0o600);
      await handle.writeFile(Buffer.concat(chunks));
      chunks = [];
    }
  }
  /** Nothing is stored before the header is known: a line of it may have to go. */
  async function endHeader(length: number) {
    const taken = takeOut(waiting.subarray(0, length), OVERRIDE_HEADER);
    header = taken.section;
    overrides = taken.values;
    await store(header);
    await store(waiting.subarray(length));
    waiting = Buffer.alloc(0);
  }

  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (received > limit) continue;
      scanner.scan(chunk);
      if (header) await store(chunk);
      else {
        waiting = Buffer.concat([waiting, chunk]);
        const end = headerEnd(waiting);
        if (end >= 0) await endHeader(end);
        else if (waiting.length > LONGEST_HEADER) await endHeader(waiting.length);
      }
    }
    if (received <= limit && !header) await endHeader(waiting.length);
  } catch (error) {
    await remove();
    throw error;
  }
  if (received > limit) {
    await remove();
    return undefined;
  }
  await handle?.close();

  async function remove() {
    await handle?.close().catch(() => {});
    if (handle) await rm(file, { force: true });
  }
  const content = (prefix: Buffer) => {
    if (!handle) return Buffer.concat([prefix, ...chunks]);
    return Readable.from(
      (async function* () {
        yield prefix;
        yield* createReadStream(file);
      })(),
      { objectMode: false },
    );
  };
  return {
    header: header ?? Buffer.alloc(0),
    size: stored,
    found: scanner.found,
    overrides,
    content,
    async read(prefix) {
      const whole = content(prefix);
      if (Buffer.isBuffer(whole)) return whole;
      const parts: Buffer[] = [];
      for await (const part of whole as AsyncIterable<Buffer>) parts.push(part);
      return Buffer.concat(parts);
    },
    remove,
  };
}
