import { ingest } from "@frontdesk/core/mail";
import type { SQSHandler } from "aws-lambda";
import { asSystem } from "../system.ts";

/** Takes raw mail in. Records that could not be taken in stay in the queue, or are given up; the others are gone from it. */
export const handler: SQSHandler = (event, context) =>
  asSystem("email-consumer", context, async () => {
    const { failed } = await ingest(
      event.Records.map((record) => ({
        messageId: record.messageId,
        receiptHandle: record.receiptHandle,
        body: record.body,
        attempt: Number(record.attributes.ApproximateReceiveCount),
        queue: record.eventSourceARN,
      })),
    );
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  });
