/** What SNS could not deliver to queues, written down: its dead letters keep the message, and not why it failed. */
import { accountId, homeRegion, settings } from "./stage";

/** SNS names a topic's log after it: https://docs.aws.amazon.com/sns/latest/dg/topics-attrib-prereq.html */
const logName = (region: string, topicName: string) => $interpolate`sns/${region}/${accountId}/${topicName}`;

/**
 * Input of a topic that queues subscribe to.
 * @param name Logical name of the topic; `topicName` is AWS's.
 */
export function logFailedDeliveries(
  name: string,
  topicName: string,
  { region = homeRegion, provider }: { region?: string; provider?: aws.Provider } = {},
): Pick<aws.sns.TopicArgs, "sqsFailureFeedbackRoleArn"> {
  const options = provider && { provider };
  // SNS would make it, and keep everything for ever.
  const group = new aws.cloudwatch.LogGroup(
    `${name}DeliveryLogGroup`,
    { name: $interpolate`${logName(region, topicName)}/Failure`, retentionInDays: settings.logDays },
    options,
  );
  const role = new aws.iam.Role(`${name}DeliveryRole`, {
    description: `Lets SNS write down what it could not deliver from ${topicName}`,
    assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          actions: ["sts:AssumeRole"],
          principals: [{ type: "Service", identifiers: ["sns.amazonaws.com"] }],
          // SNS documents neither this key nor aws:SourceArn here: a call without it is let in.
          conditions: [{ test: "StringEqualsIfExists", variable: "aws:SourceAccount", values: [accountId] }],
        },
      ],
    }).json,
    inlinePolicies: [
      {
        name: "write-delivery-log",
        policy: aws.iam.getPolicyDocumentOutput({
          statements: [
            {
              actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
              resources: [group.arn, $interpolate`${group.arn}:*`],
            },
          ],
        }).json,
      },
    ],
  });
  return { sqsFailureFeedbackRoleArn: role.arn };
}
