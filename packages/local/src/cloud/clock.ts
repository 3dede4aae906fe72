/**
 * The clock of the local cloud. It runs at the machine's pace and can be moved forward, so that visibility
 * timeouts, schedules, lifecycle rules and token lifetimes are tested without waiting.
 */
export interface Clock {
  /** Milliseconds since the epoch, including every `advance`. */
  now(): number;
  /** How far it is ahead of the machine's clock; 0 until it is moved. */
  readonly offset: number;
  /**
   * What this clock showed when the machine's showed a time: programs outside of the run, which go by the machine's
   * clock, say when they signed something. Undefined for a time that the machine has not seen yet.
   */
  atMachineTime(time: number): number | undefined;
  /**
   * Whether a time is now, by this clock, by the machine's, or by how this one was set before: an SDK that took its
   * time from an answer goes on by it.
   */
  isNow(time: number, toleranceMs: number): boolean;
  /** Calls `listener` with the new offset after each `advance`. The returned function ends that. */
  onMove(listener: (offset: number) => void): () => void;
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
/** Dates of signatures are whole seconds, and may be rounded. */
const ROUNDING_MS = 1000;

export function createClock(): Clock {
  let offset = 0;
  /** Each move: when by the machine's clock, and the offset since then. */
  const moves: { at: number; offset: number }[] = [];
  const listeners = new Set<(offset: number) => void>();
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
    get offset() {
      return offset;
    },
    atMachineTime(time) {
      if (!(time <= Date.now() + ROUNDING_MS)) return undefined;
      return time + (moves.findLast(({ at }) => at <= time)?.offset ?? 0);
    },
    isNow(time, toleranceMs) {
      const ahead = time - Date.now();
      return [0, ...moves.map((move) => move.offset)].some((known) => Math.abs(ahead - known) <= toleranceMs);
    },
    onMove(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
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
      moves.push({ at: Date.now(), offset });
      for (const listener of listeners) listener(offset);
      const due = [...timers].filter((timer) => timer.due <= now()).sort((a, b) => a.due - b.due);
      for (const timer of due) fire(timer);
      for (const timer of timers) arm(timer);
    },
    stop() {
      for (const timer of timers) clearTimeout(timer.handle);
      timers.clear();
      listeners.clear();
    },
  };
  return clock;
}
