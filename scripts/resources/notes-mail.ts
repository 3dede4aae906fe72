/** SES, Cognito, Google. */
import type { Section } from "./notes.ts";
import { of } from "./select.ts";

const open = "Not declared yet.";

export const mailAndPeople: Section[] = [
  {
    title: "SES",
    lines: [
      {
        line: 50,
        note: "SES",
        answer: "Receiving in the mail region.",
        resources: [of("aws.ses.ReceiptRule")],
      },
      {
        line: 51,
        note: "Add verified identities",
        answer: "Domains, once an account and region: production owns them, other stages use them.",
        resources: [of("aws.sesv2.EmailIdentity")],
      },
      { line: 52, note: "we don't need to add email identities", answer: open },
      {
        line: 53,
        note: "setup ses receipt rule in `us-east-1`",
        answer: "The mail region is a setting, us-east-1 by default.",
        resources: [
          of("aws.ses.ReceiptRule", /./, (_, { region }) => region === "us-east-1"),
          of("aws.ses.ReceiptRuleSet"),
          of("aws.ses.ActiveReceiptRuleSet"),
        ],
      },
      {
        line: 54,
        note: "store our mail to us-east-1 bucket",
        answer: "The rule's S3 action; its own notice carries envelope and verdicts.",
        resources: [of("aws.ses.ReceiptRule"), of("aws.s3.BucketV2", /^MailBucket/)],
      },
      {
        line: 55,
        note: "put the mail as a message in ca-central-1 email sqs",
        answer:
          "Bucket, topic, queue, function: a bucket cannot notify a queue of another region, so the topic does.",
        resources: [
          of("aws.s3.BucketNotification", /^MailBucket/),
          of("aws.sns.TopicSubscription", /^MailSubscription$/),
          of("aws.lambda.EventSourceMapping", /^EmailQueue/),
        ],
      },
      {
        line: 56,
        note: "Check if we are using smtp settings (probably not)",
        answer:
          "Not used: there is no IAM user and so no SMTP credential, and nobody may send raw by another way than the API.",
        never: [of("aws.iam.User"), of("aws.iam.AccessKey")],
      },
    ],
  },
  {
    title: "Cognito",
    lines: [
      {
        line: 58,
        note: "Cognito",
        answer: "People sign in here; roles come from groups.",
        resources: [of("aws.cognito.UserGroup")],
      },
      {
        line: 59,
        note: "Add a user pool",
        answer: "Nobody signs up alone.",
        resources: [of("aws.cognito.UserPool")],
      },
      {
        line: 60,
        note: "Configure a domain with it to handle Hosted UI",
        answer: "AWS's default domain with a prefix of our own.",
        resources: [of("aws.cognito.UserPoolDomain")],
      },
      {
        line: 61,
        note: "Add an App Client",
        answer: "Code with PKCE only; no implicit flow, no secret.",
        resources: [of("aws.cognito.UserPoolClient")],
        never: [
          of("aws.cognito.UserPoolClient", /./, ({ allowedOauthFlows }) =>
            JSON.stringify(allowedOauthFlows ?? []).includes("implicit"),
          ),
        ],
      },
      {
        line: 62,
        note: "Add `Allowed callback URLs`",
        answer: "`callbackUrls` and `logoutUrls` of the stage's settings.",
        resources: [
          of("aws.cognito.UserPoolClient", /./, ({ callbackUrls }) => (callbackUrls as unknown[]).length > 0),
        ],
      },
    ],
  },
  {
    title: "Google",
    lines: [
      { line: 63, note: "Google OAuth Integration", answer: open },
      { line: 64, note: "a .tf script for Google OAuth Handling", answer: open },
      { line: 65, note: "create a google project", answer: open },
      { line: 66, note: "get tokens for calendar and meeting", answer: open },
      { line: 67, note: "add another rule to send to Amazon SES `us-east-1`", answer: open },
    ],
  },
];
