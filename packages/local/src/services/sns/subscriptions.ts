/** Subscriptions of the graph, and those that Subscribe made while the app ran. */
import { randomUUID } from "node:crypto";
import { AwsError } from "../../cloud/errors.ts";
import type { Cloud } from "../../cloud/types.ts";
import type { SubscriptionSpec } from "../../plan/types.ts";
import { compileFilter, type Filterable } from "./filter-policy.ts";
import { invalidParameter } from "./message.ts";

export interface Subscription {
  spec: SubscriptionSpec;
  accepts(message: Filterable): boolean;
  /** Declared in the graph: only the program can take it away. */
  declared: boolean;
}

export interface Subscriptions {
  of(topicArn: string): readonly Subscription[];
  all(): Subscription[];
  find(arn: string): Subscription | undefined;
  /** The same endpoint twice is one subscription. */
  add(request: SubscriptionRequest): Subscription;
  /** @returns whether there was one. */
  remove(arn: string): boolean;
}
export interface SubscriptionRequest {
  topicArn: string;
  protocol: string;
  endpoint: string;
  attributes: Record<string, string>;
}

const STATE = "sns/subscriptions";

/** @throws Error when the graph has a filter policy that SNS would refuse. */
export function createSubscriptions(cloud: Cloud): Subscriptions {
  const byArn = new Map<string, Subscription>();
  const byTopic = new Map<string, Subscription[]>();
  const { topics } = cloud.plan;

  function put(spec: SubscriptionSpec, declared: boolean): Subscription {
    const accepts = spec.filterPolicy ? compileFilter(spec.filterPolicy, spec.filterPolicyScope) : () => true;
    const subscription = { spec, accepts, declared };
    byArn.set(spec.arn, subscription);
    byTopic.set(spec.topicArn, [...(byTopic.get(spec.topicArn) ?? []), subscription]);
    return subscription;
  }
  const save = () =>
    cloud.state.write(
      STATE,
      [...byArn.values()].filter(({ declared }) => !declared).map(({ spec }) => spec),
    );

  for (const spec of cloud.plan.subscriptions) {
    try {
      put(spec, true);
    } catch (error) {
      throw new Error(
        `the filter policy of subscription ${spec.arn} is invalid: ${(error as Error).message}`,
      );
    }
  }
  for (const spec of cloud.state.read<SubscriptionSpec[]>(STATE, []))
    if (topics.some(({ arn }) => arn === spec.topicArn)) put(spec, false);

  return {
    of: (topicArn) => byTopic.get(topicArn) ?? [],
    all: () => [...byArn.values()],
    find: (arn) => byArn.get(arn),
    add(request) {
      const { topicArn, protocol, endpoint } = request;
      const known = byTopic
        .get(topicArn)
        ?.find(({ spec }) => spec.protocol === protocol && spec.endpoint === endpoint);
      if (known) return known;
      const spec = readSpec(request);
      let subscription: Subscription;
      try {
        subscription = put(spec, false);
      } catch (error) {
        throw invalidParameter(`Attributes Reason: FilterPolicy: ${(error as Error).message}`);
      }
      save();
      return subscription;
    },
    remove(arn) {
      const subscription = byArn.get(arn);
      if (!subscription) return false;
      if (subscription.declared)
        throw new AwsError(
          "AuthorizationError",
          `The subscription ${arn} is declared in sst.config.ts; take it out there.`,
          403,
        );
      byArn.delete(arn);
      const { topicArn } = subscription.spec;
      byTopic.set(
        topicArn,
        (byTopic.get(topicArn) ?? []).filter((one) => one !== subscription),
      );
      save();
      return true;
    },
  };
}

function readSpec({ topicArn, protocol, endpoint, attributes }: SubscriptionRequest): SubscriptionSpec {
  if (protocol !== "sqs" && protocol !== "lambda")
    throw invalidParameter(
      `Protocol Reason: ${protocol.slice(0, 40)} has no endpoint on this machine; subscribe a queue (sqs) or a function (lambda)`,
    );
  if (!endpoint.startsWith(`arn:aws:${protocol}:`))
    throw invalidParameter(
      `Endpoint Reason: it must be the ARN of a ${protocol === "sqs" ? "queue" : "function"}`,
    );
  const raw = attributes.RawMessageDelivery ?? "false";
  if (raw !== "true" && raw !== "false")
    throw invalidParameter("Attributes Reason: RawMessageDelivery: Invalid value. Must be true or false.");
  if (raw === "true" && protocol === "lambda")
    throw invalidParameter(
      "Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.",
    );
  const scope = attributes.FilterPolicyScope ?? "MessageAttributes";
  if (scope !== "MessageAttributes" && scope !== "MessageBody")
    throw invalidParameter(`Attributes Reason: FilterPolicyScope: Invalid value [${scope.slice(0, 40)}].`);
  const { deadLetterTargetArn } = readJson(attributes.RedrivePolicy, "RedrivePolicy") ?? {};
  const filterPolicy = readJson(attributes.FilterPolicy, "FilterPolicy");
  return {
    arn: `${topicArn}:${randomUUID()}`,
    topicArn,
    protocol,
    endpoint,
    rawMessageDelivery: raw === "true",
    ...(filterPolicy && { filterPolicy }),
    filterPolicyScope: scope,
    ...(typeof deadLetterTargetArn === "string" && { deadLetterTargetArn }),
  };
}

function readJson(text: string | undefined, name: string): Record<string, unknown> | undefined {
  if (text === undefined || text === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalidParameter(`Attributes Reason: ${name}: failed to parse JSON.`);
  return value as Record<string, unknown>;
}
