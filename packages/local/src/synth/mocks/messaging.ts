import type { MockTable } from "./context.ts";
import { byArn, byName, plain } from "./shapes.ts";

/** SQS, SNS, SES, EventBridge, Scheduler, Kinesis, Step Functions, IoT. */
export const messaging: MockTable = {
  "aws:sqs/queue:Queue": (c) => {
    if (c.given) {
      // Looked up by its URL, which tells account, region and name.
      const { hostname, pathname } = new URL(c.given);
      const [, account = c.accountId, name = ""] = pathname.split("/");
      const arn = `arn:aws:sqs:${hostname.split(".")[1] ?? c.region}:${account}:${name}`;
      return { id: c.given, inputs: { name }, outputs: { arn, url: c.given } };
    }
    const name = c.named("name", { max: 80, suffix: c.inputs.fifoQueue === true ? ".fifo" : "" });
    const url = `https://sqs.${c.region}.amazonaws.com/${c.accountId}/${name}`;
    return { id: url, inputs: { name }, outputs: { arn: c.arn("sqs", name), url } };
  },
  "aws:sqs/queuePolicy:QueuePolicy": plain((c) => c.text("queueUrl")),
  "aws:sqs/redrivePolicy:RedrivePolicy": plain((c) => c.text("queueUrl")),
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": plain((c) => c.text("queueUrl")),

  "aws:sns/topic:Topic": byArn("sns", (c) =>
    c.named("name", { max: 256, suffix: c.inputs.fifoTopic === true ? ".fifo" : "" }),
  ),
  "aws:sns/topicPolicy:TopicPolicy": (c) => ({
    id: c.text("arn") ?? c.name,
    outputs: { owner: c.accountId },
  }),
  "aws:sns/topicSubscription:TopicSubscription": (c) => {
    const arn = `${c.text("topic")}:${uuid(c.hex(32))}`;
    return {
      id: arn,
      outputs: { arn, ownerId: c.accountId, confirmationWasAuthenticated: true, pendingConfirmation: false },
    };
  },

  "aws:ses/receiptRuleSet:ReceiptRuleSet": (c) => {
    const name = c.named("ruleSetName", { max: 64 });
    return {
      id: name,
      inputs: { ruleSetName: name },
      outputs: { arn: c.arn("ses", `receipt-rule-set/${name}`) },
    };
  },
  "aws:ses/activeReceiptRuleSet:ActiveReceiptRuleSet": (c) => {
    const name = c.text("ruleSetName") ?? c.name;
    return { id: name, outputs: { arn: c.arn("ses", `receipt-rule-set/${name}`) } };
  },
  "aws:ses/receiptRule:ReceiptRule": (c) => {
    const name = c.named("name", { max: 64 });
    return {
      id: name,
      inputs: { name },
      outputs: { arn: c.arn("ses", `receipt-rule-set/${c.text("ruleSetName")}:receipt-rule/${name}`) },
    };
  },
  "aws:ses/domainIdentity:DomainIdentity": (c) => {
    const domain = c.text("domain") ?? c.name;
    return {
      id: domain,
      outputs: { arn: c.arn("ses", `identity/${domain}`), verificationToken: c.alphanumeric(43, "token") },
    };
  },
  "aws:ses/domainIdentityVerification:DomainIdentityVerification": (c) => {
    const domain = c.text("domain") ?? c.name;
    return { id: domain, outputs: { arn: c.arn("ses", `identity/${domain}`) } };
  },
  "aws:ses/domainDkim:DomainDkim": (c) => ({
    id: c.text("domain") ?? c.name,
    outputs: { dkimTokens: ["1", "2", "3"].map((label) => c.alphanumeric(32, label)) },
  }),
  "aws:ses/emailIdentity:EmailIdentity": (c) => {
    const email = c.text("email") ?? c.name;
    return { id: email, outputs: { arn: c.arn("ses", `identity/${email}`) } };
  },
  "aws:ses/mailFrom:MailFrom": plain((c) => c.text("domain")),
  "aws:ses/identityPolicy:IdentityPolicy": (c) => {
    const name = c.named("name", { max: 64 });
    return { id: `${c.text("identity")}|${name}`, inputs: { name }, outputs: {} };
  },
  "aws:ses/identityNotificationTopic:IdentityNotificationTopic": plain(
    (c) => `${c.text("identity")}|${c.text("notificationType")}`,
  ),
  "aws:ses/template:Template": byName("name", (c, name) => ({ arn: c.arn("ses", `template/${name}`) })),
  "aws:ses/configurationSet:ConfigurationSet": byName("name", (c, name) => ({
    arn: c.arn("ses", `configuration-set/${name}`),
  })),
  "aws:ses/eventDestination:EventDestination": byName("name", (c, name) => ({
    arn: c.arn("ses", `configuration-set/${c.text("configurationSetName")}:event-destination/${name}`),
  })),
  "aws:sesv2/configurationSet:ConfigurationSet": byName("configurationSetName", (c, name) => ({
    arn: c.arn("ses", `configuration-set/${name}`),
  })),
  "aws:sesv2/configurationSetEventDestination:ConfigurationSetEventDestination": plain(
    (c) => `${c.text("configurationSetName")}|${c.text("eventDestinationName")}`,
  ),
  "aws:sesv2/emailIdentity:EmailIdentity": (c) => {
    const identity = c.text("emailIdentity") ?? c.name;
    const tokens = ["1", "2", "3"].map((label) => c.alphanumeric(32, label));
    return {
      id: identity,
      outputs: {
        arn: c.arn("ses", `identity/${identity}`),
        identityType: identity.includes("@") ? "EMAIL_ADDRESS" : "DOMAIN",
        verifiedForSendingStatus: true,
        dkimSigningAttributes: {
          status: "SUCCESS",
          signingAttributesOrigin: "AWS_SES",
          currentSigningKeyLength: "RSA_2048_BIT",
          nextSigningKeyLength: "RSA_2048_BIT",
          tokens,
        },
      },
    };
  },
  "aws:sesv2/emailIdentityMailFromAttributes:EmailIdentityMailFromAttributes": plain((c) =>
    c.text("emailIdentity"),
  ),
  "aws:sesv2/emailIdentityFeedbackAttributes:EmailIdentityFeedbackAttributes": plain((c) =>
    c.text("emailIdentity"),
  ),
  "aws:sesv2/emailIdentityPolicy:EmailIdentityPolicy": plain(
    (c) => `${c.text("emailIdentity")}|${c.text("policyName")}`,
  ),
  "aws:sesv2/accountSuppressionAttributes:AccountSuppressionAttributes": plain((c) => c.accountId),

  "aws:cloudwatch/eventBus:EventBus": byName("name", (c, name) => ({
    arn: c.arn("events", `event-bus/${name}`),
  })),
  "aws:cloudwatch/eventRule:EventRule": (c) => {
    const name = c.named("name", { max: 64 });
    const bus = c.text("eventBusName");
    const path = bus && bus !== "default" ? `${bus}/${name}` : name;
    return { id: path, inputs: { name }, outputs: { arn: c.arn("events", `rule/${path}`) } };
  },
  "aws:cloudwatch/eventTarget:EventTarget": (c) => {
    const targetId = c.named("targetId", { max: 64 });
    return { id: `${c.text("rule")}-${targetId}`, inputs: { targetId }, outputs: {} };
  },
  "aws:cloudwatch/eventPermission:EventPermission": plain((c) => c.text("statementId")),
  "aws:cloudwatch/eventConnection:EventConnection": byName("name", (c, name) => ({
    arn: c.arn("events", `connection/${name}/${uuid(c.hex(32))}`),
  })),
  "aws:cloudwatch/eventApiDestination:EventApiDestination": byName("name", (c, name) => ({
    arn: c.arn("events", `api-destination/${name}/${uuid(c.hex(32))}`),
  })),
  "aws:scheduler/scheduleGroup:ScheduleGroup": byName("name", (c, name) => ({
    arn: c.arn("scheduler", `schedule-group/${name}`),
    state: "ACTIVE",
  })),
  "aws:scheduler/schedule:Schedule": (c) => {
    const name = c.named("name", { max: 64 });
    const group = c.text("groupName") ?? "default";
    return {
      id: `${group}/${name}`,
      inputs: { name, groupName: group },
      outputs: { arn: c.arn("scheduler", `schedule/${group}/${name}`) },
    };
  },
  "aws:pipes/pipe:Pipe": byName("name", (c, name) => ({ arn: c.arn("pipes", `pipe/${name}`) })),

  "aws:kinesis/stream:Stream": (c) => {
    const name = c.named("name", { max: 128 });
    const arn = c.arn("kinesis", `stream/${name}`);
    return { id: arn, inputs: { name }, outputs: { arn } };
  },
  "aws:kinesis/streamConsumer:StreamConsumer": (c) => {
    const name = c.named("name", { max: 128 });
    const arn = `${c.text("streamArn")}/consumer/${name}:1700000000`;
    return { id: arn, inputs: { name }, outputs: { arn } };
  },
  "aws:sfn/stateMachine:StateMachine": (c) => {
    const name = c.named("name", { max: 80 });
    const arn = c.arn("states", `stateMachine:${name}`);
    return { id: arn, inputs: { name }, outputs: { arn, status: "ACTIVE" } };
  },
  "aws:iot/authorizer:Authorizer": byName("name", (c, name) => ({ arn: c.arn("iot", `authorizer/${name}`) })),
  "aws:iot/topicRule:TopicRule": byName("name", (c, name) => ({ arn: c.arn("iot", `rule/${name}`) })),
};

/** 32 hex digits in the shape of a UUID. */
export function uuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
