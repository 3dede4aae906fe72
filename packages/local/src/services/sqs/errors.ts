/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html */
import { AwsError } from "../../cloud/errors.ts";

export function invalidValue(message: string): AwsError {
  return new AwsError("InvalidParameterValue", message);
}
export function invalidParameter(value: unknown, name: string, reason: string): AwsError {
  return invalidValue(`Value ${String(value)} for parameter ${name} is invalid. Reason: ${reason}`);
}
export function missingParameter(name: string): AwsError {
  return new AwsError("MissingParameter", `The request must contain the parameter ${name}.`);
}
export function queueDoesNotExist(hint = ""): AwsError {
  return new AwsError("QueueDoesNotExist", `The specified queue does not exist.${hint}`);
}
export function invalidHandle(handle: string): AwsError {
  return new AwsError(
    "ReceiptHandleIsInvalid",
    `The input receipt handle ${JSON.stringify(handle.slice(0, 80))} is not a valid receipt handle.`,
    404,
  );
}
