/** The operations of SNS's query protocol. */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsCall, Cloud } from "../../cloud/types.ts";
import type { ResourcePolicySpec, TopicSpec } from "../../plan/types.ts";
import { batchEntries, neededText, page, readMap, readPublication, text } from "./input.ts";
import { checkPublication, invalidParameter, type Publication, sizeOf } from "./message.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";

type Input = Record<string, unknown>;
type Operation = (call: AwsCall) => Input;

export interface Topics {
  find(arn: string): TopicSpec | undefined;
  publish(topic: TopicSpec, publication: Publication): { messageId: string; sequence?: string };
}

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
