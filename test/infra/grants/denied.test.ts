/** What must be denied, each by its name. Among them every "only" of the permissions' design. */
import type { AuthorisationRequest } from "@frontdesk/local";
import { beforeAll, describe, expect, test } from "vitest";
import { type Stage, stages } from "../support/graphs.ts";
import { otherAccount, type Policies, policiesOf } from "./policies.ts";

type Denied = [name: string, request: (p: Policies) => AuthorisationRequest];

/** An object of the home bucket. */
const home = (p: Policies, key: string) => `${p.bucket("HomeBucket")}/${key}`;
const mail = (p: Policies, key: string) => `${p.bucket("MailBucket")}/${key}`;
/** The same ARN in somebody else's account. */
const foreign = (arn: string) => arn.replace(/:\d{12}:/, `:${otherAccount}:`);
const foreignBucket = "arn:aws:s3:::somebody-elses-bucket";
const passedTo = (service: string) => ({ "iam:PassedToService": `${service}.amazonaws.com` });

const objects: Denied[] = [
  ["the API reads an attachment", (p) => p.by("ApiFunction", "s3:GetObject", home(p, "attachments/a"))],
  ["the API deletes an attachment", (p) => p.by("ApiFunction", "s3:DeleteObject", home(p, "attachments/a"))],
  ["the API deletes an upload", (p) => p.by("ApiFunction", "s3:DeleteObject", home(p, "tmp/uploads/a"))],
  ["the API deletes a claim check", (p) => p.by("ApiFunction", "s3:DeleteObject", home(p, "claims/a"))],
  ["the API deletes a public picture", (p) => p.by("ApiFunction", "s3:DeleteObject", home(p, "media/a"))],
  ["the API deletes raw mail", (p) => p.by("ApiFunction", "s3:DeleteObject", mail(p, "inbound/a"))],
  ["the API writes an attachment", (p) => p.by("ApiFunction", "s3:PutObject", home(p, "attachments/a"))],
  ["the API writes a public picture", (p) => p.by("ApiFunction", "s3:PutObject", home(p, "media/a"))],
  ["the API writes a private picture", (p) => p.by("ApiFunction", "s3:PutObject", home(p, "private/a"))],
  ["the API writes beside the uploads", (p) => p.by("ApiFunction", "s3:PutObject", home(p, "tmp/a"))],
  ["the API writes at the bucket's root", (p) => p.by("ApiFunction", "s3:PutObject", home(p, "a"))],
  ["the API writes raw mail", (p) => p.by("ApiFunction", "s3:PutObject", mail(p, "inbound/a"))],
  ["the API reads a private picture", (p) => p.by("ApiFunction", "s3:GetObject", home(p, "private/a"))],
  ["the API reads a claim check", (p) => p.by("ApiFunction", "s3:GetObject", home(p, "claims/a"))],
  ["the API lists the home bucket", (p) => p.by("ApiFunction", "s3:ListBucket", p.bucket("HomeBucket"))],
  [
    "the email consumer reads a private object of the home bucket",
    (p) => p.by("EmailConsumer", "s3:GetObject", home(p, "private/a")),
  ],
  [
    "the email consumer reads back an attachment",
    (p) => p.by("EmailConsumer", "s3:GetObject", home(p, "attachments/a")),
  ],
  ["the email consumer writes a picture", (p) => p.by("EmailConsumer", "s3:PutObject", home(p, "media/a"))],
  ["the email consumer writes raw mail", (p) => p.by("EmailConsumer", "s3:PutObject", mail(p, "inbound/a"))],
  [
    "the email consumer deletes raw mail",
    (p) => p.by("EmailConsumer", "s3:DeleteObject", mail(p, "inbound/a")),
  ],
  [
    "the email consumer reads mail outside its prefix",
    (p) => p.by("EmailConsumer", "s3:GetObject", mail(p, "outbound/a")),
  ],
  [
    "the email consumer reads a bucket that is not ours",
    (p) => p.by("EmailConsumer", "s3:GetObject", `${foreignBucket}/inbound/a`),
  ],
  [
    "the image consumer deletes an upload",
    (p) => p.by("ImageConsumer", "s3:DeleteObject", home(p, "tmp/uploads/a")),
  ],
  [
    "the image consumer deletes a picture",
    (p) => p.by("ImageConsumer", "s3:DeleteObject", home(p, "media/a")),
  ],
  ["the image consumer reads raw mail", (p) => p.by("ImageConsumer", "s3:GetObject", mail(p, "inbound/a"))],
  ["the image consumer reads a claim", (p) => p.by("ImageConsumer", "s3:GetObject", home(p, "claims/a"))],
  ["the image consumer reads a picture", (p) => p.by("ImageConsumer", "s3:GetObject", home(p, "private/a"))],
  [
    "the image consumer writes an attachment",
    (p) => p.by("ImageConsumer", "s3:PutObject", home(p, "attachments/a")),
  ],
  [
    "the image consumer writes an upload",
    (p) => p.by("ImageConsumer", "s3:PutObject", home(p, "tmp/uploads/a")),
  ],
  [
    "the jobs consumer deletes an attachment",
    (p) => p.by("JobsConsumer", "s3:DeleteObject", home(p, "attachments/a")),
  ],
  [
    "the jobs consumer deletes raw mail",
    (p) => p.by("JobsConsumer", "s3:DeleteObject", mail(p, "inbound/a")),
  ],
  ["the jobs consumer reads raw mail", (p) => p.by("JobsConsumer", "s3:GetObject", mail(p, "inbound/a"))],
  [
    "the jobs consumer lists attachments",
    (p) => p.by("JobsConsumer", "s3:ListBucket", p.bucket("HomeBucket"), { "s3:prefix": "attachments/" }),
  ],
  [
    "the jobs consumer lists the whole home bucket",
    (p) => p.by("JobsConsumer", "s3:ListBucket", p.bucket("HomeBucket")),
  ],
  [
    "the jobs consumer deletes a version of a claim check",
    (p) => p.by("JobsConsumer", "s3:DeleteObjectVersion", home(p, "claims/a")),
  ],
  [
    "the mail events consumer reads an object",
    (p) => p.by("MailEventsConsumer", "s3:GetObject", home(p, "attachments/a")),
  ],
  ["the sweep reads raw mail", (p) => p.by("OutboxSweep", "s3:GetObject", mail(p, "inbound/a"))],
  [
    "the sweep lists the whole mail bucket",
    (p) => p.by("OutboxSweep", "s3:ListBucket", p.bucket("MailBucket")),
  ],
  [
    "the sweep lists another prefix",
    (p) => p.by("OutboxSweep", "s3:ListBucket", p.bucket("MailBucket"), { "s3:prefix": "outbound/" }),
  ],
  ["the socket's functions read mail", (p) => p.by("RealtimeDefault", "s3:GetObject", mail(p, "inbound/a"))],
  ["the migrator reads mail", (p) => p.by("Migrator", "s3:GetObject", mail(p, "inbound/a"))],
];

const queues: Denied[] = [
  ["the API takes a job", (p) => p.by("ApiFunction", "sqs:ReceiveMessage", p.queue("JobsQueue"))],
  [
    "the API deletes from a work queue",
    (p) => p.by("ApiFunction", "sqs:DeleteMessage", p.queue("EmailQueue")),
  ],
  [
    "the API empties a dead-letter queue",
    (p) => p.by("ApiFunction", "sqs:PurgeQueue", p.queue("EmailDeadLetterQueue")),
  ],
  [
    "the API writes a dead letter",
    (p) => p.by("ApiFunction", "sqs:SendMessage", p.queue("EmailDeadLetterQueue")),
  ],
  [
    "the API moves a work queue's messages",
    (p) => p.by("ApiFunction", "sqs:StartMessageMoveTask", p.queue("JobsQueue")),
  ],
  [
    "the email consumer sends itself mail",
    (p) => p.by("EmailConsumer", "sqs:SendMessage", p.queue("EmailQueue")),
  ],
  [
    "the email consumer takes a job",
    (p) => p.by("EmailConsumer", "sqs:ReceiveMessage", p.queue("JobsQueue")),
  ],
  [
    "the image consumer takes mail",
    (p) => p.by("ImageConsumer", "sqs:ReceiveMessage", p.queue("EmailQueue")),
  ],
  [
    "the image consumer sends itself a picture",
    (p) => p.by("ImageConsumer", "sqs:SendMessage", p.queue("ImageQueue")),
  ],
  [
    "the jobs consumer sends to the email queue",
    (p) => p.by("JobsConsumer", "sqs:SendMessage", p.queue("EmailQueue")),
  ],
  [
    "the jobs consumer takes a dead letter",
    (p) => p.by("JobsConsumer", "sqs:ReceiveMessage", p.queue("JobsDeadLetterQueue")),
  ],
  [
    "the mail events consumer sends to the email queue",
    (p) => p.by("MailEventsConsumer", "sqs:SendMessage", p.queue("EmailQueue")),
  ],
  ["the sweep takes mail", (p) => p.by("OutboxSweep", "sqs:ReceiveMessage", p.queue("EmailQueue"))],
  [
    "the scheduler role sends to the email queue",
    (p) => p.by("SchedulerRole", "sqs:SendMessage", p.queue("EmailQueue")),
  ],
  [
    "the scheduler role takes a job",
    (p) => p.by("SchedulerRole", "sqs:ReceiveMessage", p.queue("JobsQueue")),
  ],
  [
    "the API sends to a queue of another account",
    (p) => p.by("ApiFunction", "sqs:SendMessage", foreign(p.queue("JobsQueue"))),
  ],
];

const schedules: Denied[] = [
  ["the API makes a schedule", (p) => p.by("ApiFunction", "scheduler:CreateSchedule", `${p.schedules}/a`)],
  [
    "the image consumer makes a schedule",
    (p) => p.by("ImageConsumer", "scheduler:CreateSchedule", `${p.schedules}/a`),
  ],
  [
    "the jobs consumer makes a schedule in the default group",
    (p) =>
      p.by(
        "JobsConsumer",
        "scheduler:CreateSchedule",
        p.schedules.replace(/schedule\/.*/, "schedule/default/a"),
      ),
  ],
  [
    "the jobs consumer makes a schedule in another stage's group",
    (p) => p.by("JobsConsumer", "scheduler:CreateSchedule", `${p.schedules}-other/a`),
  ],
  [
    "the jobs consumer makes a schedule in another region",
    (p) =>
      p.by(
        "JobsConsumer",
        "scheduler:CreateSchedule",
        `${p.schedules}/a`.replace("ca-central-1", "us-east-1"),
      ),
  ],
  [
    "the jobs consumer removes the group",
    (p) => p.by("JobsConsumer", "scheduler:DeleteScheduleGroup", p.scheduleGroup),
  ],
  [
    "the API passes the scheduler role",
    (p) => p.by("ApiFunction", "iam:PassRole", p.role("SchedulerRole"), passedTo("scheduler")),
  ],
  [
    "the jobs consumer passes the scheduler role to Lambda",
    (p) => p.by("JobsConsumer", "iam:PassRole", p.role("SchedulerRole"), passedTo("lambda")),
  ],
  [
    "the jobs consumer passes the scheduler role to nobody in particular",
    (p) => p.by("JobsConsumer", "iam:PassRole", p.role("SchedulerRole")),
  ],
  [
    "the jobs consumer passes its own role",
    (p) => p.by("JobsConsumer", "iam:PassRole", p.role("JobsConsumer"), passedTo("scheduler")),
  ],
  [
    "the jobs consumer passes the migrator's role",
    (p) => p.by("JobsConsumer", "iam:PassRole", p.role("Migrator"), passedTo("scheduler")),
  ],
  [
    "a schedule of another group takes the scheduler role",
    (p) => p.service("scheduler", `${p.scheduleGroup}-other`, "sts:AssumeRole", p.role("SchedulerRole")),
  ],
  [
    "a schedule of another account takes the scheduler role",
    (p) =>
      p.service("scheduler", foreign(p.scheduleGroup), "sts:AssumeRole", p.role("SchedulerRole"), {
        account: otherAccount,
      }),
  ],
  [
    "Lambda takes the scheduler role",
    (p) => p.service("lambda", p.fn("ApiFunction"), "sts:AssumeRole", p.role("SchedulerRole")),
  ],
  [
    "Scheduler takes a function's role",
    (p) => p.service("scheduler", p.scheduleGroup, "sts:AssumeRole", p.role("JobsConsumer")),
  ],
];

/** A From header as SES tells it. */
const as = (address: string) => ({ "ses:FromAddress": address });
const sentBy = (name: string, action = "ses:SendEmail"): Denied => [
  `${name} ${action}`,
  (p) => p.by(name, action, p.identity, as(p.address)),
];
const sending: Denied[] = [
  ...["ApiFunction", "EmailConsumer", "ImageConsumer", "MailEventsConsumer", "OutboxSweep", "Migrator"].map(
    (name) => sentBy(name),
  ),
  ...["ApiFunction", "ImageConsumer", "MailEventsConsumer"].flatMap((name) => [
    sentBy(name, "ses:SendRawEmail"),
    sentBy(name, "ses:SendBulkEmail"),
  ]),
  [
    "the jobs consumer sends in somebody else's name",
    (p) => p.by("JobsConsumer", "ses:SendEmail", p.identity, as("boss@example.org")),
  ],
  [
    "the jobs consumer sends without saying in whose name",
    (p) => p.by("JobsConsumer", "ses:SendRawEmail", p.identity),
  ],
  [
    "the jobs consumer sends with another identity",
    (p) =>
      p.by(
        "JobsConsumer",
        "ses:SendEmail",
        p.identity.replace(/identity.*/, "identity/example.org"),
        as(p.address),
      ),
  ],
  [
    "the jobs consumer sends with another configuration set",
    (p) => p.by("JobsConsumer", "ses:SendEmail", `${p.configurationSet}-other`, as(p.address)),
  ],
  [
    "the jobs consumer sends in bulk with another stage's template",
    (p) =>
      p.by(
        "JobsConsumer",
        "ses:SendBulkEmail",
        p.templates.replace(/template.*/, "template/frontdesk-other-welcome"),
      ),
  ],
  [
    "the jobs consumer changes another stage's template",
    (p) =>
      p.by(
        "JobsConsumer",
        "ses:UpdateEmailTemplate",
        p.templates.replace(/template.*/, "template/frontdesk-other-welcome"),
      ),
  ],
  [
    "the jobs consumer takes from the suppression list of another region",
    (p) =>
      p.by("JobsConsumer", "ses:DeleteSuppressedDestination", "*", { "aws:RequestedRegion": "us-east-1" }),
  ],
  [
    "the jobs consumer verifies an identity",
    (p) => p.by("JobsConsumer", "ses:CreateEmailIdentity", p.identity),
  ],
  [
    "the jobs consumer changes the receipt rules",
    (p) => p.by("JobsConsumer", "ses:SetActiveReceiptRuleSet", "*"),
  ],
  [
    "the API writes a template",
    (p) => p.by("ApiFunction", "ses:CreateEmailTemplate", `${p.templates}welcome`),
  ],
  [
    "the API changes the suppression list",
    (p) =>
      p.by("ApiFunction", "ses:PutSuppressedDestination", "*", { "aws:RequestedRegion": "ca-central-1" }),
  ],
  [
    "the mail events consumer changes the suppression list",
    (p) =>
      p.by("MailEventsConsumer", "ses:PutSuppressedDestination", "*", {
        "aws:RequestedRegion": "ca-central-1",
      }),
  ],
  [
    "SES publishes of another configuration set",
    (p) => p.service("ses", `${p.configurationSet}-other`, "sns:Publish", p.topic("MailEvents")),
  ],
  [
    "SES publishes what it received to the topic of sent mail",
    (p) => p.service("ses", ruleArn(p), "sns:Publish", p.topic("MailEvents")),
  ],
  [
    "the topic of sent mail sends to the email queue",
    (p) => p.service("sns", p.topic("MailEvents"), "sqs:SendMessage", p.queue("EmailQueue")),
  ],
  [
    "the mail topic sends to the queue of mail events",
    (p) => p.service("sns", p.topic("MailTopic"), "sqs:SendMessage", p.queue("MailEventsQueue")),
  ],
];

const cdn: Denied[] = [
  ["the API empties the CDN", (p) => p.by("ApiFunction", "cloudfront:CreateInvalidation", p.distribution)],
  [
    "the jobs consumer empties another distribution",
    (p) => p.by("JobsConsumer", "cloudfront:CreateInvalidation", `${p.distribution}OTHER`),
  ],
  [
    "the jobs consumer changes the distribution",
    (p) => p.by("JobsConsumer", "cloudfront:UpdateDistribution", p.distribution),
  ],
  ...["JobsConsumer", "ImageConsumer", "EmailConsumer", "Migrator"].map(
    (name): Denied => [
      `${name} reads the keys that sign addresses`,
      (p) => p.by(name, "secretsmanager:GetSecretValue", p.secret("CdnSigningKeys")),
    ],
  ),
  [
    "CloudFront reads a claim",
    (p) => p.service("cloudfront", p.distribution, "s3:GetObject", home(p, "claims/a")),
  ],
  [
    "CloudFront reads an upload",
    (p) => p.service("cloudfront", p.distribution, "s3:GetObject", home(p, "tmp/uploads/a")),
  ],
  [
    "CloudFront writes a picture",
    (p) => p.service("cloudfront", p.distribution, "s3:PutObject", home(p, "media/a")),
  ],
  [
    "another account's CloudFront reads a picture",
    (p) =>
      p.service("cloudfront", foreign(p.distribution), "s3:GetObject", home(p, "private/a"), {
        account: otherAccount,
      }),
  ],
];

const others: Denied[] = [
  [
    "the API reads the database master's secret",
    (p) => p.by("ApiFunction", "secretsmanager:GetSecretValue", p.secret("AuroraProxySecret")),
  ],
  [
    "the jobs consumer reads the database master's secret",
    (p) => p.by("JobsConsumer", "secretsmanager:GetSecretValue", p.secret("AuroraProxySecret")),
  ],
  [
    "the email consumer reads the cache's token",
    (p) => p.by("EmailConsumer", "secretsmanager:GetSecretValue", p.secret("RedisProxySecret")),
  ],
  [
    "the migrator reads the cache's token",
    (p) => p.by("Migrator", "secretsmanager:GetSecretValue", p.secret("RedisProxySecret")),
  ],
  [
    "the API changes the cache's token",
    (p) => p.by("ApiFunction", "secretsmanager:PutSecretValue", p.secret("RedisProxySecret")),
  ],
  [
    "the API logs in as the migrator",
    (p) => p.by("ApiFunction", "rds-db:connect", p.databaseUser("frontdesk_migrator")),
  ],
  [
    "the jobs consumer logs in as the migrator",
    (p) => p.by("JobsConsumer", "rds-db:connect", p.databaseUser("frontdesk_migrator")),
  ],
  [
    "the API logs in as the database's master",
    (p) => p.by("ApiFunction", "rds-db:connect", p.databaseUser("frontdesk_master")),
  ],
  [
    "the migrator logs in as the application",
    (p) => p.by("Migrator", "rds-db:connect", p.databaseUser("frontdesk_app")),
  ],
  [
    "the API logs in to another database",
    (p) =>
      p.by(
        "ApiFunction",
        "rds-db:connect",
        p.databaseUser("frontdesk_app").replace(/dbuser:[^/]+/, "dbuser:cluster-OTHER"),
      ),
  ],
  [
    "the API posts to sockets of another API",
    (p) =>
      p.by(
        "ApiFunction",
        "execute-api:ManageConnections",
        `${p.sockets.replace(/:[^:]+\/\$default/, ":other/$default")}/POST/@connections/a`,
      ),
  ],
  [
    "the API closes a socket",
    (p) => p.by("ApiFunction", "execute-api:ManageConnections", `${p.sockets}/DELETE/@connections/a`),
  ],
  [
    "the authorizer posts to sockets",
    (p) => p.by("RealtimeAuthorizer", "execute-api:ManageConnections", `${p.sockets}/POST/@connections/a`),
  ],
  [
    "$connect posts to sockets",
    (p) => p.by("RealtimeConnect", "execute-api:ManageConnections", `${p.sockets}/POST/@connections/a`),
  ],
  [
    "$disconnect posts to sockets",
    (p) => p.by("RealtimeDisconnect", "execute-api:ManageConnections", `${p.sockets}/POST/@connections/a`),
  ],
  [
    "the migrator posts to sockets",
    (p) => p.by("Migrator", "execute-api:ManageConnections", `${p.sockets}/POST/@connections/a`),
  ],
  [
    "the API changes a user of the pool",
    (p) =>
      p.by(
        "ApiFunction",
        "cognito-idp:AdminUpdateUserAttributes",
        `arn:aws:cognito-idp:ca-central-1:123456789012:userpool/ca-central-1_a`,
      ),
  ],
  ["the API publishes to the mail topic", (p) => p.by("ApiFunction", "sns:Publish", p.topic("MailTopic"))],
  ["the API calls the migrator", (p) => p.by("ApiFunction", "lambda:InvokeFunction", p.fn("Migrator"))],
  [
    "the sweep calls the email consumer",
    (p) => p.by("OutboxSweep", "lambda:InvokeFunction", p.fn("EmailConsumer")),
  ],
  [
    "the API writes the email consumer's log",
    (p) =>
      p.by(
        "ApiFunction",
        "logs:PutLogEvents",
        `arn:aws:logs:ca-central-1:123456789012:log-group:/aws/lambda/frontdesk-${p.graph.stage}-EmailConsumer:log-stream:a`,
      ),
  ],
];

const resources: Denied[] = [
  [
    "a topic of another account sends to the email queue",
    (p) =>
      p.service("sns", foreign(p.topic("MailTopic")), "sqs:SendMessage", p.queue("EmailQueue"), {
        account: otherAccount,
      }),
  ],
  [
    "another topic of ours sends to the email queue",
    (p) => p.service("sns", `${p.topic("MailTopic")}-other`, "sqs:SendMessage", p.queue("EmailQueue")),
  ],
  [
    "the mail topic sends to the jobs queue",
    (p) => p.service("sns", p.topic("MailTopic"), "sqs:SendMessage", p.queue("JobsQueue")),
  ],
  [
    "the mail topic sends to the email dead letters",
    (p) => p.service("sns", p.topic("MailTopic"), "sqs:SendMessage", p.queue("EmailDeadLetterQueue")),
  ],
  [
    "the mail bucket sends to the email queue, past the topic",
    (p) => p.service("s3", p.bucket("MailBucket"), "sqs:SendMessage", p.queue("EmailQueue")),
  ],
  [
    "another bucket sends to the image queue",
    (p) => p.service("s3", foreignBucket, "sqs:SendMessage", p.queue("ImageQueue")),
  ],
  [
    "the mail bucket sends to the image queue",
    (p) => p.service("s3", p.bucket("MailBucket"), "sqs:SendMessage", p.queue("ImageQueue")),
  ],
  [
    "the home bucket, once it is somebody else's, sends to the image queue",
    (p) =>
      p.service("s3", p.bucket("HomeBucket"), "sqs:SendMessage", p.queue("ImageQueue"), {
        account: otherAccount,
      }),
  ],
  [
    "the home bucket sends to the jobs queue",
    (p) => p.service("s3", p.bucket("HomeBucket"), "sqs:SendMessage", p.queue("JobsQueue")),
  ],
  [
    "EventBridge sends to the jobs queue",
    (p) =>
      p.service(
        "events",
        "arn:aws:events:ca-central-1:123456789012:rule/a",
        "sqs:SendMessage",
        p.queue("JobsQueue"),
      ),
  ],
  [
    "Scheduler sends to the jobs queue without its role",
    (p) => p.service("scheduler", p.scheduleGroup, "sqs:SendMessage", p.queue("JobsQueue")),
  ],
  [
    "S3 publishes of another bucket to the mail topic",
    (p) => p.service("s3", foreignBucket, "sns:Publish", p.topic("MailTopic")),
  ],
  [
    "S3 publishes of another account to the mail topic",
    (p) =>
      p.service("s3", p.bucket("MailBucket"), "sns:Publish", p.topic("MailTopic"), { account: otherAccount }),
  ],
  [
    "SES publishes of another rule to the mail topic",
    (p) => p.service("ses", `${ruleArn(p)}-other`, "sns:Publish", p.topic("MailTopic")),
  ],
  [
    "SES writes mail from another rule",
    (p) => p.service("ses", `${ruleArn(p)}-other`, "s3:PutObject", mail(p, "inbound/a")),
  ],
  [
    "SES writes mail from another account",
    (p) =>
      p.service("ses", foreign(ruleArn(p)), "s3:PutObject", mail(p, "inbound/a"), { account: otherAccount }),
  ],
  ["SES writes outside the prefix", (p) => p.service("ses", ruleArn(p), "s3:PutObject", mail(p, "a"))],
  ["SES reads mail back", (p) => p.service("ses", ruleArn(p), "s3:GetObject", mail(p, "inbound/a"))],
  [
    "SES writes to the home bucket",
    (p) => p.service("ses", ruleArn(p), "s3:PutObject", home(p, "inbound/a")),
  ],
  [
    "another API calls the API's function",
    (p) =>
      p.service("apigateway", `${p.api}other/$default/GET/me`, "lambda:InvokeFunction", p.fn("ApiFunction")),
  ],
  [
    "the API's gateway calls the migrator",
    (p) => p.service("apigateway", `${p.api}/$default/GET/me`, "lambda:InvokeFunction", p.fn("Migrator")),
  ],
  [
    "another rule calls the sweep",
    (p) =>
      p.service(
        "events",
        "arn:aws:events:ca-central-1:123456789012:rule/other",
        "lambda:InvokeFunction",
        p.fn("OutboxSweep"),
      ),
  ],
  [
    "EC2 takes a function's role",
    (p) =>
      p.service(
        "ec2",
        "arn:aws:ec2:ca-central-1:123456789012:instance/a",
        "sts:AssumeRole",
        p.role("ApiFunction"),
      ),
  ],
  [
    "a function takes another function's role",
    (p) => p.by("ApiFunction", "sts:AssumeRole", p.role("Migrator")),
  ],
];

function ruleArn({ plan }: Policies): string {
  const [rule] = plan.receiptRules;
  return `arn:aws:ses:${rule?.region}:${plan.accountId}:receipt-rule-set/${rule?.ruleSet}:receipt-rule/${rule?.name}`;
}

const anonymous = (action: string, resource: string): AuthorisationRequest => ({
  principal: { kind: "anonymous" },
  action,
  resource,
});
const outsider = (action: string, resource: string): AuthorisationRequest => ({
  principal: { kind: "role", roleArn: `arn:aws:iam::${otherAccount}:role/admin`, sessionName: "a" },
  action,
  resource,
});
const strangers: Denied[] = [
  ["anybody sends to the email queue", (p) => anonymous("sqs:SendMessage", p.queue("EmailQueue"))],
  ["anybody takes from the jobs queue", (p) => anonymous("sqs:ReceiveMessage", p.queue("JobsQueue"))],
  ["anybody reads raw mail", (p) => anonymous("s3:GetObject", mail(p, "inbound/a"))],
  ["anybody reads a private picture", (p) => anonymous("s3:GetObject", home(p, "private/a"))],
  ["anybody reads a public picture past the CDN", (p) => anonymous("s3:GetObject", home(p, "media/a"))],
  ["anybody publishes to the mail topic", (p) => anonymous("sns:Publish", p.topic("MailTopic"))],
  [
    "anybody calls the API's function past the gateway",
    (p) => anonymous("lambda:InvokeFunction", p.fn("ApiFunction")),
  ],
  ["another account sends to the jobs queue", (p) => outsider("sqs:SendMessage", p.queue("JobsQueue"))],
  ["another account reads raw mail", (p) => outsider("s3:GetObject", mail(p, "inbound/a"))],
  ["another account takes the API's role", (p) => outsider("sts:AssumeRole", p.role("ApiFunction"))],
  ["another account takes the scheduler role", (p) => outsider("sts:AssumeRole", p.role("SchedulerRole"))],
];

const plain = { "aws:SecureTransport": "false" };
const unencrypted: Denied[] = [
  [
    "the API sends a job without TLS",
    (p) => p.by("ApiFunction", "sqs:SendMessage", p.queue("JobsQueue"), plain),
  ],
  ["the API reads mail without TLS", (p) => p.by("ApiFunction", "s3:GetObject", mail(p, "inbound/a"), plain)],
  [
    "the email consumer reads mail without TLS",
    (p) => p.by("EmailConsumer", "s3:GetObject", mail(p, "inbound/a"), plain),
  ],
  [
    "the mail topic sends without TLS",
    (p) =>
      p.service("sns", p.topic("MailTopic"), "sqs:SendMessage", p.queue("EmailQueue"), { context: plain }),
  ],
  [
    "S3 publishes without TLS",
    (p) => p.service("s3", p.bucket("MailBucket"), "sns:Publish", p.topic("MailTopic"), { context: plain }),
  ],
];

const groups: Record<string, Denied[]> = {
  objects,
  queues,
  "schedules and roles": schedules,
  "sending mail": sending,
  "the CDN": cdn,
  "secrets, database, sockets, people": others,
  "services for others than ours": resources,
  strangers,
  "without TLS": unencrypted,
};

/** Nobody at all, since nothing that the functions do needs it. */
const forNobody = (p: Policies): [action: string, resource: string][] => [
  ["iam:CreateRole", "arn:aws:iam::123456789012:role/a"],
  ["iam:PutRolePolicy", p.role("ApiFunction")],
  ["iam:UpdateAssumeRolePolicy", p.role("SchedulerRole")],
  ["iam:CreateAccessKey", "arn:aws:iam::123456789012:user/a"],
  ["iam:PassRole", p.role("Migrator")],
  ["lambda:UpdateFunctionCode", p.fn("ApiFunction")],
  ["lambda:GetFunction", p.fn("ApiFunction")],
  ["lambda:InvokeFunction", p.fn("Migrator")],
  ["lambda:PublishLayerVersion", "arn:aws:lambda:ca-central-1:123456789012:layer:a"],
  ["sqs:SetQueueAttributes", p.queue("EmailQueue")],
  ["sqs:DeleteQueue", p.queue("JobsQueue")],
  ["sqs:PurgeQueue", p.queue("JobsQueue")],
  ["sns:Publish", p.topic("MailTopic")],
  ["sns:Subscribe", p.topic("MailTopic")],
  ["s3:PutBucketPolicy", p.bucket("HomeBucket")],
  ["s3:DeleteBucket", p.bucket("MailBucket")],
  ["s3:PutLifecycleConfiguration", p.bucket("MailBucket")],
  ["s3:DeleteObject", mail(p, "inbound/a")],
  ["secretsmanager:PutSecretValue", p.secret("AuroraProxySecret")],
  ["secretsmanager:DeleteSecret", p.secret("AuroraProxySecret")],
  ["rds-db:connect", p.databaseUser("frontdesk_master")],
  ["rds:DeleteDBCluster", "arn:aws:rds:ca-central-1:123456789012:cluster:a"],
  ["ec2:RunInstances", "arn:aws:ec2:ca-central-1:123456789012:instance/*"],
  ["ec2:AuthorizeSecurityGroupIngress", "arn:aws:ec2:ca-central-1:123456789012:security-group/sg-1"],
  ["cognito-idp:AdminSetUserPassword", "arn:aws:cognito-idp:ca-central-1:123456789012:userpool/a"],
  ["ses:DeleteIdentity", "*"],
  ["scheduler:ListSchedules", "*"],
];

describe.each(stages)("stage %s", (stage: Stage) => {
  let policies: Policies;
  beforeAll(async () => {
    policies = await policiesOf(stage);
  });

  for (const [group, cases] of Object.entries(groups))
    test.each(cases)(`${group}: %s`, (_, request) => {
      const decision = policies.decide(request(policies));
      expect(decision.allowed, JSON.stringify(decision.statements)).toBe(false);
      if (group === "without TLS") expect(decision.outcome).toBe("explicitDeny");
    });

  test("nobody may change code, rights, queues, buckets, secrets, users or networks", () => {
    for (const name of Object.keys(policies.graph.functions))
      for (const [action, resource] of forNobody(policies)) {
        const { allowed } = policies.decide(policies.by(name, action, resource));
        expect(allowed, `${name} ${action} on ${resource}`).toBe(false);
      }
  });

  test("the jobs consumer alone sends mail, deletes objects, makes schedules and passes a role", () => {
    const { by, decide, schedules: group, role, identity, address, templates } = policies;
    const alone: [string, string, AuthorisationRequest["context"]?][] = [
      ...["claims/a", "media/a", "private/a", "tmp/uploads/a"].map((key): [string, string] => [
        "s3:DeleteObject",
        home(policies, key),
      ]),
      ["ses:SendEmail", identity, as(address)],
      ["ses:SendRawEmail", identity, as(address)],
      ["ses:SendBulkEmail", identity],
      ["ses:CreateEmailTemplate", `${templates}welcome`],
      ["ses:PutSuppressedDestination", "*", { "aws:RequestedRegion": "ca-central-1" }],
      ["scheduler:CreateSchedule", `${group}/a`],
      ["scheduler:DeleteSchedule", `${group}/a`],
      ["iam:PassRole", role("SchedulerRole"), passedTo("scheduler")],
    ];
    for (const [action, resource, context] of alone)
      expect(
        Object.keys(policies.graph.functions).filter(
          (name) => decide(by(name, action, resource, context)).allowed,
        ),
        `${action} on ${resource}`,
      ).toEqual(["JobsConsumer"]);
  });

  test("a request is denied without TLS that is allowed with it", () => {
    for (const [name, request] of unencrypted) {
      const asked = request(policies);
      const { "aws:SecureTransport": _, ...context } = asked.context ?? {};
      expect(policies.decide({ ...asked, context }).allowed, name).toBe(true);
    }
  });
});
