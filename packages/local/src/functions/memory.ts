/** Memory of function processes as Lambda counts it: all that is resident, native memory included. */
import { closeSync, openSync, readSync } from "node:fs";

/**
 * Peak resident set of a process in bytes, from the kernel's own high-water mark, so that a peak between two looks
 * counts too. Undefined where the system has no /proc or the process has ended.
 */
export function peakMemory(pid: number): number | undefined {
  const status = openStatus(pid);
  if (status === undefined) return undefined;
  const peak = readPeak(status);
  closeSync(status);
  return peak;
}

function openStatus(pid: number): number | undefined {
  try {
    return openSync(`/proc/${pid}/status`, "r");
  } catch {
    return undefined;
  }
}

/** Larger than the file, whose fields are the kernel's. */
const text = Buffer.alloc(8192);

function readPeak(status: number): number | undefined {
  try {
    const length = readSync(status, text, 0, text.length, 0);
    const match = /^VmHWM:\s+(\d+) kB/m.exec(text.toString("latin1", 0, length));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    return undefined; // it has ended
  }
}

interface Watched {
  readonly pid: number;
  readonly limitBytes: number;
  exceeded(bytes: number): void;
}

/**
 * How often running processes are looked at, to end those that run away; the peak that decides is read at the answer.
 * A look is one read(2) of a file that is kept open: opening it each time, every 20 ms, was 15 % of this process with
 * ten busy functions.
 */
const LOOK_EVERY_MS = 50;

export interface MemoryWatch {
  /** Looks until the returned function is called. */
  watch(process: Watched): () => void;
}
export function createMemoryWatch(): MemoryWatch {
  const watched = new Map<Watched, number>();
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    for (const [process, status] of watched) {
      const bytes = readPeak(status);
      if (bytes === undefined || bytes <= process.limitBytes) continue;
      forget(process);
      process.exceeded(bytes);
    }
  };
  const forget = (process: Watched) => {
    const status = watched.get(process);
    if (status === undefined) return;
    watched.delete(process);
    closeSync(status);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  return {
    watch(process) {
      const status = openStatus(process.pid);
      if (status === undefined) return () => {};
      watched.set(process, status);
      timer ??= setInterval(look, LOOK_EVERY_MS);
      return () => forget(process);
    },
  };
}
