/** Queue attributes: what GetQueueAttributes tells and SetQueueAttributes changes. */
import { AwsError } from "../../cloud/errors.ts";
import { redriveAllow } from "../../plan/read.ts";
import type { QueueSpec, RedriveAllow, ResourcePolicySpec } from "../../plan/types.ts";
import type { Queue } from "./queue.ts";

/** By attribute name, what a queue shows. */
export function describeQueue(
  queue: Queue,
  policies: ResourcePolicySpec[],
): Record<string, string | undefined> {
  const { spec } = queue;
  const { visible, inFlight, delayed } = queue.counts();
  const policy = policies.find(({ resource }) => resource === spec.arn);
  return {
    QueueArn: spec.arn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    VisibilityTimeout: String(spec.visibilityTimeoutSeconds),
    DelaySeconds: String(spec.delaySeconds),
    MessageRetentionPeriod: String(spec.retentionSeconds),
    MaximumMessageSize: String(spec.maximumMessageSize),
    ReceiveMessageWaitTimeSeconds: String(spec.receiveWaitSeconds),
    SqsManagedSseEnabled: "true",
    RedrivePolicy: spec.redrive && JSON.stringify(spec.redrive),
    RedriveAllowPolicy: spec.redriveAllow && JSON.stringify(spec.redriveAllow),
    Policy: policy && JSON.stringify(policy.document),
    FifoQueue: spec.fifo ? "true" : undefined,
    ContentBasedDeduplication: spec.fifo ? String(spec.contentBasedDeduplication) : undefined,
  };
}

/** Attributes that a queue may have or lack, so that asking for them is no mistake. */
const known = new Set([
  "All",
  "CreatedTimestamp",
  "LastModifiedTimestamp",
  "KmsMasterKeyId",
  "KmsDataKeyReusePeriodSeconds",
  "DeduplicationScope",
  "FifoThroughputLimit",
]);

/** @throws AwsError InvalidAttributeName. */
export function selectAttributes(
  all: Record<string, string | undefined>,
  names: string[],
): Record<string, string> {
  const unknown = names.find((name) => !Object.hasOwn(all, name) && !known.has(name));
  if (unknown !== undefined)
    throw new AwsError("InvalidAttributeName", `Unknown Attribute ${unknown.slice(0, 100)}.`);
  const selected: Record<string, string> = {};
  for (const [name, value] of Object.entries(all))
    if (value !== undefined && (names.includes("All") || names.includes(name))) selected[name] = value;
  return selected;
}

const numeric = new Map<string, { key: NumericKey; from: number; to: number }>([
  ["VisibilityTimeout", { key: "visibilityTimeoutSeconds", from: 0, to: 43_200 }],
  ["DelaySeconds", { key: "delaySeconds", from: 0, to: 900 }],
  ["MessageRetentionPeriod", { key: "retentionSeconds", from: 60, to: 1_209_600 }],
  ["MaximumMessageSize", { key: "maximumMessageSize", from: 1024, to: 1_048_576 }],
  ["ReceiveMessageWaitTimeSeconds", { key: "receiveWaitSeconds", from: 0, to: 20 }],
]);
type NumericKey =
  | "visibilityTimeoutSeconds"
  | "delaySeconds"
  | "retentionSeconds"
  | "maximumMessageSize"
  | "receiveWaitSeconds";

/**
 * @param find The queue of an ARN.
 * @throws AwsError InvalidAttributeName, InvalidAttributeValue, UnsupportedOperation; then nothing is changed.
 */
export function changeAttributes(
  spec: QueueSpec,
  attributes: Record<string, unknown>,
  find: (queueArn: string) => QueueSpec | undefined,
): QueueSpec {
  const changed = { ...spec };
  for (const [name, value] of Object.entries(attributes)) {
    const rule = numeric.get(name);
    if (rule) {
      const number = Number(value);
      if (String(value).trim() === "" || !Number.isInteger(number) || number < rule.from || number > rule.to)
        throw invalid(name);
      changed[rule.key] = number;
    } else if (name === "RedrivePolicy") {
      const redrive = readRedrive(spec, value, find);
      if (redrive) changed.redrive = redrive;
      else delete changed.redrive;
    } else if (name === "RedriveAllowPolicy") {
      const allow = readRedriveAllow(value);
      if (allow) changed.redriveAllow = allow;
      else delete changed.redriveAllow;
    } else if (name === "ContentBasedDeduplication" && spec.fifo)
      changed.contentBasedDeduplication = value === "true" || value === true;
    else if (name === "Policy")
      throw new AwsError(
        "UnsupportedOperation",
        "A queue's policy is the graph's here: declare it in sst.config.ts.",
      );
    else throw new AwsError("InvalidAttributeName", `Unknown Attribute ${name.slice(0, 100)}.`);
  }
  return changed;
}

function readRedrive(
  { arn }: QueueSpec,
  value: unknown,
  find: (queueArn: string) => QueueSpec | undefined,
): QueueSpec["redrive"] {
  if (value === "") return undefined;
  let policy: unknown;
  try {
    policy = JSON.parse(String(value));
  } catch {
    throw invalid("RedrivePolicy");
  }
  const { deadLetterTargetArn, maxReceiveCount } = (policy ?? {}) as Record<string, unknown>;
  const count = Number(maxReceiveCount);
  if (typeof deadLetterTargetArn !== "string" || !Number.isInteger(count) || count < 1 || count > 1000)
    throw invalid("RedrivePolicy");
  const target = find(deadLetterTargetArn);
  const reason = !target
    ? "Dead letter target does not exist."
    : mayFeed(arn, target.redriveAllow)
      ? undefined
      : "The dead letter target's RedriveAllowPolicy does not let this queue use it.";
  if (reason !== undefined)
    throw new AwsError(
      "InvalidAttributeValue",
      `Value ${String(value)} for parameter RedrivePolicy is invalid. Reason: ${reason}`,
    );
  return { deadLetterTargetArn, maxReceiveCount: count };
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue.html */
function readRedriveAllow(value: unknown): RedriveAllow | undefined {
  let allow: RedriveAllow | undefined;
  try {
    allow = redriveAllow(value, "RedriveAllowPolicy");
  } catch {
    throw invalid("RedriveAllowPolicy");
  }
  const sources = allow?.sourceQueueArns?.length ?? 0;
  if (allow && (sources > 10 || (allow.redrivePermission === "byQueue") !== sources > 0))
    throw invalid("RedriveAllowPolicy");
  return allow;
}
/** Whether a dead-letter queue takes the dead letters of a queue. */
function mayFeed(sourceArn: string, allow: RedriveAllow | undefined): boolean {
  switch (allow?.redrivePermission) {
    case "denyAll":
      return false;
    case "byQueue":
      return allow.sourceQueueArns?.includes(sourceArn) ?? false;
    default:
      return true;
  }
}

function invalid(name: string): AwsError {
  return new AwsError("InvalidAttributeValue", `Invalid value for the parameter ${name}.`);
}
