/** Reading what callers of SQS send: types, limits and characters, with the errors that SQS gives. */

import { createHash } from "node:crypto";
import { AwsError } from "../../cloud/errors.ts";
import type { QueueSpec } from "../../plan/types.ts";
import { invalidParameter, invalidValue, missingParameter } from "./errors.ts";
import { type Draft, type MessageAttributes, md5, md5OfAttributes, sizeOf } from "./message.ts";

type Input = Record<string, unknown>;

/** The largest message, and the largest batch, that SQS takes; a queue's own limit may be lower. */
export const LARGEST_BYTES = 1_048_576;
const MOST_ATTRIBUTES = 10;

export function text(input: Input, name: string): string | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new AwsError("SerializationException", `${name} must be a string.`);
  return value;
}
export function neededText(input: Input, name: string): string {
  const value = text(input, name);
  if (value === undefined || value === "") throw missingParameter(name);
  return value;
}
export function wholeNumber(
  input: Input,
  name: string,
  range: { from: number; to: number },
): number | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number) || number < range.from || number > range.to)
    throw invalidParameter(value, name, `Must be between ${range.from} and ${range.to}, if provided.`);
  return number;
}
export function textList(input: Input, name: string): string[] {
  const value = input[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string"))
    throw new AwsError("SerializationException", `${name} must be a list of strings.`);
  return value as string[];
}
function isObject(value: unknown): value is Input {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The entries of a batch, with their ids checked. */
export function batchEntries(input: Input): { id: string; entry: Input }[] {
  const { Entries: entries } = input;
  if (entries === undefined || (Array.isArray(entries) && entries.length === 0))
    throw new AwsError("EmptyBatchRequest", "There should be at least one entry in the request.");
  if (!Array.isArray(entries) || !entries.every(isObject))
    throw new AwsError("SerializationException", "Entries must be a list of structures.");
  if (entries.length > 10)
    throw new AwsError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    );
  const seen = new Set<string>();
  return entries.map((entry) => {
    const id = neededText(entry, "Id");
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(id))
      throw new AwsError(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
      );
    if (seen.has(id)) throw new AwsError("BatchEntryIdsNotDistinct", `Id ${id} repeated.`);
    seen.add(id);
    return { id, entry };
  });
}

/** What a sender gives for one message, in the JSON protocol's words. */
export function readDraft(
  input: Input,
  queue: QueueSpec,
  senderId: string,
  trace: string | undefined,
): Draft {
  const body = text(input, "MessageBody");
  if (body === undefined) throw missingParameter("MessageBody");
  const system = readAttributes(input.MessageSystemAttributes);
  const other = Object.keys(system).find((name) => name !== "AWSTraceHeader");
  if (other !== undefined)
    throw invalidValue(
      `Message system attribute name '${other}' is invalid. The only one a sender can give is AWSTraceHeader.`,
    );
  const attributes = readAttributes(input.MessageAttributes);
  return checkDraft(queue, {
    body,
    attributes,
    senderId,
    delaySeconds: wholeNumber(input, "DelaySeconds", { from: 0, to: 900 }),
    groupId: text(input, "MessageGroupId"),
    deduplicationId: text(input, "MessageDeduplicationId"),
    trace: system.AWSTraceHeader?.stringValue ?? trace,
  });
}

/** What every way of sending must keep to. Adds the digests, and the deduplication id of a FIFO queue. */
export function checkDraft(queue: QueueSpec, given: Omit<Draft, "md5" | "md5OfAttributes">): Draft {
  if (given.body === "")
    throw new AwsError("MissingParameter", "The request must contain the parameter MessageBody.");
  const strange = forbidden.exec(given.body)?.[0];
  if (strange !== undefined)
    throw new AwsError(
      "InvalidMessageContents",
      `Invalid binary character '#x${(strange.codePointAt(0) ?? 0).toString(16).toUpperCase()}' was found in the message body, the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`,
    );
  checkAttributes(given.attributes);
  const limit = Math.min(queue.maximumMessageSize, LARGEST_BYTES);
  if (sizeOf(given.body, given.attributes) > limit)
    throw invalidValue(
      `One or more parameters are invalid. Reason: Message must be shorter than ${limit} bytes.`,
    );
  const draft = { ...given, md5: md5(given.body), md5OfAttributes: md5OfAttributes(given.attributes) };
  return queue.fifo ? checkFifo(queue, draft) : checkStandard(draft);
}

/** https://www.w3.org/TR/REC-xml/#charsets; a lone surrogate is no character either. */
const forbidden = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const identifier = /^[\x21-\x7e]{1,128}$/;

function checkFifo(queue: QueueSpec, draft: Draft): Draft {
  const { groupId, deduplicationId, delaySeconds } = draft;
  if (groupId === undefined || groupId === "") throw missingParameter("MessageGroupId");
  checkIdentifier("MessageGroupId", groupId);
  if (delaySeconds !== undefined && delaySeconds !== 0)
    throw invalidParameter(
      delaySeconds,
      "DelaySeconds",
      "The request include parameter that is not valid for this queue type: a FIFO queue delays all messages alike.",
    );
  if (deduplicationId !== undefined) {
    checkIdentifier("MessageDeduplicationId", deduplicationId);
    return { ...draft, delaySeconds: undefined };
  }
  if (!queue.contentBasedDeduplication)
    throw invalidValue(
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  return {
    ...draft,
    delaySeconds: undefined,
    deduplicationId: createHash("sha256").update(draft.body).digest("hex"),
  };
}
function checkStandard(draft: Draft): Draft {
  // A standard queue takes a group id since 2025 ("fair queues"); it orders nothing by it.
  if (draft.groupId !== undefined) checkIdentifier("MessageGroupId", draft.groupId);
  if (draft.deduplicationId !== undefined)
    throw invalidParameter(
      draft.deduplicationId,
      "MessageDeduplicationId",
      "The request includes a parameter that is not valid for this queue type",
    );
  return draft;
}
function checkIdentifier(name: string, value: string) {
  if (!identifier.test(value))
    throw invalidParameter(
      value,
      name,
      `${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
    );
}

function readAttributes(value: unknown): MessageAttributes {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new AwsError("SerializationException", "Message attributes must be a map.");
  // Not by assignment: an attribute may be called __proto__.
  return Object.fromEntries(
    Object.entries(value).map(([name, attribute]) => {
      if (!isObject(attribute)) throw invalidValue(`The message attribute '${name}' must have a value.`);
      const stringValue = text(attribute, "StringValue");
      const binary = text(attribute, "BinaryValue");
      return [
        name,
        {
          dataType: text(attribute, "DataType") ?? "",
          ...(stringValue !== undefined && { stringValue }),
          ...(binary !== undefined && { binaryValue: Buffer.from(binary, "base64") }),
        },
      ];
    }),
  );
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html */
function checkAttributes(attributes: MessageAttributes) {
  const names = Object.keys(attributes);
  if (names.length > MOST_ATTRIBUTES)
    throw invalidValue(
      `Number of message attributes [${names.length}] exceeds the allowed maximum [${MOST_ATTRIBUTES}].`,
    );
  for (const [name, { dataType, stringValue, binaryValue }] of Object.entries(attributes)) {
    if (
      !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name) ||
      name.length > 256 ||
      /^(aws|amazon)\./i.test(name)
    )
      throw invalidValue(
        `Message attribute name '${name.slice(0, 300)}' is invalid: up to 256 letters, digits, '_', '-' and single inner '.', not beginning with 'AWS.' or 'Amazon.'.`,
      );
    const [, type] = /^(String|Number|Binary)(?:\..+)?$/.exec(dataType) ?? [];
    if (type === undefined || dataType.length > 256)
      throw invalidValue(
        `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
      );
    const empty = type === "Binary" ? !binaryValue?.length : !stringValue;
    if (empty)
      throw invalidValue(
        `Message (user) attribute '${name}' must contain a non-empty value of type '${type}'.`,
      );
    if (type === "Number" && !/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(stringValue ?? ""))
      throw invalidValue(`Can't cast the value of message (user) attribute '${name}' to a number.`);
    if (stringValue !== undefined && forbidden.test(stringValue))
      throw invalidValue(`Message (user) attribute '${name}' contains invalid characters.`);
  }
}
