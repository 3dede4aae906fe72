import * as aws from "../aws/index.ts";
import { config } from "../config/index.ts";
import { describe } from "../error/index.ts";
import * as log from "../log/index.ts";
import { regionOf } from "./wake.ts";

/**
 * Says when messages of the jobs queue come again. The queue's own timeout is six times the consumer's, as Lambda asks:
 * the messages of a killed worker would stay away for twelve minutes. One that cannot be changed comes back late.
 */
export async function showAgainIn(
  seconds: number,
  received: readonly { messageId: string; receiptHandle: string }[],
): Promise<void> {
  if (received.length === 0) return;
  const { url, arn } = config("JobsQueue");
  try {
    const { ChangeMessageVisibilityBatchCommand } = await import("@aws-sdk/client-sqs");
    const client = await aws.sqs(regionOf(arn));
    for (let from = 0; from < received.length; from += 10)
      await client.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: url,
          Entries: received.slice(from, from + 10).map(({ receiptHandle }, index) => ({
            Id: String(index),
            ReceiptHandle: receiptHandle,
            VisibilityTimeout: seconds,
          })),
        }),
      );
  } catch (error) {
    log.warn("messages keep their visibility", { error: describe(error) });
  }
}

/** Another message for whoever works next. */
export async function sendWake(): Promise<void> {
  const { url, arn } = config("JobsQueue");
  const { SendMessageCommand } = await import("@aws-sdk/client-sqs");
  const client = await aws.sqs(regionOf(arn));
  await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify({ job: "next" }) }));
}
