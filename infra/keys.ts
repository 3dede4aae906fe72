/** Customer keys, for what AWS's own keys do not serve: docs/decisions/0030-encryption-keys.md. */
import { accountId, mailProvider, permanent } from "./stage";

/**
 * For topics. CloudWatch, S3 and SES cannot publish to a topic under `alias/aws/sns`, whose policy nobody can change. On
 * permanent stages only: a key costs a dollar a month, and a developer's topics carry a developer's mail.
 */
function topicKey(name: string, services: string[], options?: $util.CustomResourceOptions) {
  if (!permanent) return undefined;
  return new aws.kms.Key(
    name,
    {
      description: `${$app.name} ${$app.stage}: topics`,
      enableKeyRotation: true,
      deletionWindowInDays: 30,
      policy: aws.iam.getPolicyDocumentOutput({
        statements: [
          {
            sid: "Account",
            principals: [{ type: "AWS", identifiers: [$interpolate`arn:aws:iam::${accountId}:root`] }],
            actions: ["kms:*"],
            resources: ["*"],
          },
          {
            // Whose topic, and whose alarm or bucket, is for the topic's policy to say.
            sid: "Publishers",
            principals: [{ type: "Service", identifiers: services }],
            actions: ["kms:Decrypt", "kms:GenerateDataKey"],
            resources: ["*"],
          },
        ],
      }).json,
    },
    options,
  );
}

export const homeTopicKey = topicKey("HomeTopicKey", [
  "cloudwatch.amazonaws.com",
  "events.rds.amazonaws.com",
  "ses.amazonaws.com",
]);
export const mailTopicKey = topicKey(
  "MailTopicKey",
  ["cloudwatch.amazonaws.com", "s3.amazonaws.com", "ses.amazonaws.com"],
  { provider: mailProvider },
);
