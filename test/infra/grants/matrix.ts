/** Who may do what in a stage, in whole: a sentence more, less or wider fails. */
import type { Graph, Plan } from "@frontdesk/local";
import { inWords, sentencesOf } from "../../../scripts/grants/read.ts";
import { permanentStages, type Stage } from "../support/graphs.ts";
import { platformMatrix, tlsOnly } from "./matrix-platform.ts";

/** Sentences by who or what carries them. */
export type Matrix = Record<string, string[]>;

export function matrixOf(graph: Graph, plan?: Plan): Matrix {
  const matrix: Matrix = {};
  for (const sentence of sentencesOf(graph, plan)) {
    const sentences = matrix[sentence.holder] ?? [];
    matrix[sentence.holder] = [...new Set([...sentences, inWords(sentence)])].toSorted();
  }
  return matrix;
}

/** What every function has, and its own. */
function outside(name: string, own: string[]): string[] {
  return [
    `lambda.amazonaws.com may sts:AssumeRole if aws:SourceAccount StringEqualsIfExists <account> and aws:SourceArn ArnEqualsIfExists ${name}`,
    `may logs:CreateLogStream logs:PutLogEvents on ${name}Log:*`,
    ...own,
  ].toSorted();
}

/** One in the VPC. */
function fn(name: string, own: string[]): string[] {
  return outside(name, [
    // Lambda makes the interfaces in the VPC as the function; AWS knows no narrower resource.
    "may ec2:AssignPrivateIpAddresses ec2:CreateNetworkInterface ec2:DeleteNetworkInterface ec2:DescribeNetworkInterfaces ec2:DescribeSubnets ec2:UnassignPrivateIpAddresses on *",
    ...own,
  ]);
}

/** A trigger of the user pool: it asks nobody anything. */
const trigger = (name: string) =>
  outside(name, [
    `cognito-idp.amazonaws.com may lambda:InvokeFunction on ${name} if aws:SourceArn ArnLike UsersUserPool`,
  ]);

const push = "may execute-api:ManageConnections on Realtime/GET/@connections/*, Realtime/POST/@connections/*";

/** Identities that a stage's mail goes out with, and addresses that it comes from. */
function sending(stage: Stage) {
  const owns = stage === "local" || stage === "production";
  const mailDomain = owns ? "in.frontdesk.example" : `${stage}.in.frontdesk.example`;
  const domains = [mailDomain, "in.frontdesk.example", "frontdesk.example"];
  const boxes = ["jobs", "payroll", "hello"].map(
    (name) => `${name}@${owns ? "frontdesk.example" : mailDomain}`,
  );
  return {
    identities: owns
      ? ["MailDomainSendingIdentity", "WorkspaceDomainSendingIdentity"]
      : domains.map((domain) => `ses:ca-central-1:identity/${domain}`),
    from: [...boxes, `support@${mailDomain}`, `no-reply@${mailDomain}`].toSorted().join(" or "),
  };
}

export function expectedMatrix(stage: Stage): Matrix {
  const { identities, from } = sending(stage);
  const listed = (...more: string[]) => [...identities, "OutboundMail", ...more].toSorted().join(", ");
  const templates = "ses:ca-central-1:template/frontdesk-<stage>-*";
  const permanent = permanentStages.includes(stage);
  const database = permanent ? "DatabaseProxy" : "AuroraCluster";
  const app = `may rds-db:connect on ${database}:user/frontdesk_app`;
  return {
    ApiFunction: fn("ApiFunction", [
      "apigateway.amazonaws.com may lambda:InvokeFunction on ApiFunction if aws:SourceArn ArnLike Api/*",
      push,
      app,
      "may s3:GetObject on MailBucket/inbound/*",
      "may s3:PutObject on HomeBucket/claims/*",
      "may s3:PutObject on HomeBucket/tmp/uploads/*",
      "may secretsmanager:GetSecretValue on RedisProxySecret",
      "may secretsmanager:GetSecretValue on CdnSigningKeys",
      "may sqs:CancelMessageMoveTask sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:ListMessageMoveTasks sqs:ReceiveMessage sqs:StartMessageMoveTask on EmailDeadLetterQueue, ImageDeadLetterQueue, JobsDeadLetterQueue, MailEventsDeadLetterQueue",
      "may sqs:GetQueueAttributes on EmailDeadLetterQueue, EmailQueue, ImageDeadLetterQueue, ImageQueue, JobsDeadLetterQueue, JobsQueue, MailEventsDeadLetterQueue, MailEventsQueue",
      "may sqs:SendMessage on EmailQueue, ImageQueue, JobsQueue, MailEventsQueue",
    ]),
    AuthPreSignUp: trigger("AuthPreSignUp"),
    AuthPreTokenGeneration: trigger("AuthPreTokenGeneration"),
    EmailConsumer: fn("EmailConsumer", [
      push,
      app,
      "may s3:GetObject on MailBucket/inbound/*",
      "may s3:ListBucket on MailBucket",
      "may s3:PutObject on HomeBucket/attachments/*",
      "may s3:PutObjectTagging on MailBucket/inbound/*",
      "may sqs:ChangeMessageVisibility on EmailQueue",
      "may sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage on EmailQueue",
      "may sqs:SendMessage on ImageQueue",
    ]),
    EmailDeadLetterQueue: tlsOnly("EmailDeadLetterQueue", "sqs:*", []),
    EmailQueue: tlsOnly("EmailQueue", "sqs:*", [
      "sns.amazonaws.com may sqs:SendMessage on EmailQueue if aws:SourceArn ArnEquals MailTopic",
    ]),
    ImageConsumer: fn("ImageConsumer", [
      push,
      app,
      "may s3:GetObject on HomeBucket/attachments/*",
      "may s3:GetObject on HomeBucket/tmp/uploads/*",
      "may s3:PutObject on HomeBucket/media/*",
      "may s3:PutObject on HomeBucket/private/*",
      "may sqs:ChangeMessageVisibility on ImageQueue",
      "may sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage on ImageQueue",
      "may sqs:SendMessage on JobsQueue",
    ]),
    ImageDeadLetterQueue: tlsOnly("ImageDeadLetterQueue", "sqs:*", []),
    ImageQueue: tlsOnly("ImageQueue", "sqs:*", [
      "s3.amazonaws.com may sqs:SendMessage on ImageQueue if aws:SourceAccount StringEquals <account> and aws:SourceArn ArnEquals HomeBucket",
    ]),
    JobsConsumer: fn("JobsConsumer", [
      push,
      "may cloudfront:CreateInvalidation on DistributionDistribution",
      `may ses:SendEmail ses:SendRawEmail on ${listed()} if ses:FromAddress StringEquals ${from}`,
      `may ses:SendBulkEmail on ${listed(templates)}`,
      `may ses:CreateEmailTemplate ses:DeleteEmailTemplate ses:GetEmailTemplate ses:UpdateEmailTemplate on ${templates}`,
      "may ses:DeleteSuppressedDestination ses:GetSuppressedDestination ses:ListSuppressedDestinations ses:PutSuppressedDestination on * if aws:RequestedRegion StringEquals ca-central-1",
      "may iam:PassRole on SchedulerRole if iam:PassedToService StringEquals scheduler.amazonaws.com",
      app,
      "may s3:DeleteObject on HomeBucket/claims/*",
      "may s3:DeleteObject on HomeBucket/media/*",
      "may s3:DeleteObject on HomeBucket/private/*",
      "may s3:DeleteObject on HomeBucket/tmp/uploads/*",
      "may s3:GetObject on HomeBucket/attachments/*",
      "may s3:GetObject on HomeBucket/claims/*",
      "may s3:ListBucket on HomeBucket if s3:prefix StringLike claims/* or media/* or private/* or tmp/uploads/*",
      "may s3:PutObject on HomeBucket/claims/*",
      "may scheduler:CreateSchedule scheduler:DeleteSchedule scheduler:GetSchedule scheduler:UpdateSchedule on ScheduleGroup:schedule/*",
      "may sqs:ChangeMessageVisibility on JobsQueue",
      "may sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage on JobsQueue",
      "may sqs:SendMessage on JobsDeadLetterQueue, JobsQueue",
    ]),
    JobsDeadLetterQueue: tlsOnly("JobsDeadLetterQueue", "sqs:*", []),
    JobsQueue: tlsOnly("JobsQueue", "sqs:*", []),
    MailEvents: tlsOnly("MailEvents", "sns:Publish", [
      "ses.amazonaws.com may sns:Publish on MailEvents if aws:SourceAccount StringEquals <account> and aws:SourceArn ArnEquals OutboundMail",
    ]),
    MailEventsConsumer: fn("MailEventsConsumer", [
      push,
      app,
      "may sqs:ChangeMessageVisibility on MailEventsQueue",
      "may sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage on MailEventsQueue",
      "may sqs:SendMessage on JobsQueue",
    ]),
    MailEventsDeadLetterQueue: tlsOnly("MailEventsDeadLetterQueue", "sqs:*", [
      "sns.amazonaws.com may sqs:SendMessage on MailEventsDeadLetterQueue if aws:SourceArn ArnEquals MailEvents",
    ]),
    MailEventsQueue: tlsOnly("MailEventsQueue", "sqs:*", [
      "sns.amazonaws.com may sqs:SendMessage on MailEventsQueue if aws:SourceArn ArnEquals MailEvents",
    ]),
    MailSubscriptionDeadLetterQueue: tlsOnly("MailSubscriptionDeadLetterQueue", "sqs:*", [
      "sns.amazonaws.com may sqs:SendMessage on MailSubscriptionDeadLetterQueue if aws:SourceArn ArnEquals MailTopic",
    ]),
    Migrator: fn("Migrator", [
      `may rds-db:connect on ${database}:user/frontdesk_migrator`,
      "may secretsmanager:GetSecretValue on AuroraProxySecret",
      ...(permanent
        ? ["DatabaseAppSecret", "DatabaseMigratorSecret"].map(
            (secret) => `may secretsmanager:GetSecretValue on ${secret}`,
          )
        : []),
    ]),
    OutboxSweep: fn("OutboxSweep", [
      "events.amazonaws.com may lambda:InvokeFunction on OutboxSweep if aws:SourceArn ArnLike OutboxSweepScheduleRule",
      push,
      app,
      "may s3:ListBucket on MailBucket if s3:prefix StringLike inbound/*",
      "may s3:PutObjectTagging on MailBucket/inbound/*",
      "may sqs:SendMessage on EmailQueue, ImageQueue, JobsDeadLetterQueue, JobsQueue",
    ]),
    RealtimeAuthorizer: fn("RealtimeAuthorizer", [
      "apigateway.amazonaws.com may lambda:InvokeFunction on RealtimeAuthorizer if aws:SourceArn ArnLike Realtime/authorizers/RealtimeAuthorizerTicketAuthorizer",
      app,
    ]),
    RealtimeConnect: fn("RealtimeConnect", [
      "apigateway.amazonaws.com may lambda:InvokeFunction on RealtimeConnect if aws:SourceArn ArnLike Realtime/*",
      app,
    ]),
    RealtimeDefault: fn("RealtimeDefault", [
      "apigateway.amazonaws.com may lambda:InvokeFunction on RealtimeDefault if aws:SourceArn ArnLike Realtime/*",
      push,
      app,
      "may secretsmanager:GetSecretValue on RedisProxySecret",
    ]),
    RealtimeDisconnect: fn("RealtimeDisconnect", [
      "apigateway.amazonaws.com may lambda:InvokeFunction on RealtimeDisconnect if aws:SourceArn ArnLike Realtime/*",
      app,
    ]),
    SchedulerRole: [
      "may sqs:SendMessage on JobsDeadLetterQueue, JobsQueue",
      "scheduler.amazonaws.com may sts:AssumeRole if aws:SourceAccount StringEquals <account> and aws:SourceArn ArnEquals ScheduleGroup",
    ],
    ...platformMatrix(permanent),
  };
}
