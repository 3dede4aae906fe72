/** Mail in: SES -> bucket -> topic in the mail region -> email queue at home. */
import { logFailedDeliveries } from "./deliveries";
import { mailTopicKey } from "./keys";
import { emailQueue, queuePolicy } from "./queues";
import { accountId, mailProvider, ownsRuleSet, perStage, settings } from "./stage";
import { mailBucket, rawMailPrefix, receiptRuleArn, receiptRuleName, ruleSetName } from "./storage";

const inMailRegion = { provider: mailProvider };

/** The notes' name; suffixed outside production, since a topic's name is one per account and region. */
const mailTopicName = perStage("incoming-mail-east-1-topic");
export const mailTopic = new sst.aws.SnsTopic(
  "MailTopic",
  {
    transform: {
      topic: {
        name: mailTopicName,
        kmsMasterKeyId: mailTopicKey?.arn,
        ...logFailedDeliveries("MailTopic", mailTopicName, { ...inMailRegion, region: settings.mailRegion }),
      },
    },
  },
  inMailRegion,
);

/** One policy: only our bucket and our receipt rule, of this account, may publish. */
const topicPolicy = new aws.sns.TopicPolicy(
  "MailTopicPolicy",
  {
    arn: mailTopic.arn,
    policy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          sid: "MailBucketNotifies",
          principals: [{ type: "Service", identifiers: ["s3.amazonaws.com"] }],
          actions: ["sns:Publish"],
          resources: [mailTopic.arn],
          conditions: [
            { test: "ArnEquals", variable: "aws:SourceArn", values: [mailBucket.arn] },
            { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
          ],
        },
        {
          sid: "ReceiptRuleNotifies",
          principals: [{ type: "Service", identifiers: ["ses.amazonaws.com"] }],
          actions: ["sns:Publish"],
          resources: [mailTopic.arn],
          conditions: [
            { test: "ArnEquals", variable: "aws:SourceArn", values: [receiptRuleArn] },
            { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
          ],
        },
        {
          sid: "TlsOnly",
          effect: "Deny",
          principals: [{ type: "*", identifiers: ["*"] }],
          actions: ["sns:Publish"],
          resources: [mailTopic.arn],
          conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
        },
      ],
    }).json,
  },
  inMailRegion,
);

/** Deliveries across regions can fail; what SNS gave up on waits here, in the topic's region. */
export const subscriptionDeadLetterQueue = new sst.aws.Queue(
  "MailSubscriptionDeadLetterQueue",
  {
    transform: {
      queue: (args) => {
        args.messageRetentionSeconds = 14 * 24 * 60 * 60;
        args.sqsManagedSseEnabled = true;
      },
    },
  },
  inMailRegion,
);
const subscriptionDeadLetterPolicy = queuePolicy(
  "MailSubscriptionDeadLetterQueuePolicy",
  subscriptionDeadLetterQueue,
  [{ service: "sns.amazonaws.com", sourceArn: mailTopic.arn }],
  inMailRegion,
);
const emailQueuePolicy = queuePolicy("EmailQueuePolicy", emailQueue, [
  { service: "sns.amazonaws.com", sourceArn: mailTopic.arn },
]);

// Raw: SST's subscribeQueue puts the subscription into the home region, where the topic is not.
new aws.sns.TopicSubscription(
  "MailSubscription",
  {
    topic: mailTopic.arn,
    protocol: "sqs",
    endpoint: emailQueue.arn,
    // The queue's policy lets only this topic send, and nobody reads SNS's envelope and signature.
    rawMessageDelivery: true,
    redrivePolicy: $jsonStringify({ deadLetterTargetArn: subscriptionDeadLetterQueue.arn }),
  },
  { ...inMailRegion, dependsOn: [emailQueuePolicy, subscriptionDeadLetterPolicy] },
);

// Raw: SST's Bucket.notify would write a second topic policy over ours, without the account.
const notification = new aws.s3.BucketNotification(
  "MailBucketNotification",
  {
    bucket: mailBucket.name,
    topics: [
      {
        id: "raw-mail",
        topicArn: mailTopic.arn,
        events: ["s3:ObjectCreated:*"],
        filterPrefix: rawMailPrefix,
      },
    ],
  },
  { ...inMailRegion, dependsOn: [topicPolicy] },
);

/** One active rule set per account and region: production's, to which every stage adds its own rule. */
const ruleSet = ownsRuleSet
  ? new aws.ses.ReceiptRuleSet("ReceiptRuleSet", { ruleSetName }, inMailRegion)
  : undefined;
if (ruleSet)
  new aws.ses.ActiveReceiptRuleSet(
    "ActiveReceiptRuleSet",
    { ruleSetName: ruleSet.ruleSetName },
    inMailRegion,
  );

export const receiptRule = new aws.ses.ReceiptRule(
  "ReceiptRule",
  {
    name: receiptRuleName,
    ruleSetName,
    enabled: true,
    // Spam and virus verdicts come only with scanning.
    scanEnabled: true,
    tlsPolicy: "Optional",
    recipients: settings.recipientDomains,
    // No `after`: a rule placed behind another stage's could neither be made nor survive without it. The order does not
    // matter, as no rule stops the ones behind it and no two name the same domain.
    // The action's own notice alone carries the envelope and the verdicts. No kmsKeyArn: that is client-side encryption.
    s3Actions: [
      { bucketName: mailBucket.name, objectKeyPrefix: rawMailPrefix, topicArn: mailTopic.arn, position: 1 },
    ],
  },
  // SES tries both the bucket and the topic when the rule is made.
  { ...inMailRegion, dependsOn: [topicPolicy, notification, mailBucket, ...(ruleSet ? [ruleSet] : [])] },
);
