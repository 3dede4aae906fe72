import { sqs } from "./index.ts";

/** A queue as its link names it. */
export interface Queue {
  url: string;
  arn: string;
}

/** Entries that SQS takes in a call. */
export const perCall = 10;

export const regionOf = (arn: string): string => arn.split(":")[3] ?? "";

/**
 * Says in how many seconds messages come again; the role needs `sqs:ChangeMessageVisibility`.
 * @param handles At most {@link perCall}.
 * @returns Those that SQS refused, by their place, with its code.
 */
export async function changeVisibility(
  { url, arn }: Queue,
  seconds: number,
  handles: readonly string[],
): Promise<{ index: number; code: string | undefined }[]> {
  const { ChangeMessageVisibilityBatchCommand } = await import("@aws-sdk/client-sqs");
  const { Failed = [] } = await (await sqs(regionOf(arn))).send(
    new ChangeMessageVisibilityBatchCommand({
      QueueUrl: url,
      Entries: handles.map((ReceiptHandle, index) => ({
        Id: String(index),
        ReceiptHandle,
        VisibilityTimeout: seconds,
      })),
    }),
  );
  return Failed.map(({ Id, Code }) => ({ index: Number(Id), code: Code }));
}
