/** Sizes of events (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
import { AwsError } from "../cloud/errors.ts";

export const MAX_SYNC_BYTES = 6 * 1024 * 1024;
export const MAX_ASYNC_BYTES = 1024 * 1024;

/** @throws AwsError as Lambda's Invoke answers. */
export function refuseTooLarge(bytes: number, limit: number): void {
  if (bytes > limit)
    throw new AwsError(
      "RequestTooLargeException",
      `Request must be smaller than ${limit} bytes for the InvokeFunction operation`,
      413,
      { Type: "User" },
    );
}
