/** What must be allowed: everything that functions and services are there for. */
import type { AuthorisationRequest } from "@frontdesk/local";
import { beforeAll, describe, expect, test } from "vitest";
import { type Stage, stages } from "../support/graphs.ts";
import { type Policies, policiesOf } from "./policies.ts";

type Allowed = [who: string, calls: (p: Policies) => [action: string, resource: string, context?: Context][]];
type Context = AuthorisationRequest["context"];

const post = (p: Policies): [string, string][] => [
  ["execute-api:ManageConnections", `${p.sockets}/POST/@connections/abc=`],
  ["execute-api:ManageConnections", `${p.sockets}/GET/@connections/abc=`],
];
const take = (p: Policies, name: string): [string, string][] =>
  ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"].map((action) => [`sqs:${action}`, p.queue(name)]);
const object = (p: Policies, bucket: string, key: string) => `${p.bucket(bucket)}/${key}`;
const names = ["Email", "Jobs", "Image", "MailEvents"];

const roles: Allowed[] = [
  [
    "ApiFunction",
    (p) => [
      ["rds-db:connect", p.databaseUser("frontdesk_app")],
      ["secretsmanager:GetSecretValue", p.secret("RedisProxySecret")],
      ["secretsmanager:GetSecretValue", p.secret("CdnSigningKeys")],
      ["s3:GetObject", object(p, "MailBucket", "inbound/abc")],
      ["s3:PutObject", object(p, "HomeBucket", "tmp/uploads/a.jpg")],
      ["s3:PutObject", object(p, "HomeBucket", "claims/a")],
      ...names.flatMap((name): [string, string][] => [
        ["sqs:SendMessage", p.queue(`${name}Queue`)],
        ["sqs:GetQueueAttributes", p.queue(`${name}Queue`)],
        ["sqs:GetQueueAttributes", p.queue(`${name}DeadLetterQueue`)],
        ["sqs:ReceiveMessage", p.queue(`${name}DeadLetterQueue`)],
        ["sqs:DeleteMessage", p.queue(`${name}DeadLetterQueue`)],
        ["sqs:StartMessageMoveTask", p.queue(`${name}DeadLetterQueue`)],
      ]),
      ...post(p),
    ],
  ],
  [
    "EmailConsumer",
    (p) => [
      ...take(p, "EmailQueue"),
      ["rds-db:connect", p.databaseUser("frontdesk_app")],
      ["s3:GetObject", object(p, "MailBucket", "inbound/abc")],
      ["s3:ListBucket", p.bucket("MailBucket")],
      ["s3:PutObjectTagging", object(p, "MailBucket", "inbound/abc")],
      ["s3:PutObject", object(p, "HomeBucket", "attachments/att_1")],
      ["sqs:SendMessage", p.queue("ImageQueue")],
      ...post(p),
    ],
  ],
  [
    "JobsConsumer",
    (p) => [
      ...take(p, "JobsQueue"),
      ["sqs:ChangeMessageVisibility", p.queue("JobsQueue")],
      ["sqs:SendMessage", p.queue("JobsQueue")],
      ["sqs:SendMessage", p.queue("JobsDeadLetterQueue")],
      ["rds-db:connect", p.databaseUser("frontdesk_app")],
      ["s3:GetObject", object(p, "HomeBucket", "claims/a")],
      ["s3:PutObject", object(p, "HomeBucket", "claims/a")],
      ["s3:DeleteObject", object(p, "HomeBucket", "claims/a")],
      ["s3:DeleteObject", object(p, "HomeBucket", "media/a")],
      ["s3:DeleteObject", object(p, "HomeBucket", "tmp/uploads/med_1")],
      ["s3:ListBucket", p.bucket("HomeBucket"), { "s3:prefix": "private/" }],
      ["ses:SendEmail", p.identity, { "ses:FromAddress": p.address }],
      ["ses:SendRawEmail", p.configurationSet, { "ses:FromAddress": p.address }],
      ["ses:SendBulkEmail", `${p.templates}welcome`],
      ["ses:UpdateEmailTemplate", `${p.templates}welcome`],
      ["ses:PutSuppressedDestination", "*", { "aws:RequestedRegion": "ca-central-1" }],
      ["cloudfront:CreateInvalidation", p.distribution],
      ["scheduler:CreateSchedule", `${p.schedules}/reminder`],
      ["scheduler:DeleteSchedule", `${p.schedules}/reminder`],
      ["iam:PassRole", p.role("SchedulerRole"), { "iam:PassedToService": "scheduler.amazonaws.com" }],
      ...post(p),
    ],
  ],
  [
    "ImageConsumer",
    (p) => [
      ...take(p, "ImageQueue"),
      ["sqs:ChangeMessageVisibility", p.queue("ImageQueue")],
      ["rds-db:connect", p.databaseUser("frontdesk_app")],
      ["s3:GetObject", object(p, "HomeBucket", "tmp/uploads/a.jpg")],
      ["s3:GetObject", object(p, "HomeBucket", "attachments/msg_1/att_1")],
      ["s3:PutObject", object(p, "HomeBucket", "media/a/640.webp")],
      ["s3:PutObject", object(p, "HomeBucket", "private/a/640.webp")],
      ["sqs:SendMessage", p.queue("JobsQueue")],
      ...post(p),
    ],
  ],
  [
    "MailEventsConsumer",
    (p) => [
      ...take(p, "MailEventsQueue"),
      ["sqs:ChangeMessageVisibility", p.queue("MailEventsQueue")],
      ["sqs:SendMessage", p.queue("JobsQueue")],
      ["rds-db:connect", p.databaseUser("frontdesk_app")],
      ...post(p),
    ],
  ],
  [
    "OutboxSweep",
    (p) => [
      ["sqs:SendMessage", p.queue("EmailQueue")],
      ["sqs:SendMessage", p.queue("JobsQueue")],
      ["sqs:SendMessage", p.queue("JobsDeadLetterQueue")],
      ["sqs:SendMessage", p.queue("ImageQueue")],
      ["s3:ListBucket", p.bucket("MailBucket"), { "s3:prefix": "inbound/" }],
      ["s3:PutObjectTagging", object(p, "MailBucket", "inbound/abc")],
      ["rds-db:connect", p.databaseUser("frontdesk_app")],
      ...post(p),
    ],
  ],
  [
    "Migrator",
    (p) => [
      ["rds-db:connect", p.databaseUser("frontdesk_migrator")],
      ["secretsmanager:GetSecretValue", p.secret("AuroraProxySecret")],
    ],
  ],
  ["RealtimeAuthorizer", (p) => [["rds-db:connect", p.databaseUser("frontdesk_app")]]],
  ["RealtimeConnect", (p) => [["rds-db:connect", p.databaseUser("frontdesk_app")]]],
  ["RealtimeDisconnect", (p) => [["rds-db:connect", p.databaseUser("frontdesk_app")]]],
  ["RealtimeDefault", (p) => [["secretsmanager:GetSecretValue", p.secret("RedisProxySecret")], ...post(p)]],
  [
    "SchedulerRole",
    (p) => [
      ["sqs:SendMessage", p.queue("JobsQueue")],
      ["sqs:SendMessage", p.queue("JobsDeadLetterQueue")],
    ],
  ],
];

const services: [name: string, request: (p: Policies) => AuthorisationRequest][] = [
  [
    "the mail topic sends to the email queue",
    (p) => p.service("sns", p.topic("MailTopic"), "sqs:SendMessage", p.queue("EmailQueue")),
  ],
  [
    "SES publishes what became of our mail",
    (p) => p.service("ses", p.configurationSet, "sns:Publish", p.topic("MailEvents")),
  ],
  [
    "which its topic sends to its queue",
    (p) => p.service("sns", p.topic("MailEvents"), "sqs:SendMessage", p.queue("MailEventsQueue")),
  ],
  [
    "CloudFront reads a picture",
    (p) => p.service("cloudfront", p.distribution, "s3:GetObject", object(p, "HomeBucket", "private/a")),
  ],
  [
    "CloudFront reads an attachment",
    (p) => p.service("cloudfront", p.distribution, "s3:GetObject", object(p, "HomeBucket", "attachments/a")),
  ],
  [
    "the home bucket tells the image queue",
    (p) => p.service("s3", p.bucket("HomeBucket"), "sqs:SendMessage", p.queue("ImageQueue")),
  ],
  [
    "the mail bucket publishes to the mail topic",
    (p) => p.service("s3", p.bucket("MailBucket"), "sns:Publish", p.topic("MailTopic")),
  ],
  [
    "schedules of the group take their role",
    (p) => p.service("scheduler", p.scheduleGroup, "sts:AssumeRole", p.role("SchedulerRole")),
  ],
  [
    "Lambda takes a function's role for it",
    (p) => p.service("lambda", p.fn("ApiFunction"), "sts:AssumeRole", p.role("ApiFunction")),
  ],
  [
    "the gateway calls the API's function",
    (p) => p.service("apigateway", `${p.api}/$default/GET/me`, "lambda:InvokeFunction", p.fn("ApiFunction")),
  ],
];

describe.each(stages)("stage %s", (stage: Stage) => {
  let policies: Policies;
  beforeAll(async () => {
    policies = await policiesOf(stage);
  });

  test.each(roles)("%s may do what it is there for", (role, calls) => {
    for (const [action, resource, context] of calls(policies)) {
      const { allowed, nearMisses } = policies.decide(policies.by(role, action, resource, context));
      expect(allowed, `${action} on ${resource}: ${nearMisses.join("; ")}`).toBe(true);
    }
  });

  test("no function is left out of these, but the triggers of the user pool, which ask nobody anything", () => {
    const named = [...roles.map(([name]) => name), "AuthPreSignUp", "AuthPreTokenGeneration"];
    expect(Object.keys(policies.graph.functions).filter((name) => !named.includes(name))).toEqual([]);
  });

  test.each(services)("%s", (_, request) => {
    const { allowed, nearMisses } = policies.decide(request(policies));
    expect(allowed, nearMisses.join("; ")).toBe(true);
  });
});
