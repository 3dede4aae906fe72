/**
 * An append-only file of JSON lines: how a service's state survives the end of its process, however it comes.
 * Each append is one write(2) before the caller's answer; the page cache outlives a SIGKILL, so nothing is synced.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";

export interface Journal {
  /**
   * Writes the records, all of them or none. What they tell must be so by the end of the synchronous code that
   * calls this: the file may be written anew from the snapshot right after it.
   */
  append(...records: unknown[]): void;
  /** Ends the journal; later appends throw. */
  close(): void;
}

export interface JournalOptions {
  /** Takes each record in the order they were written, while the journal opens. */
  replay(record: unknown): void;
  /** Records that would tell today's state from nothing. */
  snapshot(): Iterable<unknown>;
  /** How many records `snapshot` would give, roughly. */
  live(): number;
}

const READ_BYTES = 1 << 20;
const REWRITE_CHARACTERS = 1 << 20;
/** While 20,000 messages drain, 15,000 are rewritten with a factor of 4, and 60,000 with 1. */
const DEAD_PER_LIVE = 4;
/** Records that tell of nothing any more before the file is written anew. */
const DEAD_RECORDS = 10_000;
/** Large records, such as messages of 1 MiB, are not kept that long. */
const DEAD_BYTES = 64 << 20;

/**
 * Opens or makes a journal and replays it. A torn last line, of a process that was killed while it wrote, is dropped.
 * The file is rewritten when most of it is dead, so an append costs O(1) on average.
 *
 * @throws Error naming the file when a line in its middle is no JSON.
 */
export function openJournal(file: string, options: JournalOptions): Journal {
  const temporary = `${file}.tmp`;
  rmSync(temporary, { force: true });
  let records = 0;
  let bytes = existsSync(file)
    ? replayFile(file, (record) => {
        records += 1;
        options.replay(record);
      })
    : 0;
  let descriptor: number | undefined = openSync(
    file,
    constants.O_CREAT | constants.O_WRONLY | constants.O_APPEND,
  );
  if (fstatSync(descriptor).size > bytes) ftruncateSync(descriptor, bytes);

  let rewriting = false;
  const mostlyDead = () => {
    const live = options.live();
    const dead = records - live;
    return dead > DEAD_PER_LIVE * live && (dead > DEAD_RECORDS || bytes > DEAD_BYTES);
  };
  /** Leaves the old file as it is when there is no room for the new one. */
  function rewrite(current: number) {
    const fresh = openSync(temporary, "w");
    let rewritten = 0;
    let size = 0;
    let text = "";
    try {
      for (const record of options.snapshot()) {
        rewritten += 1;
        text += `${JSON.stringify(record)}\n`;
        if (text.length < REWRITE_CHARACTERS) continue;
        size += writeAll(fresh, Buffer.from(text));
        text = "";
      }
      size += writeAll(fresh, Buffer.from(text));
      renameSync(temporary, file);
    } catch {
      closeSync(fresh);
      rmSync(temporary, { force: true });
      return;
    }
    closeSync(current);
    descriptor = fresh;
    records = rewritten;
    bytes = size;
  }

  return {
    append(...added) {
      if (descriptor === undefined) throw new Error(`${file} is closed: the local cloud has stopped`);
      if (added.length === 0) return;
      let text = "";
      for (const record of added) text += `${JSON.stringify(record)}\n`;
      try {
        bytes += writeAll(descriptor, Buffer.from(text));
      } catch (error) {
        // Half a line, of a full disk, would make one broken line with the next record.
        ftruncateSync(descriptor, bytes);
        throw error;
      }
      records += added.length;
      if (!rewriting && mostlyDead()) {
        rewriting = true;
        queueMicrotask(() => {
          rewriting = false;
          if (descriptor !== undefined && mostlyDead()) rewrite(descriptor);
        });
      }
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

/** @returns bytes up to the end of the last whole line. */
function replayFile(file: string, replay: (record: unknown) => void): number {
  const descriptor = openSync(file, "r");
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    let rest: Buffer[] = [];
    let whole = 0;
    for (;;) {
      const read = readSync(descriptor, buffer, 0, READ_BYTES, null);
      if (read === 0) return whole;
      let from = 0;
      for (let end = buffer.indexOf(10, from); end >= 0 && end < read; end = buffer.indexOf(10, from)) {
        const line = Buffer.concat([...rest, buffer.subarray(from, end)]);
        rest = [];
        replay(parse(line, file));
        whole += line.length + 1;
        from = end + 1;
      }
      if (from < read) rest.push(Buffer.from(buffer.subarray(from, read)));
    }
  } finally {
    closeSync(descriptor);
  }
}

function parse(line: Buffer, file: string): unknown {
  try {
    return JSON.parse(line.toString("utf8"));
  } catch (error) {
    throw new Error(
      `${file} is damaged (${(error as Error).message}); start with --fresh to empty the state`,
    );
  }
}

function writeAll(descriptor: number, data: Buffer): number {
  for (let at = 0; at < data.length; ) at += writeSync(descriptor, data, at);
  return data.length;
}
