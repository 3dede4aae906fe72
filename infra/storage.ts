import { createBucket } from "./bucket";
import { accountId, perStage, settings } from "./stage";

/** Raw mail, as SES wrote it. In the mail bucket; the others are in the home bucket. */
export const rawMailPrefix = "inbound/";
export const attachmentPrefix = "attachments/";
/** Pictures that everybody may see, under names that are never used again. */
export const publicMediaPrefix = "media/";
/** Pictures that a signed address shows. */
export const privateMediaPrefix = "private/";
/** Payloads that are too large for a message, until their job is done. */
export const claimCheckPrefix = "claims/";
/** Uploads on their way; they expire by themselves. */
export const tmpPrefix = "tmp/";

export const ruleSetName = "frontdesk";
export const receiptRuleName = perStage("frontdesk");
/** The receipt rule's ARN, said before the rule exists: the rule needs the bucket, whose policy names the rule. */
export const receiptRuleArn = $interpolate`arn:aws:ses:${settings.mailRegion}:${accountId}:receipt-rule-set/${ruleSetName}:receipt-rule/${receiptRuleName}`;

export const mailBucket = createBucket("MailBucket", {
  region: "mail",
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
  rules: [
    {
      id: "delivered",
      status: "Enabled",
      filter: { and: { prefix: rawMailPrefix, tags: { frontdesk: "delivered" } } },
      expiration: { days: settings.rawMailDays },
    },
  ],
});

export const homeBucket = createBucket("HomeBucket", {
  // Pages send the forms of uploads, show how far they are, and read whether S3 took them.
  cors: {
    allowOrigins: settings.allowedOrigins,
    allowMethods: ["POST"],
    allowHeaders: ["*"],
    maxAge: "1 hour",
  },
  policy: [
    {
      // Origin access control. By account, not by distribution: whose ARN would wait for the bucket, and the bucket's
      // name waits for this policy.
      actions: ["s3:GetObject"],
      principals: [{ type: "service", identifiers: ["cloudfront.amazonaws.com"] }],
      paths: [`${publicMediaPrefix}*`, `${privateMediaPrefix}*`, `${attachmentPrefix}*`],
      conditions: [
        { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
        {
          test: "ArnLike",
          variable: "aws:SourceArn",
          values: [$interpolate`arn:aws:cloudfront::${accountId}:distribution/*`],
        },
      ],
    },
  ],
  rules: [{ id: "tmp", status: "Enabled", filter: { prefix: tmpPrefix }, expiration: { days: 3 } }],
});
