import { setTimeout as sleep } from "node:timers/promises";

const EVERY_MS = 250;
const PATIENCE_MS = 180_000;

/**
 * Asks again and again until `isDone`, for three minutes at most.
 * @returns The last answer.
 */
export async function until<T>(ask: () => Promise<T>, isDone: (answer: T) => boolean): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; ; await sleep(EVERY_MS)) {
    const answer = await ask();
    if (isDone(answer) || Date.now() > end) return answer;
  }
}
