import * as aws from "../aws/index.ts";
import { describe } from "../error/index.ts";
import * as log from "../log/index.ts";
import { record } from "./record.ts";

/** A message of a queue, as its consumer got it. */
export interface Received {
  messageId: string;
  receiptHandle: string;
  /** ApproximateReceiveCount */
  attempt: number;
  trace?: string | undefined;
}

export interface Reason {
  /** Stable, in snake case. */
  code: string;
  /** In words; no bodies, no values. */
  cause: string;
}

/**
 * Gives up on messages that no further try can help. Writes why, then makes each visible at once: its remaining
 * receives are over in a moment rather than in as many visibility timeouts, and SQS's own redrive takes it to the
 * dead-letter queue. It stays in the source until then, whatever happens here, and arrives once, under the identifier
 * that the cause is written under, and with the source that `StartMessageMoveTask` sends it back to. A copy sent to the
 * dead-letter queue would have neither, and a crash before the original's deletion would make it two.
 * @param queue Of the link; the role needs `sqs:ChangeMessageVisibility` on it.
 * @returns Identifiers to be answered as failed.
 * @throws VisibleError `unavailable` when the database is: then the queue brings the messages again.
 */
export async function refuse(
  queue: aws.Queue,
  received: readonly Received[],
  reason: Reason,
): Promise<string[]> {
  await record(
    received.map(({ messageId, attempt, trace }) => ({
      queue: queue.arn,
      queueMessageId: messageId,
      attempt,
      ...reason,
      trace,
    })),
  );
  for (const { messageId, attempt, trace } of received)
    log.error("a message is given up", { queue: queue.arn, record: messageId, attempt, trace, ...reason });
  for (let from = 0; from < received.length; from += aws.perCall)
    await showAtOnce(queue, received.slice(from, from + aws.perCall));
  return received.map(({ messageId }) => messageId);
}

/** A message that stays hidden is late, not lost: it comes again after its visibility timeout. */
async function showAtOnce(queue: aws.Queue, received: readonly Received[]): Promise<void> {
  try {
    const refused = await aws.changeVisibility(
      queue,
      0,
      received.map(({ receiptHandle }) => receiptHandle),
    );
    for (const { index, code } of refused)
      log.warn("a refused message stays hidden until its timeout", {
        record: received[index]?.messageId,
        code,
      });
  } catch (error) {
    log.warn("refused messages stay hidden until their timeout", {
      queue: queue.arn,
      error: describe(error),
    });
  }
}
