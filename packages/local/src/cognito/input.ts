/** Members of a request, checked. */
import { invalidParameter } from "./errors.ts";

export type Input = Record<string, unknown>;

export function text(input: Input, name: string): string {
  const value = input[name];
  if (typeof value !== "string" || value === "") throw invalidParameter(`${name} must be a non-empty string`);
  return value;
}
export function optionalText(input: Input, name: string): string | undefined {
  return input[name] === undefined || input[name] === null ? undefined : text(input, name);
}
export function texts(input: Input, name: string): Record<string, string> {
  const value = input[name] ?? {};
  if (typeof value !== "object" || Array.isArray(value))
    throw invalidParameter(`${name} must be a map of strings`);
  for (const [key, item] of Object.entries(value))
    if (typeof item !== "string") throw invalidParameter(`${name}.${key} must be a string`);
  return value as Record<string, string>;
}
/** `[{Name, Value}]` as a record. */
export function attributes(input: Input, name: string): Record<string, string> {
  const value = input[name] ?? [];
  if (!Array.isArray(value)) throw invalidParameter(`${name} must be a list of {Name, Value}`);
  const entries = value.map((item: unknown): [string, string] => {
    const { Name, Value } = (item ?? {}) as Record<string, unknown>;
    if (typeof Name !== "string" || Name === "" || (Value !== undefined && typeof Value !== "string"))
      throw invalidParameter(`${name} must be a list of {Name, Value}`);
    if (Name === "sub") throw invalidParameter("Cannot modify the non-mutable attribute sub");
    return [Name, Value ?? ""];
  });
  return Object.fromEntries(entries);
}

/** One page of a list. @param limit The operation's own maximum. */
export function page<T>(
  items: T[],
  input: Input,
  tokenName: string,
  limit: number,
): { items: T[]; next?: string } {
  const asked = input.Limit === undefined ? limit : Number(input.Limit);
  if (!Number.isInteger(asked) || asked < 0 || asked > limit)
    throw invalidParameter(`Limit must be an integer from 0 to ${limit}`);
  const size = asked === 0 ? limit : asked;
  const token = optionalText(input, tokenName);
  const start = token === undefined ? 0 : Number(Buffer.from(token, "base64url").toString());
  if (!Number.isInteger(start) || start < 0)
    throw invalidParameter(`${tokenName} is not one that this API gave`);
  const end = start + size;
  return {
    items: items.slice(start, end),
    ...(end < items.length && { next: Buffer.from(String(end)).toString("base64url") }),
  };
}
/** Timestamps are seconds in JSON 1.1. */
export const seconds = (milliseconds: number) => Math.round(milliseconds) / 1000;
