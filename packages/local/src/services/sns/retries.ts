/**
 * When SNS tries again to deliver to SQS and Lambda: three times at once, twice after a second, ten times with waits
 * that grow to 20 s, and every 20 s from then on, for 23 days.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */

const AT_ONCE = 3;
const PRE_BACKOFF = 2;
const BACKOFF = 10;
const LONGEST_MS = 20_000;
const GIVE_UP_MS = 23 * 24 * 3600 * 1000;

/**
 * @param failures How often delivery has failed.
 * @param elapsedMs Since the message was published.
 * @returns milliseconds to wait, or undefined to give up.
 */
export function retryDelay(failures: number, elapsedMs: number): number | undefined {
  if (elapsedMs >= GIVE_UP_MS) return undefined;
  if (failures <= AT_ONCE) return 0;
  if (failures <= AT_ONCE + PRE_BACKOFF) return 1000;
  const step = failures - AT_ONCE - PRE_BACKOFF;
  return step >= BACKOFF ? LONGEST_MS : 1000 * 20 ** (step / BACKOFF);
}
