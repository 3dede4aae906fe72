import { AwsError } from "../../cloud/errors.ts";

/** Members of JSON inputs, checked: what comes in is whatever a client sent. */
export function stringOf(input: Record<string, unknown>, name: string): string | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new AwsError("ValidationException", `${name} must be a string.`);
  return value;
}
export function requiredString(input: Record<string, unknown>, name: string): string {
  const value = stringOf(input, name);
  if (value === undefined || value === "") throw new AwsError("ValidationException", `${name} is required.`);
  return value;
}
export function stringsOf(input: Record<string, unknown>, name: string): string[] | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
    throw new AwsError("ValidationException", `${name} must be a list of strings.`);
  return value;
}
/** @returns a whole number within the bounds, or the fallback. */
export function wholeNumber(
  input: Record<string, unknown>,
  name: string,
  bounds: { min: number; max: number; fallback: number },
): number {
  const value = input[name] ?? bounds.fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < bounds.min || value > bounds.max)
    throw new AwsError(
      "ValidationException",
      `${name} must be a whole number from ${bounds.min} to ${bounds.max}.`,
    );
  return value;
}

/** One page of a list; the token is the position of the next page. */
export function page<T>(
  items: T[],
  input: Record<string, unknown>,
  max: number,
): { items: T[]; next: { NextToken?: string } } {
  const size = wholeNumber(input, "MaxResults", { min: 1, max, fallback: max });
  const token = stringOf(input, "NextToken");
  const from = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(from) || from < 0)
    throw new AwsError("InvalidNextTokenException", "The NextToken is not valid.");
  const end = from + size;
  return { items: items.slice(from, end), next: end < items.length ? { NextToken: String(end) } : {} };
}
