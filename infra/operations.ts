/** Where alarms go, and how one is made. */
import { homeTopicKey, mailTopicKey } from "./keys";
import { accountId, mailProvider, permanent, perStage, settings } from "./stage";

/** A developer's stage has alarms when somebody is named to hear them. */
export const alarmed = permanent || settings.alarmEmail !== undefined;

/** CloudWatch publishes within a region, so each region of ours has a topic. */
function operationsTopic(
  name: string,
  topicName: string,
  region: string,
  key: aws.kms.Key | undefined,
  options?: $util.CustomResourceOptions,
) {
  const topic = new aws.sns.Topic(name, { name: topicName, kmsMasterKeyId: key?.arn }, options);
  const policy = new aws.sns.TopicPolicy(
    `${name}Policy`,
    {
      arn: topic.arn,
      policy: aws.iam.getPolicyDocumentOutput({
        statements: [
          {
            sid: "OurAlarms",
            principals: [{ type: "Service", identifiers: ["cloudwatch.amazonaws.com"] }],
            actions: ["sns:Publish"],
            resources: [topic.arn],
            conditions: [
              { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
              {
                test: "ArnLike",
                variable: "aws:SourceArn",
                values: [$interpolate`arn:aws:cloudwatch:${region}:${accountId}:alarm:*`],
              },
            ],
          },
          {
            sid: "OurDatabase",
            principals: [{ type: "Service", identifiers: ["events.rds.amazonaws.com"] }],
            actions: ["sns:Publish"],
            resources: [topic.arn],
            conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] }],
          },
          {
            sid: "TlsOnly",
            effect: "Deny",
            principals: [{ type: "*", identifiers: ["*"] }],
            actions: ["sns:Publish"],
            resources: [topic.arn],
            conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
          },
        ],
      }).json,
    },
    options,
  );
  if (settings.alarmEmail)
    new aws.sns.TopicSubscription(
      `${name}Email`,
      { topic: topic.arn, protocol: "email", endpoint: settings.alarmEmail },
      options,
    );
  return { topic, policy };
}

export const homeOperations = alarmed
  ? operationsTopic("OperationsTopic", perStage("frontdesk-operations"), settings.homeRegion, homeTopicKey)
  : undefined;
const mailOperations = alarmed
  ? operationsTopic(
      "MailOperationsTopic",
      perStage("frontdesk-operations-mail"),
      settings.mailRegion,
      mailTopicKey,
      { provider: mailProvider },
    )
  : undefined;

interface Alarm {
  /** What it means to who is woken by it, and what to look at first. */
  description: string;
  namespace: string;
  metric: string;
  dimensions?: Record<string, $util.Input<string>>;
  statistic: "Sum" | "Average" | "Maximum" | "Minimum";
  threshold: number;
  /** Default: above it. */
  comparison?: "GreaterThanThreshold" | "GreaterThanOrEqualToThreshold" | "LessThanThreshold";
  /** Default: five minutes. */
  seconds?: number;
  /** How many of the last how many periods. Default: one of one. */
  of?: readonly [breaching: number, periods: number];
  /** Without data nothing is wrong, unless silence is the fault itself. Default: notBreaching. */
  missing?: "notBreaching" | "breaching";
  /** Where the metric is; undefined at home. */
  provider?: $util.ProviderResource | undefined;
}

export function createAlarm(name: string, alarm: Alarm) {
  const operations = alarm.provider ? mailOperations : homeOperations;
  if (!operations) return;
  const [datapointsToAlarm, evaluationPeriods] = alarm.of ?? [1, 1];
  new aws.cloudwatch.MetricAlarm(
    `${name}Alarm`,
    {
      name: `${$app.name}-${$app.stage}-${name}`,
      alarmDescription: alarm.description,
      namespace: alarm.namespace,
      metricName: alarm.metric,
      dimensions: alarm.dimensions,
      statistic: alarm.statistic,
      period: alarm.seconds ?? 300,
      threshold: alarm.threshold,
      comparisonOperator: alarm.comparison ?? "GreaterThanThreshold",
      datapointsToAlarm,
      evaluationPeriods,
      treatMissingData: alarm.missing ?? "notBreaching",
      alarmActions: [operations.topic.arn],
      okActions: [operations.topic.arn],
    },
    alarm.provider && { provider: alarm.provider },
  );
}
