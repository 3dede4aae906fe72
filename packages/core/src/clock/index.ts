/** Where every decision takes its time from. The machine's clock, unless a test moves it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

let current: Clock = systemClock;

/** Milliseconds since the epoch. */
export function now(): number {
  return current.now();
}

export function sleep(ms: number): Promise<void> {
  return current.sleep(ms);
}

/** Puts another clock in place; the returned function restores the one before. */
export function provide(clock: Clock): () => void {
  const before = current;
  current = clock;
  return () => {
    current = before;
  };
}
