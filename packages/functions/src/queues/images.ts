import { take } from "@frontdesk/core/media/processing";
import type { SQSHandler } from "aws-lambda";
import { asSystem } from "../system.ts";

/** Makes the sizes of pictures that were uploaded or came with mail. Records that failed come again. */
export const handler: SQSHandler = (event, context) =>
  asSystem("image-consumer", context, async () => {
    const { failed } = await take(
      event.Records.map((record) => ({
        messageId: record.messageId,
        receiptHandle: record.receiptHandle,
        body: record.body,
        attempt: Number(record.attributes.ApproximateReceiveCount),
      })),
    );
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  });
