/** The operations of SNS's query protocol. */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsCall, Cloud } from "../../cloud/types.ts";
import type { ResourcePolicySpec, TopicSpec } from "../../plan/types.ts";
import {
  type Attributes,
  checkPublication,
  invalidParameter,
  type Publication,
  readStructure,
  sizeOf,
} from "./message.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";

type Input = Record<string, unknown>;
type Operation = (call: AwsCall) => Input;

export interface Topics {
  find(arn: string): TopicSpec | undefined;
  publish(topic: TopicSpec, publication: Publication): { messageId: string; sequence?: string };
}

const PAGE = 100;
const LARGEST_BATCH_BYTES = 262_144;

export function createOperations(
  cloud: Cloud,
  topics: Topics,
  subscriptions: Subscriptions,
): Map<string, Operation> {
  /** The topic a call names, once the caller may do the action on it. */
  function open(
    call: AwsCall,
    action: string,
    name = "TopicArn",
    context?: Record<string, string>,
  ): TopicSpec {
    const arn = neededText(call.input, name);
    if (!/^arn:aws:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$/.test(arn))
      throw invalidParameter(
        `${name} Reason: An ARN must have at least 6 elements, not ${arn.slice(0, 200)}`,
      );
    call.authorise(`sns:${action}`, arn, context);
    const topic = topics.find(arn);
    if (!topic) throw new AwsError("NotFound", "Topic does not exist", 404);
    if (topic.region !== call.region)
      throw invalidParameter(
        `${name} Reason: the topic is in ${topic.region}; the call was signed for ${call.region}`,
      );
    return topic;
  }
  function openSubscription(call: AwsCall, action: string): Subscription {
    const arn = neededText(call.input, "SubscriptionArn");
    call.authorise(`sns:${action}`, arn.split(":").slice(0, 6).join(":"));
    const subscription = subscriptions.find(arn);
    if (!subscription) throw new AwsError("NotFound", "Subscription does not exist", 404);
    return subscription;
  }

  const operations: Record<string, Operation> = {
    Publish(call) {
      if (text(call.input, "PhoneNumber") !== undefined)
        throw invalidParameter("PhoneNumber Reason: there are no text messages on this machine");
      const topic = open(
        call,
        "Publish",
        text(call.input, "TopicArn") === undefined ? "TargetArn" : "TopicArn",
      );
      const { messageId, sequence } = topics.publish(
        topic,
        checkPublication(topic, readPublication(call.input, "", call.trace)),
      );
      return { MessageId: messageId, SequenceNumber: sequence };
    },

    PublishBatch(call) {
      const topic = open(call, "Publish");
      const entries = batchEntries(call.input);
      const total = entries.reduce(
        (sum, { prefix }) => sum + sizeOf(readPublication(call.input, prefix, undefined, false)),
        0,
      );
      if (total > LARGEST_BATCH_BYTES)
        throw new AwsError(
          "BatchRequestTooLong",
          `The length of all the messages put together is more than the limit of ${LARGEST_BATCH_BYTES} bytes.`,
        );
      const successful: Input[] = [];
      const failed: Input[] = [];
      for (const { id, prefix } of entries) {
        try {
          const publication = checkPublication(topic, readPublication(call.input, prefix, call.trace));
          const { messageId, sequence } = topics.publish(topic, publication);
          successful.push({ Id: id, MessageId: messageId, SequenceNumber: sequence });
        } catch (error) {
          if (!(error instanceof AwsError)) throw error;
          failed.push({ Id: id, Code: error.code, Message: error.message, SenderFault: error.status < 500 });
        }
      }
      return { Successful: successful, Failed: failed };
    },

    ListTopics(call) {
      call.authorise("sns:ListTopics", "*");
      const arns = cloud.plan.topics.filter(({ region }) => region === call.region).map(({ arn }) => arn);
      const { items, next } = page(call.input, arns.sort());
      return { Topics: items.map((arn) => ({ TopicArn: arn })), NextToken: next };
    },

    ListSubscriptions(call) {
      call.authorise("sns:ListSubscriptions", "*");
      const mine = subscriptions
        .all()
        .filter(({ spec }) => topics.find(spec.topicArn)?.region === call.region);
      const { items, next } = page(call.input, mine);
      return { Subscriptions: items.map((one) => describe(cloud, one)), NextToken: next };
    },

    ListSubscriptionsByTopic(call) {
      const topic = open(call, "ListSubscriptionsByTopic");
      const { items, next } = page(call.input, subscriptions.of(topic.arn));
      return { Subscriptions: items.map((one) => describe(cloud, one)), NextToken: next };
    },

    GetTopicAttributes(call) {
      const topic = open(call, "GetTopicAttributes");
      const confirmed = subscriptions.of(topic.arn).length;
      const policy = cloud.plan.resourcePolicies.find(({ resource }) => resource === topic.arn);
      return {
        Attributes: {
          TopicArn: topic.arn,
          Owner: topic.arn.split(":")[4],
          DisplayName: "",
          Policy: policyText(policy),
          SubscriptionsConfirmed: String(confirmed),
          SubscriptionsPending: "0",
          SubscriptionsDeleted: "0",
          ...(topic.fifo && { FifoTopic: "true" }),
        },
      };
    },

    Subscribe(call) {
      const protocol = neededText(call.input, "Protocol");
      const endpoint = neededText(call.input, "Endpoint");
      const topic = open(call, "Subscribe", "TopicArn", {
        "sns:Protocol": protocol,
        "sns:Endpoint": endpoint,
      });
      const { spec } = subscriptions.add({
        topicArn: topic.arn,
        protocol,
        endpoint,
        attributes: readMap(call.input, "Attributes"),
      });
      return { SubscriptionArn: spec.arn };
    },

    Unsubscribe(call) {
      const { spec } = openSubscription(call, "Unsubscribe");
      subscriptions.remove(spec.arn);
      return {};
    },

    GetSubscriptionAttributes(call) {
      const { spec } = openSubscription(call, "GetSubscriptionAttributes");
      return {
        Attributes: {
          SubscriptionArn: spec.arn,
          TopicArn: spec.topicArn,
          Owner: spec.topicArn.split(":")[4],
          Protocol: spec.protocol,
          Endpoint: spec.endpoint,
          RawMessageDelivery: String(spec.rawMessageDelivery),
          PendingConfirmation: "false",
          ConfirmationWasAuthenticated: "true",
          ...(spec.filterPolicy && {
            FilterPolicy: JSON.stringify(spec.filterPolicy),
            FilterPolicyScope: spec.filterPolicyScope,
          }),
          ...(spec.deadLetterTargetArn && {
            RedrivePolicy: JSON.stringify({ deadLetterTargetArn: spec.deadLetterTargetArn }),
          }),
        },
      };
    },
  };
  return new Map(Object.entries(operations));
}

function describe(cloud: Cloud, { spec }: Subscription): Input {
  return {
    SubscriptionArn: spec.arn,
    Owner: spec.topicArn.split(":")[4] ?? cloud.plan.accountId,
    Protocol: spec.protocol,
    Endpoint: spec.endpoint,
    TopicArn: spec.topicArn,
  };
}
function policyText(policy: ResourcePolicySpec | undefined): string | undefined {
  return policy && JSON.stringify(policy.document);
}

function text(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
function neededText(input: Input, name: string): string {
  const value = text(input, name);
  if (value === undefined) throw invalidParameter(`${name} Reason: no value for required parameter`);
  return value;
}

/** @param prefix Of the parameters' names, `PublishBatchRequestEntries.member.1.` or empty. */
function readPublication(
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
function readAttributes(input: Input, name: string): Attributes {
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
function readMap(input: Input, name: string): Record<string, string> {
  const entries: [string, string][] = [];
  for (let at = 1; ; at++) {
    const key = text(input, `${name}.entry.${at}.key`);
    if (key === undefined) return Object.fromEntries(entries);
    entries.push([key, text(input, `${name}.entry.${at}.value`) ?? ""]);
  }
}

function batchEntries(input: Input): { id: string; prefix: string }[] {
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

function page<T>(input: Input, all: readonly T[]): { items: T[]; next: string | undefined } {
  const token = text(input, "NextToken");
  const from = token === undefined ? 0 : Number(Buffer.from(token, "base64").toString());
  if (!Number.isInteger(from) || from < 0) throw invalidParameter("NextToken");
  const to = from + PAGE;
  return {
    items: all.slice(from, to),
    next: to < all.length ? Buffer.from(String(to)).toString("base64") : undefined,
  };
}
