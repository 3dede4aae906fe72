import { accountId, mailProvider, permanent, perStage, settings } from "./stage";

/** Raw mail, as SES wrote it. */
export const rawMailPrefix = "inbound/";
export const attachmentPrefix = "attachments/";

export const ruleSetName = "frontdesk";
export const receiptRuleName = perStage("frontdesk");
/** The receipt rule's ARN, said before the rule exists: the rule needs the bucket, whose policy names the rule. */
export const receiptRuleArn = $interpolate`arn:aws:ses:${settings.mailRegion}:${accountId}:receipt-rule-set/${ruleSetName}:receipt-rule/${receiptRuleName}`;

/** SST empties and deletes a bucket that leaves the program, whatever is in it. */
const common = { forceDestroy: !permanent };

/** S3's own keys, said aloud: S3 notifications and SES need no key policy for them. */
function encrypt(name: string, bucket: sst.aws.Bucket, options?: $util.CustomResourceOptions) {
  new aws.s3.BucketServerSideEncryptionConfigurationV2(
    `${name}Encryption`,
    {
      bucket: bucket.name,
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
    },
    options,
  );
}

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
encrypt("MailBucket", mailBucket, { provider: mailProvider });
// Raw: SST's lifecycle filters by prefix alone.
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
encrypt("HomeBucket", homeBucket);
