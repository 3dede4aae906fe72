/** Wait before the next try: doubling from one second to an hour, with jitter so that many do not come back at once. */
export function backoffMs(attempts: number, random: () => number = Math.random): number {
  const ceiling = Math.min(3_600_000, 1_000 * 2 ** Math.min(attempts, 20));
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}

/** Runs `work` over the items, at most `limit` at a time. Rejects with the first error once all have ended. */
export async function inParallel<T>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, worker));
  const failed = ended.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
