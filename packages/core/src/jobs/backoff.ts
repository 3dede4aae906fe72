import type { JobType } from "./types.ts";

/**
 * Milliseconds until the next attempt. Half of it is random, so that many that failed together do not come back
 * together.
 * @param failed Attempts so far.
 */
export function backoffOf(
  { firstMs, factor, maxMs }: JobType["backoff"],
  failed: number,
  random: () => number = Math.random,
): number {
  const ceiling = Math.min(maxMs, firstMs * factor ** Math.min(failed - 1, 50));
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}
