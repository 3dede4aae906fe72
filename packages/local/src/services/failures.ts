/** Which failures of a delivery are worth another attempt. */
import { AwsError } from "../cloud/errors.ts";

/** A receiver that is gone, says no or cannot take the message is not asked again. */
export function isPermanent(error: unknown): boolean {
  return error instanceof AwsError && error.status < 500 && !throttled.has(error.code);
}
const throttled = new Set([
  "TooManyRequestsException",
  "RequestThrottled",
  "ThrottlingException",
  "OverLimit",
]);
