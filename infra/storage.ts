import { accountId, mailProvider, permanent, perStage, settings } from "./stage";

sst.Linkable.wrap(sst.aws.Bucket, (bucket) => ({
  properties: { name: bucket.name, region: bucket.nodes.bucket.region },
  include: [],
}));

/** Raw mail, as SES wrote it. */
export const rawMailPrefix = "inbound/";
export const attachmentPrefix = "attachments/";

export const ruleSetName = "frontdesk";
export const receiptRuleName = perStage("frontdesk");
/** The receipt rule's ARN, said before the rule exists: the rule needs the bucket, whose policy names the rule. */
export const receiptRuleArn = $interpolate`arn:aws:ses:${settings.mailRegion}:${accountId}:receipt-rule-set/${ruleSetName}:receipt-rule/${receiptRuleName}`;

const common = {
  forceDestroy: !permanent,
};

export const mailBucket = new sst.aws.Bucket(
  "MailBucket",
  {
    // TLS only is SST's default policy; SST merges these statements with it.
    policy: [
      {
        actions: ["s3:PutObject"],
        principals: [{ type: "service", identifiers: ["ses.amazonaws.com"] }],
        paths: [`${rawMailPrefix}*`],
        conditions: [
          { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
          { test: "ArnEquals", variable: "aws:SourceArn", values: [receiptRuleArn] },
        ],
      },
    ],
    cors: false,
    transform: { bucket: common },
  },
  { provider: mailProvider },
);
new aws.s3.BucketLifecycleConfigurationV2(
  "MailBucketLifecycle",
  {
    bucket: mailBucket.name,
    rules: [
      {
        id: "delivered",
        status: "Enabled",
        filter: { and: { prefix: rawMailPrefix, tags: { frontdesk: "delivered" } } },
        expiration: { days: settings.rawMailDays },
      },
      {
        id: "unfinished-uploads",
        status: "Enabled",
        filter: { prefix: "" },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 3 },
      },
    ],
  },
  { provider: mailProvider },
);

export const homeBucket = new sst.aws.Bucket("HomeBucket", {
  cors: false,
  lifecycle: [{ id: "tmp", prefix: "tmp/", expiresIn: "3 days" }],
  transform: { bucket: common },
});
