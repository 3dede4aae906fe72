/** Reading the flat parameters of the query protocol. */
import { AwsError } from "../../cloud/errors.ts";
import { type Attributes, invalidParameter, type Publication, readStructure } from "./message.ts";

type Input = Record<string, unknown>;
const PAGE = 100;

export function text(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
export function neededText(input: Input, name: string): string {
  const value = text(input, name);
  if (value === undefined) throw invalidParameter(`${name} Reason: no value for required parameter`);
  return value;
}

/** @param prefix Of the parameters' names, `PublishBatchRequestEntries.member.1.` or empty. */
export function readPublication(
  input: Input,
  prefix: string,
  trace: string | undefined,
  parseStructure = true,
): Publication {
  const get = (name: string) => text(input, prefix + name);
  const message = get("Message") ?? "";
  const structure = get("MessageStructure");
  if (structure !== undefined && structure !== "json")
    throw invalidParameter("MessageStructure Reason: the only structure is json");
  const byProtocol = structure && parseStructure ? readStructure(message) : undefined;
  return {
    message: byProtocol?.default ?? message,
    byProtocol,
    subject: get("Subject"),
    attributes: readAttributes(input, `${prefix}MessageAttributes`),
    groupId: get("MessageGroupId"),
    deduplicationId: get("MessageDeduplicationId"),
    trace,
  };
}

/** `MessageAttributes.entry.1.Name`, `.Value.DataType`, `.Value.StringValue`, `.Value.BinaryValue` */
export function readAttributes(input: Input, name: string): Attributes {
  const entries: [string, Attributes[string]][] = [];
  for (let at = 1; ; at++) {
    const entry = `${name}.entry.${at}`;
    const key = text(input, `${entry}.Name`);
    if (key === undefined) return Object.fromEntries(entries);
    const stringValue = text(input, `${entry}.Value.StringValue`);
    const binary = text(input, `${entry}.Value.BinaryValue`);
    entries.push([
      key,
      {
        dataType: text(input, `${entry}.Value.DataType`) ?? "",
        ...(stringValue !== undefined && { stringValue }),
        ...(binary !== undefined && { binaryValue: Buffer.from(binary, "base64") }),
      },
    ]);
  }
}
export function readMap(input: Input, name: string): Record<string, string> {
  const entries: [string, string][] = [];
  for (let at = 1; ; at++) {
    const key = text(input, `${name}.entry.${at}.key`);
    if (key === undefined) return Object.fromEntries(entries);
    entries.push([key, text(input, `${name}.entry.${at}.value`) ?? ""]);
  }
}

export function batchEntries(input: Input): { id: string; prefix: string }[] {
  const list = "PublishBatchRequestEntries.member";
  const numbers = new Set<number>();
  for (const name of Object.keys(input)) {
    const [, number] = /^PublishBatchRequestEntries\.member\.(\d+)\./.exec(name) ?? [];
    if (number !== undefined) numbers.add(Number(number));
  }
  if (numbers.size === 0)
    throw new AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.");
  if (numbers.size > 10)
    throw new AwsError(
      "TooManyEntriesInBatchRequest",
      "The batch request contains more entries than permissible (more than 10).",
    );
  const seen = new Set<string>();
  return [...numbers]
    .sort((a, b) => a - b)
    .map((number) => {
      const prefix = `${list}.${number}.`;
      const id = text(input, `${prefix}Id`) ?? "";
      if (!/^[A-Za-z0-9_-]{1,80}$/.test(id))
        throw new AwsError(
          "InvalidBatchEntryId",
          "The Id of a batch entry in a batch request doesn't abide by the specification.",
        );
      if (seen.has(id))
        throw new AwsError(
          "BatchEntryIdsNotDistinct",
          "Two or more batch entries in the request have the same Id.",
        );
      seen.add(id);
      return { id, prefix };
    });
}

export function page<T>(input: Input, all: readonly T[]): { items: T[]; next: string | undefined } {
  const token = text(input, "NextToken");
  const from = token === undefined ? 0 : Number(Buffer.from(token, "base64").toString());
  if (!Number.isInteger(from) || from < 0) throw invalidParameter("NextToken");
  const to = from + PAGE;
  return {
    items: all.slice(from, to),
    next: to < all.length ? Buffer.from(String(to)).toString("base64") : undefined,
  };
}
