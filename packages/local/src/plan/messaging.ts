import {
  flag,
  list,
  number,
  optionalText,
  parseJson,
  property,
  type Reader,
  record,
  redrive,
  redriveAllow,
  text,
  textRecord,
  texts,
  toFlag,
  toNumber,
  toText,
} from "./read.ts";
import type {
  EventSourceMappingSpec,
  Plan,
  QueueSpec,
  ReceiptRuleSpec,
  RuleSpec,
  SubscriptionSpec,
  TopicSpec,
} from "./types.ts";

export function readQueues(reader: Reader): QueueSpec[] {
  const separate = new Map(
    reader
      .all("aws:sqs/redrivePolicy:RedrivePolicy")
      .map((resource) => [text(resource, "queueUrl"), property(resource, "redrivePolicy")]),
  );
  const allowed = new Map(
    reader
      .all("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
      .map((resource) => [text(resource, "queueUrl"), property(resource, "redriveAllowPolicy")]),
  );
  return reader.all("aws:sqs/queue:Queue").map((resource) => {
    const url = text(resource, "url");
    const allow = redriveAllow(
      property(resource, "redriveAllowPolicy") ?? allowed.get(url),
      `redrive allow policy of queue "${resource.name}"`,
    );
    const target = redrive(
      property(resource, "redrivePolicy") ?? separate.get(url),
      `redrive policy of queue "${resource.name}"`,
    );
    return {
      arn: text(resource, "arn"),
      name: text(resource, "name"),
      url,
      region: resource.region,
      fifo: flag(resource, "fifoQueue"),
      contentBasedDeduplication: flag(resource, "contentBasedDeduplication"),
      visibilityTimeoutSeconds: number(resource, "visibilityTimeoutSeconds", 30),
      delaySeconds: number(resource, "delaySeconds", 0),
      retentionSeconds: number(resource, "messageRetentionSeconds", 345_600),
      maximumMessageSize: number(resource, "maxMessageSize", 262_144),
      receiveWaitSeconds: number(resource, "receiveWaitTimeSeconds", 0),
      ...(target && { redrive: target }),
      ...(allow && { redriveAllow: allow }),
      tags: textRecord(property(resource, "tags")),
    };
  });
}

export function readTopics(reader: Reader): TopicSpec[] {
  return reader.all("aws:sns/topic:Topic").map((resource) => ({
    arn: text(resource, "arn"),
    name: text(resource, "name"),
    region: resource.region,
    fifo: flag(resource, "fifoTopic"),
  }));
}

export function readSubscriptions(reader: Reader, notRun: Plan["notRun"]): SubscriptionSpec[] {
  return reader.all("aws:sns/topicSubscription:TopicSubscription").flatMap((resource) => {
    const protocol = text(resource, "protocol");
    if (!isProtocol(protocol)) {
      notRun.push({
        type: resource.type,
        name: resource.name,
        reason: `protocol ${protocol} has no endpoint on this machine`,
      });
      return [];
    }
    const topicArn = text(resource, "topic");
    const filter = property(resource, "filterPolicy");
    const target = redrive(
      property(resource, "redrivePolicy"),
      `redrive policy of subscription "${resource.name}"`,
    );
    return [
      {
        arn: optionalText(resource, "arn") ?? `${topicArn}:${resource.name}`,
        topicArn,
        protocol,
        endpoint: text(resource, "endpoint"),
        rawMessageDelivery: flag(resource, "rawMessageDelivery"),
        ...(filter !== undefined &&
          filter !== "" && {
            filterPolicy: record(
              typeof filter === "string"
                ? parseJson(filter, `filter of subscription "${resource.name}"`)
                : filter,
            ),
          }),
        filterPolicyScope:
          property(resource, "filterPolicyScope") === "MessageBody"
            ? ("MessageBody" as const)
            : ("MessageAttributes" as const),
        ...(target && { deadLetterTargetArn: target.deadLetterTargetArn }),
      },
    ];
  });
}
function isProtocol(value: string): value is SubscriptionSpec["protocol"] {
  return ["sqs", "lambda", "https", "http", "email"].includes(value);
}

export function readEventSourceMappings(
  reader: Reader,
  functionArn: (reference: string) => string,
  notRun: Plan["notRun"],
): EventSourceMappingSpec[] {
  const queues = new Set(reader.all("aws:sqs/queue:Queue").map((queue) => text(queue, "arn")));
  return reader.all("aws:lambda/eventSourceMapping:EventSourceMapping").flatMap((resource) => {
    const source = text(resource, "eventSourceArn");
    if (!queues.has(source)) {
      notRun.push({
        type: resource.type,
        name: resource.name,
        reason: `only SQS queues of the app feed functions here, not ${source}`,
      });
      return [];
    }
    const maximumConcurrency = toNumber(record(property(resource, "scalingConfig")).maximumConcurrency);
    return [
      {
        id: resource.name,
        queueArn: source,
        functionArn: functionArn(text(resource, "functionName")),
        batchSize: number(resource, "batchSize", 10),
        windowSeconds: number(resource, "maximumBatchingWindowInSeconds", 0),
        reportBatchItemFailures: texts(property(resource, "functionResponseTypes")).includes(
          "ReportBatchItemFailures",
        ),
        ...(maximumConcurrency !== undefined && { maximumConcurrency }),
        filters: list(record(property(resource, "filterCriteria")).filters).map((filter) =>
          record(parseJson(toText(filter.pattern) ?? "{}", `filter of mapping "${resource.name}"`)),
        ),
        enabled: flag(resource, "enabled", true),
      },
    ];
  });
}

/** Services whose resources a rule can call here, as their ARNs name them. */
const RULE_TARGETS = ["lambda", "sqs", "sns"];

export function readRules(reader: Reader, notRun: Plan["notRun"]): RuleSpec[] {
  const targets = reader.all("aws:cloudwatch/eventTarget:EventTarget");
  return reader.all("aws:cloudwatch/eventRule:EventRule").flatMap((resource) => {
    const schedule = optionalText(resource, "scheduleExpression");
    if (!schedule) {
      notRun.push({
        type: resource.type,
        name: resource.name,
        reason: "only rules with a schedule run here",
      });
      return [];
    }
    const name = text(resource, "name");
    const state = property(resource, "state");
    const own = targets.filter((target) => target.inputs.rule === name);
    for (const target of own) {
      const arn = text(target, "arn");
      if (!RULE_TARGETS.includes(arn.split(":")[2] ?? ""))
        notRun.push({
          type: target.type,
          name: target.name,
          reason: `rules call functions, queues and topics here, not ${arn}`,
        });
    }
    return [
      {
        arn: text(resource, "arn"),
        name,
        region: resource.region,
        schedule,
        enabled: state === undefined ? flag(resource, "isEnabled", true) : state !== "DISABLED",
        targets: own.map((target) => {
          const input = optionalText(target, "input");
          return {
            id: optionalText(target, "targetId") ?? target.name,
            arn: text(target, "arn"),
            ...(input && { input }),
          };
        }),
      },
    ];
  });
}

export function readReceiptRules(reader: Reader): {
  receiptRules: ReceiptRuleSpec[];
  activeRuleSets: Record<string, string>;
} {
  const active: Record<string, string> = {};
  for (const resource of reader.all("aws:ses/activeReceiptRuleSet:ActiveReceiptRuleSet"))
    active[resource.region] = text(resource, "ruleSetName");
  const rules = reader.all("aws:ses/receiptRule:ReceiptRule").map((resource): ReceiptRuleSpec => {
    const actions: { position: number; action: ReceiptRuleSpec["actions"][number] }[] = [];
    const take = (
      key: string,
      make: (action: Record<string, unknown>) => ReceiptRuleSpec["actions"][number],
    ) => {
      for (const action of list(property(resource, key)))
        actions.push({ position: toNumber(action.position) ?? 0, action: make(action) });
    };
    const topic = (action: Record<string, unknown>) => optional("topicArn", toText(action.topicArn));
    const need = (action: Record<string, unknown>, key: string) => {
      const value = toText(action[key]);
      if (value === undefined) throw new Error(`receipt rule "${resource.name}": an action has no ${key}`);
      return value;
    };
    take("s3Actions", (action) => ({
      kind: "s3",
      bucket: need(action, "bucketName"),
      ...optional("prefix", toText(action.objectKeyPrefix)),
      ...topic(action),
      ...optional("roleArn", toText(action.iamRoleArn)),
    }));
    take("snsActions", (action) => ({
      kind: "sns",
      topicArn: need(action, "topicArn"),
      ...optional("encoding", toText(action.encoding)),
    }));
    take("lambdaActions", (action) => ({
      kind: "lambda",
      functionArn: need(action, "functionArn"),
      invocation: action.invocationType === "RequestResponse" ? "RequestResponse" : "Event",
      ...topic(action),
    }));
    take("addHeaderActions", (action) => ({
      kind: "addHeader",
      name: need(action, "headerName"),
      value: need(action, "headerValue"),
    }));
    take("bounceActions", (action) => ({
      kind: "bounce",
      message: need(action, "message"),
      smtpReplyCode: need(action, "smtpReplyCode"),
      sender: need(action, "sender"),
      ...optional("statusCode", toText(action.statusCode)),
      ...topic(action),
    }));
    take("stopActions", (action) => ({ kind: "stop", ...topic(action) }));
    return {
      name: text(resource, "name"),
      ruleSet: text(resource, "ruleSetName"),
      region: resource.region,
      enabled: flag(resource, "enabled", false),
      scanEnabled: toFlag(property(resource, "scanEnabled")) ?? false,
      ...optional("tlsPolicy", optionalText(resource, "tlsPolicy")),
      recipients: texts(property(resource, "recipients")),
      ...optional("after", optionalText(resource, "after")),
      actions: actions.sort((a, b) => a.position - b.position).map(({ action }) => action),
    };
  });
  return { receiptRules: rules, activeRuleSets: active };
}

/** A member that is there only when it has a value. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
