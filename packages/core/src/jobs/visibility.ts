import * as aws from "../aws/index.ts";
import { config } from "../config/index.ts";
import { describe } from "../error/index.ts";
import * as log from "../log/index.ts";

/**
 * Says when messages of the jobs queue come again. The queue's own timeout is six times the consumer's, as Lambda asks:
 * the messages of a killed worker would stay away for twelve minutes. One that cannot be changed comes back late.
 */
export async function showAgainIn(
  seconds: number,
  received: readonly { messageId: string; receiptHandle: string }[],
): Promise<void> {
  if (received.length === 0) return;
  const queue = config("JobsQueue");
  const handles = received.map(({ receiptHandle }) => receiptHandle);
  try {
    for (let from = 0; from < handles.length; from += aws.perCall)
      await aws.changeVisibility(queue, seconds, handles.slice(from, from + aws.perCall));
  } catch (error) {
    log.warn("messages keep their visibility", { error: describe(error) });
  }
}

/** Another message for whoever works next. */
export async function sendWake(): Promise<void> {
  const { url, arn } = config("JobsQueue");
  const { SendMessageCommand } = await import("@aws-sdk/client-sqs");
  const client = await aws.sqs(aws.regionOf(arn));
  await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify({ job: "next" }) }));
}
