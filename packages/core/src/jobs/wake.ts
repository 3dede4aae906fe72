/** Messages on the jobs queue. They carry no work: whoever gets one claims what the database says is next. */
import { regionOf } from "../aws/index.ts";
import { now } from "../clock/index.ts";
import { config, has } from "../config/index.ts";
import * as outbox from "../outbox/index.ts";

/** SQS delays a message by at most a quarter of an hour; what is due later is queued by the sweep. */
const longestDelayMs = 15 * 60_000;

/**
 * Owes the jobs queue a message, in the open transaction. Where the queue is not linked (the migrator) nothing is owed,
 * and the sweep wakes a worker within a minute.
 * @param key The same transaction owes it once.
 */
export async function wake(key: string, jobId: string, runAt?: Date): Promise<void> {
  if (!has("JobsQueue")) return;
  if (runAt && runAt.getTime() - now() > longestDelayMs) return;
  await outbox.enqueue([wakeDelivery(key, jobId, runAt)]);
}

export function wakeDelivery(key: string, jobId: string, runAt?: Date): outbox.Delivery {
  return {
    kind: "sqs",
    key,
    payload: {
      ...jobsQueue(),
      body: JSON.stringify({ job: jobId }),
      ...(runAt && runAt.getTime() > now() && { notBefore: runAt.toISOString() }),
    },
  };
}

/** Whether a wake for a job that is due then is to be owed at all. */
export function wakesFor(runAt: Date): boolean {
  return has("JobsQueue") && runAt.getTime() - now() <= longestDelayMs;
}

/** A dead job's message for the dead-letter queue, where people look for what failed. */
export function deathDelivery(jobId: string, death: number): outbox.Delivery[] {
  if (!has("JobsDeadLetterQueue")) return [];
  const { url, arn } = config("JobsDeadLetterQueue");
  return [
    {
      kind: "sqs",
      key: `${jobId}/death/${death}`,
      payload: { region: regionOf(arn), url, body: JSON.stringify({ job: jobId, death }) },
    },
  ];
}

export function jobsQueue(): { region: string; url: string } {
  const { url, arn } = config("JobsQueue");
  return { region: regionOf(arn), url };
}
