/** https://docs.aws.amazon.com/scheduler/latest/APIReference/CommonErrors.html. Scheduler calls the message `Message`. */
import { AwsError } from "../../cloud/errors.ts";

const error = (code: string, message: string, status: number) =>
  new AwsError(code, message, status, { Message: message });

export const invalid = (message: string) => error("ValidationException", message, 400);
export const conflict = (message: string) => error("ConflictException", message, 409);
export const missing = (message: string) => error("ResourceNotFoundException", message, 404);

/** In the words that AWS's services have for members that break their model. */
export function violates(member: string, value: unknown, constraint: string): AwsError {
  const shown = value === undefined ? "null" : `'${String(value).slice(0, 100)}'`;
  return invalid(
    `1 validation error detected: Value ${shown} at '${member}' failed to satisfy constraint: Member must ${constraint}`,
  );
}
