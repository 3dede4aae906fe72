import type { GraphResource } from "@frontdesk/local";
import { admitsEverybody, demandsTls, foreignAccounts } from "../access.ts";
import { rule } from "../rule.ts";
import { texts, value, type World } from "../world.ts";

const topics = { absent: "no topic", over: (world: World) => world.all("topic") };

const policyOf = (topic: GraphResource, world: World) => world.policyOf(value(topic, "arn"));

/** Protocols whose deliveries SNS can log (https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html). */
const feedback: Record<string, string> = {
  application: "applicationFailureFeedbackRoleArn",
  firehose: "firehoseFailureFeedbackRoleArn",
  http: "httpFailureFeedbackRoleArn",
  https: "httpFailureFeedbackRoleArn",
  lambda: "lambdaFailureFeedbackRoleArn",
  sqs: "sqsFailureFeedbackRoleArn",
};

export const topicRules = [
  rule({
    name: "topics.encrypted",
    controls: ["CKV_AWS_26", "SNS.1"],
    statement: "Every topic is encrypted at rest by a KMS key",
    mend: "set kmsMasterKeyId to a key whose policy lets the publishing services use it",
    ...topics,
    wrong: (topic) => !value(topic, "kmsMasterKeyId") && "is not encrypted by a key",
  }),
  rule({
    name: "topics.tls",
    controls: ["AwsSolutions-SNS3"],
    statement: "Every topic refuses publishers without TLS",
    mend: "deny sns:Publish to everybody while aws:SecureTransport is false",
    ...topics,
    wrong: (topic, world) => !demandsTls(policyOf(topic, world)) && "lets publish without TLS",
  }),
  rule({
    name: "topics.policy",
    controls: ["CKV_AWS_169", "CKV_AWS_385", "SNS.4"],
    statement: "No topic lets everybody or another account publish or subscribe",
    mend: "name the service, with the account and ARN of the source by condition",
    absent: "no topic with a policy",
    over: (world) => world.all("topic").filter((topic) => policyOf(topic, world).length > 0),
    wrong: (topic, world) =>
      policyOf(topic, world).flatMap((statement) => [
        admitsEverybody(statement) && `lets everybody ${texts(statement.Action).join(", ")}`,
        ...foreignAccounts(statement, world.graph.accountId).map((account) => `lets account ${account} in`),
      ]),
  }),
  rule({
    name: "topics.delivery-status",
    controls: ["SNS.2"],
    statement: "Every topic with subscriptions logs what it could not deliver",
    mend: "set the failure feedback role of each protocol that is subscribed",
    absent: "no topic with a subscription",
    over: (world) =>
      world.all("topic").filter((topic) => world.about("subscription", "topic", topic).length > 0),
    wrong: (topic, world) => {
      const protocols = new Set(
        world.about("subscription", "topic", topic).map((own) => String(value(own, "protocol"))),
      );
      return Object.entries(feedback).map(
        ([protocol, key]) =>
          protocols.has(protocol) && !value(topic, key) && `does not log failed deliveries by ${protocol}`,
      );
    },
  }),
];
