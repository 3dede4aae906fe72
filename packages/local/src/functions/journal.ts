/**
 * Accepted asynchronous events, kept over a kill of this process: an append-only file of JSON lines, written before
 * the event is acknowledged. Not synced: the page cache survives a kill, and a machine that loses power may lose them.
 */
import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";

export interface StoredEvent {
  /** Request id; the same for every attempt, as on AWS. */
  id: string;
  functionArn: string;
  /** JSON text. */
  payload: string;
  traces: string[];
  /** Milliseconds of the local clock. */
  acceptedAt: number;
  /** Attempts that the function has failed. */
  failures: number;
  /** Attempts that could not begin. */
  throttles: number;
  /** When it may run next; milliseconds of the local clock. */
  nextAt: number;
}
type Line = { put: StoredEvent } | { end: string };

export interface Journal {
  /** Adds an event, or replaces it. */
  put(event: StoredEvent): void;
  end(id: string): void;
  close(): void;
}

/** Below this size the file is left as it is. */
const COMPACT_BYTES = 4 * 1024 * 1024;

/** @returns The journal and what it held when it was last written. */
export function openJournal(path: string): { journal: Journal; events: StoredEvent[] } {
  const live = new Map<string, StoredEvent>();
  for (const line of readLines(path))
    if ("put" in line) live.set(line.put.id, line.put);
    else live.delete(line.end);
  let handle = -1;
  let size = 0;
  const append = (line: Line) => {
    size += writeSync(handle, `${JSON.stringify(line)}\n`);
    if (size > COMPACT_BYTES) compact();
  };
  const compact = () => {
    if (handle >= 0) closeSync(handle);
    const text = [...live.values()].map((put) => `${JSON.stringify({ put })}\n`).join("");
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
    handle = openSync(path, "a");
    // What is left counts as nothing: many waiting events must not be rewritten at every append.
    size = 0;
  };
  compact();
  return {
    events: [...live.values()],
    journal: {
      put(event) {
        live.set(event.id, event);
        append({ put: event });
      },
      end(id) {
        live.delete(id);
        append({ end: id });
      },
      close() {
        if (handle >= 0) closeSync(handle);
        handle = -1;
      },
    },
  };
}

function* readLines(path: string): Generator<Line> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  for (const line of text.split("\n")) {
    if (line === "") continue;
    let parsed: Line;
    try {
      parsed = JSON.parse(line) as Line;
    } catch {
      return; // the last line, cut off by a kill: it was not acknowledged
    }
    yield parsed;
  }
}
