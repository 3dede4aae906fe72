/**
 * What an edge keeps: small bodies in memory, the others in files, the least used go first. It is empty at the start of
 * each run, as an edge may forget anything at any time.
 */

import { randomUUID } from "node:crypto";
import { createReadStream, openSync, rmSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Headers } from "./http.ts";

export interface StoredBody {
  readonly size: number;
  /** Opened at once: what is forgotten from now on is still read to its end. Both ends included. */
  read(range?: { start: number; end: number }): Buffer | Readable;
}
export interface Entry {
  /** Percent-encoded path, without the query, as invalidations name it. */
  path: string;
  /** What of it tells one answer from another. */
  query: string;
  status: number;
  headers: Headers;
  body: StoredBody;
  /** Bytes that the origin announced: an answer to HEAD has no others. */
  size?: number;
  /** Milliseconds: when the origin gave it or confirmed it. */
  at: number;
  /** Seconds that it had been kept elsewhere before. */
  age: number;
  freshUntil: number;
}
/** Takes a body as it passes by. */
export interface Recording {
  /** False: it is larger than what is kept, and is no longer recorded. */
  write(chunk: Buffer): Promise<boolean>;
  finish(): Promise<StoredBody | undefined>;
  abort(): Promise<void>;
}
export interface EdgeCache {
  get(key: string): Entry | undefined;
  put(key: string, entry: Entry): void;
  /** Changes an entry's times and headers; its body stays. */
  renew(key: string, entry: Entry): void;
  drop(matches: (entry: Entry) => boolean): number;
  record(): Recording;
  clear(): void;
}

const SMALL_BYTES = 64 * 1024;
interface Limits {
  /** Of all bodies together. */
  bytes: number;
  entries: number;
  /** Of one body. */
  largest: number;
}
const usual: Limits = { bytes: 256 * 1024 ** 2, entries: 10_000, largest: 64 * 1024 ** 2 };

/** @param folder Made by the caller, and all the cache's. */
export function createCache(folder: string, limits: Limits = usual): EdgeCache {
  /** The least lately used first. */
  const entries = new Map<string, Entry>();
  let bytes = 0;

  function remove(key: string) {
    const entry = entries.get(key);
    if (!entry) return;
    entries.delete(key);
    bytes -= entry.body.size;
    discard(entry.body);
  }
  function discard(body: StoredBody) {
    if (body instanceof FileBody) rmSync(body.path, { force: true });
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry;
    },
    put(key, entry) {
      remove(key);
      entries.set(key, entry);
      bytes += entry.body.size;
      for (const oldest of entries.keys()) {
        if (bytes <= limits.bytes && entries.size <= limits.entries) break;
        remove(oldest);
      }
    },
    renew(key, entry) {
      if (entries.get(key)?.body === entry.body) entries.set(key, entry);
    },
    drop(matches) {
      const gone = [...entries].filter(([, entry]) => matches(entry));
      for (const [key] of gone) remove(key);
      return gone.length;
    },
    record: () => createRecording(folder, limits.largest),
    clear() {
      for (const key of [...entries.keys()]) remove(key);
    },
  };
}

class MemoryBody implements StoredBody {
  readonly #bytes: Buffer;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  get size() {
    return this.#bytes.length;
  }
  read(range?: { start: number; end: number }): Buffer {
    return range ? this.#bytes.subarray(range.start, range.end + 1) : this.#bytes;
  }
}
class FileBody implements StoredBody {
  readonly path: string;
  readonly size: number;
  constructor(path: string, size: number) {
    this.path = path;
    this.size = size;
  }
  read(range?: { start: number; end: number }): Readable {
    return createReadStream("", { fd: openSync(this.path, "r"), ...(range ?? { start: 0 }) });
  }
}

function createRecording(folder: string, largest: number): Recording {
  let held: Buffer[] | undefined = [];
  let size = 0;
  let file: { path: string; handle: FileHandle } | undefined;
  const abort = async () => {
    held = undefined;
    const opened = file;
    file = undefined;
    await opened?.handle.close();
    if (opened) await rm(opened.path, { force: true });
  };
  return {
    async write(chunk) {
      if (!held) return false;
      size += chunk.length;
      if (size > largest) {
        await abort();
        return false;
      }
      held.push(chunk);
      if (size <= SMALL_BYTES) return true;
      if (!file) {
        const path = join(folder, randomUUID());
        file = { path, handle: await open(path, "wx", 0o600) };
      }
      for (const one of held.splice(0)) await writeAll(file.handle, one);
      return true;
    },
    async finish() {
      if (!held) return undefined;
      if (!file) return new MemoryBody(Buffer.concat(held));
      const { path, handle } = file;
      file = undefined;
      await handle.close();
      return new FileBody(path, size);
    },
    abort,
  };
}

async function writeAll(handle: FileHandle, chunk: Buffer) {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
}
