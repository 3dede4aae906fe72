/** Reading what callers of Scheduler send. https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html */
import { findZone } from "../../rules/zone.ts";
import { invalid, violates } from "./errors.ts";
import { parseExpression } from "./expression.ts";
import { serviceOf } from "./requests.ts";
import type { Definition, Target } from "./types.ts";

export type Input = Record<string, unknown>;

/** Of schedules, groups and tokens. */
const NAME = /^[\w.-]{1,64}$/;
const TOKEN = /^[\w-]{1,64}$/;
const ROLE = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/;
const QUEUE = /^arn:aws(-[a-z]+)?:sqs:[a-z0-9-]+:\d{12}:[a-zA-Z0-9\-_]+$/;

export function text(
  input: Input,
  name: string,
  limits: { max: number; min?: number },
  at = name,
): string | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw invalid(`${at} must be a string.`);
  const { max, min = 1 } = limits;
  if (value.length > max) throw violates(at, value, `have length less than or equal to ${max}`);
  if (value.length < min) throw violates(at, value, `have length greater than or equal to ${min}`);
  return value;
}
function needed(input: Input, name: string, limits: { max: number }, at = name): string {
  const value = text(input, name, limits, at);
  if (value === undefined) throw violates(at, undefined, "not be null");
  return value;
}
function structure(input: Input, name: string, at: string): Input | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw invalid(`${at} must be a structure.`);
  return value as Input;
}
function whole(
  input: Input,
  name: string,
  limits: { min: number; max: number },
  at: string,
): number | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) throw invalid(`${at} must be an integer.`);
  if (value < limits.min) throw violates(at, value, `have value greater than or equal to ${limits.min}`);
  if (value > limits.max) throw violates(at, value, `have value less than or equal to ${limits.max}`);
  return value;
}
function choice<T extends string>(
  input: Input,
  name: string,
  choices: readonly T[],
  at = name,
): T | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  const found = choices.find((one) => one === value);
  if (found === undefined) throw violates(at, value, `satisfy enum value set: [${choices.join(", ")}]`);
  return found;
}

export function checkName(value: string, at: string): string {
  if (!NAME.test(value))
    throw violates(
      at,
      value,
      "satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$ and have length from 1 to 64",
    );
  return value;
}
export function readToken(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string" || !TOKEN.test(value))
    throw violates("clientToken", value, "satisfy regular expression pattern: ^[a-zA-Z0-9-_]+$");
  return value;
}

/** What Create and Update take. @throws AwsError ValidationException, in AWS's words as far as they are known. */
export function readDefinition(input: Input): Definition {
  const zone = text(input, "ScheduleExpressionTimezone", { max: 50 }, "scheduleExpressionTimezone") ?? "UTC";
  const expression = needed(input, "ScheduleExpression", { max: 256 }, "scheduleExpression");
  const found = findZone(zone);
  if (!found) throw invalid(`Invalid ScheduleExpressionTimezone ${zone}.`);
  try {
    parseExpression(expression, found);
  } catch {
    throw invalid(`Invalid Schedule Expression ${expression}.`);
  }
  const startAt = readDate(input, "StartDate");
  const endAt = readDate(input, "EndDate");
  if (startAt !== undefined && endAt !== undefined && startAt >= endAt)
    throw invalid("The StartDate you specify must come before the EndDate.");
  const windowMinutes = readWindow(input);
  const description = text(input, "Description", { max: 512, min: 0 }, "description");
  const kmsKeyArn = text(input, "KmsKeyArn", { max: 2048 }, "kmsKeyArn");
  return {
    expression,
    zone,
    state: choice(input, "State", ["ENABLED", "DISABLED"], "state") ?? "ENABLED",
    afterCompletion:
      choice(input, "ActionAfterCompletion", ["NONE", "DELETE"], "actionAfterCompletion") ?? "NONE",
    target: readTarget(input),
    ...(startAt !== undefined && { startAt }),
    ...(endAt !== undefined && { endAt }),
    ...(windowMinutes !== undefined && { windowMinutes }),
    ...(description !== undefined && { description }),
    ...(kmsKeyArn !== undefined && { kmsKeyArn }),
  };
}

function readDate(input: Input, name: "StartDate" | "EndDate"): number | undefined {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value))
    throw invalid(`${name} must be seconds since the epoch.`);
  return value * 1000;
}

function readWindow(input: Input): number | undefined {
  const window = structure(input, "FlexibleTimeWindow", "flexibleTimeWindow");
  if (!window) throw violates("flexibleTimeWindow", undefined, "not be null");
  const mode = choice(window, "Mode", ["OFF", "FLEXIBLE"], "flexibleTimeWindow.mode");
  if (mode === undefined) throw violates("flexibleTimeWindow.mode", undefined, "not be null");
  const at = "flexibleTimeWindow.maximumWindowInMinutes";
  const minutes = whole(window, "MaximumWindowInMinutes", { min: 1, max: 1440 }, at);
  if (mode === "OFF") {
    if (minutes !== undefined)
      throw invalid("MaximumWindowInMinutes must not be set when the flexible time window is off.");
    return undefined;
  }
  if (minutes === undefined)
    throw invalid("MaximumWindowInMinutes must be set when the flexible time window is flexible.");
  return minutes;
}

function readTarget(input: Input): Target {
  const target = structure(input, "Target", "target");
  if (!target) throw violates("target", undefined, "not be null");
  const arn = needed(target, "Arn", { max: 1600 }, "target.arn");
  const service = serviceOf(arn);
  if (service === undefined) throw invalid("Provided Arn is not in correct format.");
  const roleArn = needed(target, "RoleArn", { max: 1600 }, "target.roleArn");
  if (!ROLE.test(roleArn))
    throw violates(
      "target.roleArn",
      roleArn,
      "satisfy regular expression pattern: ^arn:aws[a-z-]*:iam::\\d{12}:role\\/[\\w+=,.@\\/-]+$",
    );
  const payload = text(target, "Input", { max: 262_144 }, "target.input");
  if (payload !== undefined && service !== "sqs" && service !== "sns" && !isJson(payload))
    throw invalid("Invalid Input for the target: it must be well-formed JSON.");

  const sqs = structure(target, "SqsParameters", "target.sqsParameters");
  const group = sqs && text(sqs, "MessageGroupId", { max: 128 }, "target.sqsParameters.messageGroupId");
  if (service === "sqs" && arn.endsWith(".fifo") && group === undefined)
    throw invalid("SqsParameters with a MessageGroupId must be set for a FIFO queue.");

  const deadLetters = structure(target, "DeadLetterConfig", "target.deadLetterConfig");
  const queue = deadLetters && text(deadLetters, "Arn", { max: 1600 }, "target.deadLetterConfig.arn");
  if (queue !== undefined && !QUEUE.test(queue))
    throw violates(
      "target.deadLetterConfig.arn",
      queue,
      "satisfy regular expression pattern: ^arn:aws(-[a-z]+)?:sqs:[a-z0-9\\-]+:\\d{12}:[a-zA-Z0-9\\-_]+$",
    );

  const retries = structure(target, "RetryPolicy", "target.retryPolicy") ?? {};
  const policy = "target.retryPolicy";
  const age = whole(
    retries,
    "MaximumEventAgeInSeconds",
    { min: 60, max: 86_400 },
    `${policy}.maximumEventAgeInSeconds`,
  );
  const attempts = whole(
    retries,
    "MaximumRetryAttempts",
    { min: 0, max: 185 },
    `${policy}.maximumRetryAttempts`,
  );
  return {
    ...target,
    Arn: arn,
    RoleArn: roleArn,
    RetryPolicy: { MaximumEventAgeInSeconds: age ?? 86_400, MaximumRetryAttempts: attempts ?? 185 },
  };
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

/** `[{Key, Value}]` as a record. */
export function readTags(input: Input): Record<string, string> {
  const { Tags: tags } = input;
  if (tags === undefined || tags === null) return {};
  if (!Array.isArray(tags)) throw invalid("Tags must be a list.");
  if (tags.length > 200) throw violates("tags", tags.length, "have length less than or equal to 200");
  return Object.fromEntries(
    tags.map((tag: unknown) => {
      const pair = (tag ?? {}) as Input;
      const key = needed(pair, "Key", { max: 128 }, "tags.member.key");
      return [key, text(pair, "Value", { max: 256 }, "tags.member.value") ?? ""];
    }),
  );
}

/** Of a query: names in the URL are texts. */
export function pageSize(query: URLSearchParams): number {
  const given = query.get("MaxResults");
  if (given === null) return 100;
  const size = Number(given);
  return whole({ size }, "size", { min: 1, max: 100 }, "maxResults") ?? 100;
}
