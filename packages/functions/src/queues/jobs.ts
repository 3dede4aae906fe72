import { consume } from "@frontdesk/core/jobs";
import { fire } from "@frontdesk/core/schedules";
import type { SQSHandler } from "aws-lambda";
import { asSystem } from "../system.ts";

/** Runs jobs: each record wakes a worker, which does what the database says is next. */
export const handler: SQSHandler = (event, context) =>
  asSystem("jobs-consumer", context, async () => {
    const { failed } = await consume(
      event.Records.map((record) => ({
        messageId: record.messageId,
        receiptHandle: record.receiptHandle,
        body: record.body,
        attempt: Number(record.attributes.ApproximateReceiveCount),
      })),
      { fire, remainingMs: () => context.getRemainingTimeInMillis() },
    );
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  });
