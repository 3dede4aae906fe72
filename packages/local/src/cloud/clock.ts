/**
 * The clock of the local cloud. It runs at the machine's pace and can be moved forward, so that visibility
 * timeouts, schedules, lifecycle rules and token lifetimes are tested without waiting.
 */
export interface Clock {
  /** Milliseconds since the epoch, including every `advance`. */
  now(): number;
  /** Calls `callback` once when the clock has moved `ms` on. The returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
  /** Resolves when the clock has moved `ms` on, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Moves the clock forward; what falls due runs now, in the order of its due times. */
  advance(ms: number): void;
  /** Drops every pending timer. */
  stop(): void;
}

interface Timer {
  due: number;
  callback: () => void;
  handle?: NodeJS.Timeout;
}

/** setTimeout holds 32-bit milliseconds: longer waits are taken in steps. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export function createClock(): Clock {
  let offset = 0;
  const timers = new Set<Timer>();
  const now = () => Date.now() + offset;

  function fire(timer: Timer) {
    if (!timers.delete(timer)) return;
    clearTimeout(timer.handle);
    timer.callback();
  }
  function arm(timer: Timer) {
    clearTimeout(timer.handle);
    const wait = Math.max(0, timer.due - now());
    timer.handle = setTimeout(
      () => (timer.due <= now() ? fire(timer) : arm(timer)),
      Math.min(wait, LONGEST_WAIT_MS),
    );
  }

  const clock: Clock = {
    now,
    after(ms, callback) {
      const timer: Timer = { due: now() + Math.max(0, ms), callback };
      timers.add(timer);
      arm(timer);
      return () => {
        timers.delete(timer);
        clearTimeout(timer.handle);
      };
    },
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const cancel = clock.after(ms, done);
        signal?.addEventListener("abort", done, { once: true });
        function done() {
          cancel();
          signal?.removeEventListener("abort", done);
          resolve();
        }
      });
    },
    advance(ms) {
      offset += ms;
      const due = [...timers].filter((timer) => timer.due <= now()).sort((a, b) => a.due - b.due);
      for (const timer of due) fire(timer);
      for (const timer of timers) arm(timer);
    },
    stop() {
      for (const timer of timers) clearTimeout(timer.handle);
      timers.clear();
    },
  };
  return clock;
}
