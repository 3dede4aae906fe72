/** Queues, topics, buckets, the CDN, domains. */
import type { Section } from "./notes.ts";
import { of } from "./select.ts";

export const storage: Section[] = [
  {
    title: "Queues and topics",
    lines: [
      {
        line: 28,
        note: "SQS",
        answer: "Each queue has one policy (TLS, named sources), encryption, redrive after five receives.",
        resources: [of("aws.sqs.Queue"), of("aws.sqs.QueuePolicy"), of("aws.sqs.RedriveAllowPolicy")],
      },
      {
        line: 29,
        note: "Email Queue and DLQ",
        answer: "With the function that takes from it.",
        resources: [
          of("aws.sqs.Queue", /^Email/),
          of("aws.lambda.EventSourceMapping", /^EmailQueue/),
          of("aws.lambda.Function", /^EmailConsumer/),
        ],
      },
      {
        line: 30,
        note: "Jobs Queue and DLQ",
        answer: "With the function that takes from it, and what fills it by the clock.",
        resources: [
          of("aws.sqs.Queue", /^Jobs/),
          of("aws.lambda.EventSourceMapping", /^JobsQueue/),
          of("aws.lambda.Function", /^JobsConsumer/),
        ],
      },
      {
        line: 31,
        note: "Image Queue and DLQ",
        answer: "With the function that takes from it; the home bucket tells it of uploads.",
        resources: [
          of("aws.sqs.Queue", /^Image/),
          of("aws.lambda.EventSourceMapping", /^ImageQueue/),
          of("aws.lambda.Function", /^ImageConsumer/),
        ],
      },
      {
        line: 32,
        note: "SNS",
        answer: "What arrives by mail is told by a topic.",
        resources: [of("aws.sns.Topic", /^MailTopic/)],
      },
      {
        line: 33,
        note: "incoming-mail-east-1-topic in us-east-1",
        answer: "By this name in production; elsewhere the stage's name follows it.",
        resources: [of("aws.sns.Topic", /^MailTopic/, (_, { region }) => region === "us-east-1")],
      },
      {
        line: 34,
        note: "its access policy",
        answer: "Only our mail bucket and our receipt rule, of this account, may publish.",
        resources: [of("aws.sns.TopicPolicy", /^MailTopicPolicy$/)],
      },
      {
        line: 35,
        note: "subscribe it to sqs in ca-central-1",
        answer: "What SNS cannot deliver across regions waits in a dead-letter queue in us-east-1.",
        resources: [
          of("aws.sns.TopicSubscription", /^MailSubscription$/),
          of("aws.sqs.QueuePolicy", /^EmailQueuePolicy$/),
          of("aws.sqs.Queue", /^MailSubscriptionDeadLetter/),
        ],
      },
    ],
  },
  {
    title: "Buckets",
    lines: [
      {
        line: 36,
        note: "S3 Bucket",
        answer:
          "No public access, TLS only, encrypted, never destroyed with what is in them on permanent stages.",
        resources: [
          of("aws.s3.BucketV2"),
          of("aws.s3.BucketPublicAccessBlock"),
          of("aws.s3.BucketServerSideEncryptionConfigurationV2"),
        ],
      },
      {
        line: 37,
        note: "ca-central-1",
        answer: "Attachments, media, `tmp/`.",
        resources: [of("aws.s3.BucketV2", /^HomeBucket/, (_, { region }) => region === "ca-central-1")],
      },
      {
        line: 38,
        note: "us-east-1 for emails",
        answer: "Raw mail, as SES wrote it.",
        resources: [of("aws.s3.BucketV2", /^MailBucket/, (_, { region }) => region === "us-east-1")],
      },
      {
        line: 39,
        note: "access policies on both buckets (very important)",
        answer: "SES may write raw mail from our rule and account only; plain HTTP is refused on both.",
        resources: [of("aws.s3.BucketPolicy", /^(Home|Mail)Bucket/)],
      },
      {
        line: 40,
        note: "data in `tmp` can be removed after 3 days",
        answer:
          "`tmp/` goes after 3 days; a raw message that was delivered (it is tagged then) after `rawMailDays`, 90 by default.",
        resources: [of("aws.s3.BucketLifecycleConfigurationV2", /^(Home|Mail)Bucket/)],
      },
    ],
  },
  {
    title: "CDN and domains",
    lines: [
      {
        line: 41,
        note: "CDN",
        answer: "CloudFront; it reads the home bucket by origin access control.",
        resources: [of("aws.cloudfront.Distribution"), of("aws.cloudfront.OriginAccessControl")],
      },
      {
        line: 42,
        note: "Setup on ca-central-1",
        answer:
          "CloudFront is in no region: its origin is the bucket in ca-central-1, and its certificate, where it has a name of ours, is in us-east-1.",
        resources: [
          of("aws.s3.BucketPolicy", /^HomeBucketPolicy$/),
          of("aws.acm.Certificate", /./, (_, { region }) => region === "us-east-1"),
        ],
      },
      {
        line: 43,
        note: "Add media/* as public static",
        answer: "`media/*` is open to all; everything else needs a signed address.",
        resources: [
          of("aws.cloudfront.Distribution", /./, ({ orderedCacheBehaviors }) =>
            JSON.stringify(orderedCacheBehaviors).includes('"pathPattern":"/media/*"'),
          ),
        ],
      },
      {
        line: 44,
        note: "Its secret will be in secret manager",
        answer: "The private keys are there; CloudFront has the public ones.",
        resources: [
          of("aws.secretsmanager.SecretVersion", /^CdnSigningKeys/),
          of("aws.cloudfront.KeyGroup"),
          of("aws.cloudfront.PublicKey"),
          of("tls.PrivateKey", /^CdnKey/),
        ],
      },
      {
        line: 46,
        note: "Route53",
        answer:
          "A zone and its records, once the setting `domain` is given; without it everything keeps AWS's names.",
        resources: [of("aws.route53.Zone")],
      },
      {
        line: 47,
        note: "handle domain configurations here",
        answer: "API, websocket, CDN and sign-in have names below `domain`, with certificates.",
        resources: [
          of("aws.apigatewayv2.DomainName"),
          of("aws.acm.Certificate"),
          of("aws.route53.Record", /./, ({ type }) => type === "A"),
          of("aws.cognito.UserPoolDomain", /./, ({ domain }) => String(domain).includes(".")),
        ],
      },
      {
        line: 48,
        note: "integrate it with SES domain (DKIM Records)",
        answer: "DKIM, SPF, DMARC, MAIL FROM and the MX of the receiving domain.",
        resources: [
          of("aws.route53.Record", /Dkim/),
          of("aws.route53.Record", /Spf|Dmarc|MailFrom|Mx/),
          of("aws.sesv2.EmailIdentityMailFromAttributes"),
        ],
      },
    ],
  },
];
