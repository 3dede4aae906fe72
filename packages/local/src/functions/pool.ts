/** The processes of one function: warm ones first, new ones up to a limit, then callers wait their turn. */
import type { FunctionProcess } from "./process.ts";

export interface Pool {
  /**
   * A process for one invocation, which must be given back. May still be loading its code.
   * @param signal Gives up waiting; rejects with its reason.
   */
  acquire(signal?: AbortSignal): Promise<{ process: FunctionProcess; cold: boolean }>;
  release(process: FunctionProcess): void;
  /** The code changed: idle processes end, busy ones when they are done. */
  renew(): void;
  /** Ends processes that have been idle since before `cutoff`. */
  expire(cutoff: number): void;
  /** Refuses what waits, and ends every process. */
  stop(reason: Error): Promise<void>;
}

interface Waiter {
  resolve(taken: { process: FunctionProcess; cold: boolean }): void;
  reject(reason: unknown): void;
}

export function createPool(options: {
  /** Processes at the same time. */
  limit: number;
  start: () => FunctionProcess;
  /** Milliseconds of the local clock. */
  now: () => number;
}): Pool {
  /** Last used last: taken from the end, so that superfluous processes stay idle and expire. */
  const idle: { process: FunctionProcess; since: number }[] = [];
  const all = new Set<FunctionProcess>();
  const outdated = new Set<FunctionProcess>();
  const waiting = new Set<Waiter>();
  let stopped: Error | undefined;

  const start = () => {
    const process = options.start();
    all.add(process);
    void process.ended.then(() => {
      all.delete(process);
      outdated.delete(process);
      const index = idle.findIndex((entry) => entry.process === process);
      if (index >= 0) idle.splice(index, 1);
      serve();
    });
    return process;
  };
  /** Takes a warm process or starts one; undefined when neither may be had. */
  const take = () => {
    for (let entry = idle.pop(); entry; entry = idle.pop())
      if (entry.process.usable) return { process: entry.process, cold: false };
    return all.size < options.limit ? { process: start(), cold: true } : undefined;
  };
  const serve = () => {
    for (const waiter of waiting) {
      try {
        const taken = stopped ? undefined : take();
        if (!taken) return;
        waiter.resolve(taken);
      } catch (error) {
        waiter.reject(error); // no process can be started: this one is told, the next may have more luck
      }
      waiting.delete(waiter);
    }
  };

  return {
    acquire(signal) {
      if (stopped) return Promise.reject(stopped);
      if (signal?.aborted) return Promise.reject(signal.reason);
      const taken = waiting.size === 0 ? take() : undefined;
      if (taken) return Promise.resolve(taken);
      return new Promise((resolve, reject) => {
        const waiter: Waiter = {
          resolve(taken) {
            signal?.removeEventListener("abort", giveUp);
            resolve(taken);
          },
          reject(reason) {
            signal?.removeEventListener("abort", giveUp);
            reject(reason);
          },
        };
        const giveUp = () => {
          waiting.delete(waiter);
          reject(signal?.reason);
        };
        waiting.add(waiter);
        signal?.addEventListener("abort", giveUp, { once: true });
      });
    },
    release(process) {
      if (stopped || outdated.has(process) || !process.usable) void process.stop();
      else idle.push({ process, since: options.now() });
      serve();
    },
    renew() {
      for (const process of all) outdated.add(process);
      for (const { process } of idle.splice(0)) void process.stop();
    },
    expire(cutoff) {
      while (idle[0] && idle[0].since < cutoff) void idle.shift()?.process.stop();
    },
    async stop(reason) {
      stopped = reason;
      for (const waiter of waiting) waiter.reject(reason);
      waiting.clear();
      await Promise.all([...all].map((process) => process.stop()));
    },
  };
}
