/** Memory of function processes as Lambda counts it: all that is resident, native memory included. */
import { readFileSync } from "node:fs";

/**
 * Peak resident set of a process in bytes, from the kernel's own high-water mark, so that a peak between two looks
 * counts too. Undefined where the system has no /proc or the process has ended.
 */
export function peakMemory(pid: number): number | undefined {
  try {
    const match = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}

interface Watched {
  readonly pid: number;
  readonly limitBytes: number;
  exceeded(bytes: number): void;
}

/** How often running processes are looked at; a look costs about 20 µs. */
const LOOK_EVERY_MS = 20;

export interface MemoryWatch {
  /** Looks until the returned function is called. */
  watch(process: Watched): () => void;
}
export function createMemoryWatch(): MemoryWatch {
  const watched = new Set<Watched>();
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    for (const process of watched) {
      const bytes = peakMemory(process.pid);
      if (bytes !== undefined && bytes > process.limitBytes) {
        watched.delete(process);
        process.exceeded(bytes);
      }
    }
  };
  return {
    watch(process) {
      watched.add(process);
      timer ??= setInterval(look, LOOK_EVERY_MS);
      return () => {
        watched.delete(process);
        if (watched.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}
