/** SES, Cognito, Google. */
import type { Section } from "./notes.ts";
import { of } from "./select.ts";

export const mailAndPeople: Section[] = [
  {
    title: "SES",
    lines: [
      {
        line: 50,
        note: "SES",
        answer:
          "Receives in the mail region, sends in the home region, and tells what became of what was sent.",
        resources: [
          of("aws.ses.ReceiptRule"),
          of("aws.sesv2.ConfigurationSet"),
          of("aws.sesv2.ConfigurationSetEventDestination"),
          of("aws.sns.Topic", /^MailEvents/),
          of("aws.sqs.Queue", /^MailEvents/),
        ],
      },
      {
        line: 51,
        note: "Add verified identities",
        answer: "Domains, once an account and region: production owns them, other stages use them.",
        resources: [of("aws.sesv2.EmailIdentity")],
      },
      {
        line: 52,
        note: "we don't need to add email identities",
        answer:
          "So it is: domains are verified. Addresses are verified one by one only while the account is in the sandbox (`sandboxAddresses`, empty by default).",
        resources: [
          of("aws.sesv2.EmailIdentity", /./, ({ emailIdentity }) => String(emailIdentity).includes("@")),
        ],
      },
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
        answer: "Not used: there is no IAM user and so no SMTP credential; mail goes out by SES's API.",
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
        answer: "AWS's domain with a prefix of our own, or `auth.` of the setting `domain`.",
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
      {
        line: 63,
        note: "Google OAuth Integration",
        answer:
          "Off until the setting `google` is given; then sign-in of the Workspace's people, at every sign-in checked.",
        resources: [of("aws.cognito.IdentityProvider"), of("aws.lambda.Function", /^AuthPre/)],
      },
      {
        line: 64,
        note: "a .tf script for Google OAuth Handling",
        answer:
          "As code: what Google has an API for. Consent screen and OAuth client have none: [google.md](google.md), checked by `npm run google:check`.",
        resources: [of("gcp.projects.Service")],
      },
      {
        line: 65,
        note: "create a google project",
        answer: "Made by production where `google.organization` is given; else it exists.",
        resources: [of("gcp.organizations.Project")],
      },
      {
        line: 66,
        note: "get tokens for calendar and meeting",
        answer:
          "The client's id and secret are kept for it; an internal consent screen lets the Workspace's people use it ([google.md](google.md), steps 2 to 4). Asking them for their calendars is a later issue.",
        resources: [of("aws.secretsmanager.Secret", /^GoogleClient$/)],
      },
      {
        line: 67,
        note: "add another rule to send to Amazon SES `us-east-1`",
        answer:
          "By hand, since Google has no API for it: [google.md](google.md), step 5, with the headers that the rule must add. What it sends meets this rule.",
        resources: [of("aws.ses.ReceiptRule")],
      },
    ],
  },
];
