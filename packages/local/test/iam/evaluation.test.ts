import { describe, expect, test } from "vitest";
import {
  account,
  allow,
  type Case,
  deny,
  other,
  outcome,
  queue,
  request,
  roleArn,
  service,
  sessionArn,
  to,
} from "./support.ts";

type Row = [guarantee: string, expected: ReturnType<typeof outcome>, given: Case];
const send = request("sqs:SendMessage", queue);
const foreignQueue = `arn:aws:sqs:eu-west-1:${other}:orders`;
const foreignRole = { kind: "role", roleArn: `arn:aws:iam::${other}:role/caller`, sessionName: "s" } as const;
const bucket = "arn:aws:s3:::mail";

const precedence: Row[] = [
  ["nothing granted is denied", "implicitDeny", { request: send }],
  ["an identity policy allows", "allow", { identity: [allow("sqs:SendMessage", queue)], request: send }],
  [
    "an explicit deny beats an allow in the same policy",
    "explicitDeny",
    { identity: [allow("*", "*"), deny("sqs:SendMessage", queue)], request: send },
  ],
  [
    "the order of statements does not matter",
    "explicitDeny",
    { identity: [deny("sqs:*", "*"), allow("sqs:SendMessage", queue)], request: send },
  ],
  [
    "a deny in the resource's policy beats an identity allow",
    "explicitDeny",
    { identity: [allow("*", "*")], resource: [deny("sqs:SendMessage", queue, to("*"))], request: send },
  ],
  [
    "an identity deny beats a resource allow",
    "explicitDeny",
    {
      identity: [deny("sqs:SendMessage", "*")],
      resource: [allow("sqs:SendMessage", queue, to({ AWS: roleArn }))],
      request: send,
    },
  ],
  [
    "a deny for another principal does not apply",
    "allow",
    { identity: [allow("*", "*")], resource: [deny("*", queue, to({ AWS: `${roleArn}2` }))], request: send },
  ],
  [
    "a deny that names the account applies to its roles",
    "explicitDeny",
    { identity: [allow("*", "*")], resource: [deny("*", queue, to({ AWS: account }))], request: send },
  ],
  [
    "a deny whose condition is not met does not apply",
    "allow",
    {
      identity: [
        allow("*", "*"),
        deny("*", "*", { Condition: { Bool: { "aws:SecureTransport": "false" } } }),
      ],
      request: send,
    },
  ],
];

const matching: Row[] = [
  ["actions ignore case", "allow", { identity: [allow("SQS:sendmessage", queue)], request: send }],
  ["an action wildcard matches", "allow", { identity: [allow("sqs:Send*", queue)], request: send }],
  [
    "an action wildcard does not reach another verb",
    "implicitDeny",
    { identity: [allow("sqs:Receive*", queue)], request: send },
  ],
  [
    "? is exactly one character in an action",
    "allow",
    { identity: [allow("sqs:SendMessag?", queue)], request: send },
  ],
  ["? is not none", "implicitDeny", { identity: [allow("sqs:SendMessage?", queue)], request: send }],
  [
    "sqs:SendMessage does not grant its batch form by prefix",
    "implicitDeny",
    { identity: [allow("sqs:SendMessage", queue)], request: request("sqs:SendMessageBatch", queue) },
  ],
  [
    "s3:* does not reach s3-object-lambda",
    "implicitDeny",
    { identity: [allow("s3:*", "*")], request: request("s3-object-lambda:GetObject", "*") },
  ],
  [
    "one action of a list is enough",
    "allow",
    { identity: [allow(["sqs:ReceiveMessage", "sqs:SendMessage"], queue)], request: send },
  ],
  [
    "resources respect case",
    "implicitDeny",
    { identity: [allow("sqs:SendMessage", queue.replace("orders", "Orders"))], request: send },
  ],
  [
    "a longer name is another queue",
    "implicitDeny",
    { identity: [allow("sqs:SendMessage", queue)], request: request("sqs:SendMessage", `${queue}-dlq`) },
  ],
  [
    "a trailing wildcard covers the longer name too",
    "allow",
    {
      identity: [allow("sqs:SendMessage", `${queue}*`)],
      request: request("sqs:SendMessage", `${queue}-dlq`),
    },
  ],
  [
    "a region wildcard covers regions",
    "allow",
    { identity: [allow("sqs:*", `arn:aws:sqs:*:${account}:orders`)], request: send },
  ],
  [
    "a region wildcard does not swallow the account",
    "implicitDeny",
    { identity: [allow("sqs:*", "arn:aws:sqs:*:orders")], request: send },
  ],
  [
    "another region is another queue",
    "implicitDeny",
    { identity: [allow("sqs:*", queue.replace("eu-west-1", "us-east-1"))], request: send },
  ],
  [
    "a shortened ARN ending in * covers the rest",
    "allow",
    { identity: [allow("sqs:*", "arn:aws:sqs:*")], request: send },
  ],
  [
    "a wildcard in the resource part crosses slashes",
    "allow",
    {
      identity: [allow("s3:GetObject", `${bucket}/a/*/z`)],
      request: request("s3:GetObject", `${bucket}/a/b/c/z`),
    },
  ],
  [
    "a wildcard in the resource part crosses colons",
    "allow",
    {
      identity: [allow("logs:PutLogEvents", `arn:aws:logs:*:*:log-group:/aws/lambda/*:*`)],
      request: request(
        "logs:PutLogEvents",
        `arn:aws:logs:eu-west-1:${account}:log-group:/aws/lambda/f:log-stream:2024/[1]a`,
      ),
    },
  ],
  [
    "objects are not covered by their bucket's ARN",
    "implicitDeny",
    { identity: [allow("s3:*", bucket)], request: request("s3:GetObject", `${bucket}/key`) },
  ],
  [
    "the bucket is not covered by its objects' ARN",
    "implicitDeny",
    { identity: [allow("s3:*", `${bucket}/*`)], request: request("s3:ListBucket", bucket) },
  ],
  [
    "bucket* covers a bucket of a longer name, as on AWS",
    "allow",
    {
      identity: [allow("s3:GetObject", `${bucket}*`)],
      request: request("s3:GetObject", "arn:aws:s3:::mail-archive/key"),
    },
  ],
  [
    "a * in the object's key is text",
    "implicitDeny",
    { identity: [allow("s3:GetObject", `${bucket}/abc`)], request: request("s3:GetObject", `${bucket}/*`) },
  ],
  [
    "an action without a resource needs *",
    "implicitDeny",
    { identity: [allow("sqs:ListQueues", "arn:aws:sqs:*:*:*")], request: request("sqs:ListQueues", "*") },
  ],
  [
    "an action without a resource is allowed on *",
    "allow",
    { identity: [allow("sqs:ListQueues", "*")], request: request("sqs:ListQueues", "*") },
  ],
  [
    "NotAction allows what it does not list",
    "allow",
    { identity: [{ Effect: "Allow", NotAction: "iam:*", Resource: "*" }], request: send },
  ],
  [
    "NotAction leaves out what it lists",
    "implicitDeny",
    { identity: [{ Effect: "Allow", NotAction: "sqs:*", Resource: "*" }], request: send },
  ],
  [
    "a deny with NotAction spares only what it lists",
    "explicitDeny",
    { identity: [allow("*", "*"), { Effect: "Deny", NotAction: "s3:*", Resource: "*" }], request: send },
  ],
  [
    "NotResource leaves out what it lists",
    "implicitDeny",
    { identity: [{ Effect: "Allow", Action: "sqs:*", NotResource: queue }], request: send },
  ],
  [
    "NotResource allows the others",
    "allow",
    { identity: [{ Effect: "Allow", Action: "sqs:*", NotResource: `${queue}-dlq` }], request: send },
  ],
  [
    "a deny with NotResource spares only what it lists",
    "allow",
    { identity: [allow("*", "*"), { Effect: "Deny", Action: "*", NotResource: queue }], request: send },
  ],
];

const principals: Row[] = [
  [
    "in one account the resource's policy alone lets a role in",
    "allow",
    { resource: [allow("sqs:SendMessage", queue, to({ AWS: roleArn }))], request: send },
  ],
  [
    "the session's own ARN names it",
    "allow",
    { resource: [allow("sqs:SendMessage", queue, to({ AWS: sessionArn }))], request: send },
  ],
  [
    "another session of the role is not meant",
    "implicitDeny",
    { resource: [allow("sqs:SendMessage", queue, to({ AWS: `${sessionArn}x` }))], request: send },
  ],
  [
    "everybody includes the role",
    "allow",
    { resource: [allow("sqs:SendMessage", queue, to("*"))], request: send },
  ],
  [
    "naming the account leaves the decision to the role's policies",
    "implicitDeny",
    {
      resource: [allow("sqs:SendMessage", queue, to({ AWS: `arn:aws:iam::${account}:root` }))],
      request: send,
    },
  ],
  [
    "part of a principal's ARN cannot be a wildcard",
    "implicitDeny",
    { resource: [allow("sqs:*", queue, to({ AWS: `arn:aws:iam::${account}:role/*` }))], request: send },
  ],
  [
    "a service is let in by name",
    "allow",
    {
      resource: [allow("sqs:SendMessage", queue, to({ Service: "sns.amazonaws.com" }))],
      request: { ...send, principal: service("sns.amazonaws.com") },
    },
  ],
  [
    "another service is not",
    "implicitDeny",
    {
      resource: [allow("sqs:SendMessage", queue, to({ Service: "sns.amazonaws.com" }))],
      request: { ...send, principal: service("s3.amazonaws.com") },
    },
  ],
  [
    "a service has no identity policies",
    "implicitDeny",
    { identity: [allow("*", "*")], request: { ...send, principal: service("sns.amazonaws.com") } },
  ],
  [
    "a role is not a service",
    "implicitDeny",
    { resource: [allow("sqs:SendMessage", queue, to({ Service: "lambda.amazonaws.com" }))], request: send },
  ],
  [
    "everybody includes services, as topic policies for S3 rely on",
    "allow",
    {
      resource: [allow("sqs:SendMessage", queue, to({ AWS: "*" }))],
      request: { ...send, principal: service("s3.amazonaws.com") },
    },
  ],
  [
    "the anonymous get in by a policy for everybody",
    "allow",
    {
      resource: [allow("s3:GetObject", `${bucket}/*`, to("*"))],
      request: request("s3:GetObject", `${bucket}/a`, { principal: { kind: "anonymous" } }),
    },
  ],
  [
    "the anonymous are no member of the account",
    "implicitDeny",
    {
      resource: [allow("s3:GetObject", `${bucket}/*`, to({ AWS: account }))],
      request: request("s3:GetObject", `${bucket}/a`, { principal: { kind: "anonymous" } }),
    },
  ],
  [
    "the anonymous have no identity policies",
    "implicitDeny",
    {
      identity: [allow("*", "*")],
      request: request("s3:GetObject", `${bucket}/a`, { principal: { kind: "anonymous" } }),
    },
  ],
  [
    "NotPrincipal denies whom it does not list",
    "explicitDeny",
    {
      identity: [allow("*", "*")],
      resource: [{ Effect: "Deny", NotPrincipal: { AWS: `${roleArn}2` }, Action: "*", Resource: queue }],
      request: send,
    },
  ],
  [
    "NotPrincipal with the role alone still denies its session",
    "explicitDeny",
    {
      identity: [allow("*", "*")],
      resource: [{ Effect: "Deny", NotPrincipal: { AWS: roleArn }, Action: "*", Resource: queue }],
      request: send,
    },
  ],
  [
    "NotPrincipal with account, role and session spares it",
    "allow",
    {
      identity: [allow("*", "*")],
      resource: [
        {
          Effect: "Deny",
          NotPrincipal: { AWS: [account, roleArn, sessionArn] },
          Action: "*",
          Resource: queue,
        },
      ],
      request: send,
    },
  ],
  [
    "NotPrincipal spares a service that it lists",
    "allow",
    {
      resource: [
        allow("sqs:*", queue, to("*")),
        { Effect: "Deny", NotPrincipal: { Service: "sns.amazonaws.com" }, Action: "*", Resource: queue },
      ],
      request: { ...send, principal: service("sns.amazonaws.com") },
    },
  ],
  [
    "an allow with NotPrincipal leaves out whom it lists",
    "implicitDeny",
    {
      resource: [{ Effect: "Allow", NotPrincipal: { AWS: roleArn }, Action: "*", Resource: queue }],
      request: send,
    },
  ],
];

const crossAccount: Row[] = [
  [
    "across accounts the identity policy alone is not enough",
    "implicitDeny",
    { identity: [allow("sqs:*", "*")], request: request("sqs:SendMessage", foreignQueue) },
  ],
  [
    "across accounts the resource's policy alone is not enough",
    "implicitDeny",
    {
      resource: [allow("sqs:*", foreignQueue, to({ AWS: roleArn }))],
      request: request("sqs:SendMessage", foreignQueue),
    },
  ],
  [
    "across accounts both together allow",
    "allow",
    {
      identity: [allow("sqs:*", "*")],
      resource: [allow("sqs:*", foreignQueue, to({ AWS: roleArn }))],
      request: request("sqs:SendMessage", foreignQueue),
    },
  ],
  [
    "across accounts naming the caller's account and the identity policy allow",
    "allow",
    {
      identity: [allow("sqs:*", "*")],
      resource: [allow("sqs:*", foreignQueue, to({ AWS: account }))],
      request: request("sqs:SendMessage", foreignQueue),
    },
  ],
  [
    "across accounts naming the owner's account does not help",
    "implicitDeny",
    {
      identity: [allow("sqs:*", "*")],
      resource: [allow("sqs:*", foreignQueue, to({ AWS: other }))],
      request: request("sqs:SendMessage", foreignQueue),
    },
  ],
  [
    "a foreign role does not enter by the owner's account",
    "implicitDeny",
    {
      identity: [allow("sqs:*", "*")],
      resource: [allow("sqs:*", queue, to({ AWS: account }))],
      request: { ...send, principal: foreignRole },
    },
  ],
  [
    "a bucket belongs to the plan's account",
    "implicitDeny",
    {
      identity: [allow("s3:*", "*")],
      request: request("s3:GetObject", `${bucket}/k`, { principal: foreignRole }),
    },
  ],
  [
    "a key's policy must let the account decide",
    "implicitDeny",
    {
      identity: [allow("kms:*", "*")],
      request: request("kms:Decrypt", `arn:aws:kms:eu-west-1:${account}:key/1`),
    },
  ],
  [
    "a key's policy that names the account, with an identity policy, allows",
    "allow",
    {
      identity: [allow("kms:Decrypt", "*")],
      resource: [allow("kms:*", "*", to({ AWS: `arn:aws:iam::${account}:root` }))],
      request: request("kms:Decrypt", `arn:aws:kms:eu-west-1:${account}:key/1`),
    },
  ],
  [
    "a role is not assumed by an identity policy alone",
    "implicitDeny",
    {
      identity: [allow("sts:AssumeRole", "*")],
      request: request("sts:AssumeRole", `arn:aws:iam::${account}:role/admin`),
    },
  ],
  [
    "a trust policy that names the role is enough in one account",
    "allow",
    {
      resource: [{ Effect: "Allow", Principal: { AWS: roleArn }, Action: "sts:AssumeRole" }],
      request: request("sts:AssumeRole", `arn:aws:iam::${account}:role/admin`),
    },
  ],
  [
    "a trust policy that names the account also needs the identity policy",
    "implicitDeny",
    {
      resource: [{ Effect: "Allow", Principal: { AWS: account }, Action: "sts:AssumeRole" }],
      request: request("sts:AssumeRole", `arn:aws:iam::${account}:role/admin`),
    },
  ],
];

const topic = `arn:aws:sns:us-east-1:${account}:incoming`;
const fromTopic = allow(
  "sqs:SendMessage",
  queue,
  to({ Service: "sns.amazonaws.com" }, { Condition: { ArnEquals: { "aws:SourceArn": topic } } }),
);
const fromAccount = allow(
  "sns:Publish",
  topic,
  to(
    { Service: "s3.amazonaws.com" },
    {
      Condition: {
        StringEquals: { "aws:SourceAccount": account },
        ArnLike: { "aws:SourceArn": "arn:aws:s3:*:*:mail" },
      },
    },
  ),
);
const confusedDeputy: Row[] = [
  [
    "the topic that is named may send",
    "allow",
    { resource: [fromTopic], request: { ...send, principal: service("sns.amazonaws.com", topic, account) } },
  ],
  [
    "another topic may not",
    "implicitDeny",
    {
      resource: [fromTopic],
      request: { ...send, principal: service("sns.amazonaws.com", `${topic}2`, account) },
    },
  ],
  [
    "a service without a source may not",
    "implicitDeny",
    { resource: [fromTopic], request: { ...send, principal: service("sns.amazonaws.com") } },
  ],
  [
    "the bucket that is named may publish",
    "allow",
    {
      resource: [fromAccount],
      request: request("sns:Publish", topic, { principal: service("s3.amazonaws.com", bucket, account) }),
    },
  ],
  [
    "the same bucket name in another account may not",
    "implicitDeny",
    {
      resource: [fromAccount],
      request: request("sns:Publish", topic, { principal: service("s3.amazonaws.com", bucket, other) }),
    },
  ],
  [
    "both conditions of one statement must hold",
    "implicitDeny",
    {
      resource: [fromAccount],
      request: request("sns:Publish", topic, {
        principal: service("s3.amazonaws.com", "arn:aws:s3:::mail2", account),
      }),
    },
  ],
  [
    "a deny on principals of other organisations hits services too",
    "explicitDeny",
    {
      resource: [
        allow("sqs:*", queue, to("*")),
        deny(
          "sqs:*",
          queue,
          to("*", { Condition: { StringNotEquals: { "aws:PrincipalAccount": account } } }),
        ),
      ],
      request: { ...send, principal: service("sns.amazonaws.com") },
    },
  ],
  [
    "unless it spares services",
    "allow",
    {
      resource: [
        allow("sqs:*", queue, to("*")),
        deny(
          "sqs:*",
          queue,
          to("*", {
            Condition: {
              StringNotEquals: { "aws:PrincipalAccount": account },
              Bool: { "aws:PrincipalIsAWSService": "false" },
            },
          }),
        ),
      ],
      request: { ...send, principal: service("sns.amazonaws.com") },
    },
  ],
];

const limited: Row[] = [
  [
    "what the role's policy and its boundary allow is allowed",
    "allow",
    { identity: [allow("sqs:*", "*")], boundary: [allow("sqs:SendMessage", queue)], request: send },
  ],
  [
    "what the boundary does not allow is denied",
    "implicitDeny",
    { identity: [allow("*", "*")], boundary: [allow("s3:*", "*")], request: send },
  ],
  ["a boundary grants nothing", "implicitDeny", { boundary: [allow("*", "*")], request: send }],
  [
    "a deny in the boundary is explicit",
    "explicitDeny",
    { identity: [allow("*", "*")], boundary: [allow("*", "*"), deny("sqs:*", "*")], request: send },
  ],
  [
    "what the resource's policy gives to the role stays within the boundary",
    "implicitDeny",
    {
      boundary: [allow("s3:*", "*")],
      resource: [allow("sqs:SendMessage", queue, to({ AWS: roleArn }))],
      request: send,
    },
  ],
];

for (const [title, rows] of Object.entries({
  precedence,
  limited,
  matching,
  principals,
  crossAccount,
  confusedDeputy,
}))
  describe(title, () => {
    test.each(rows)("%s", (_guarantee, expected, given) => {
      expect(outcome(given)).toBe(expected);
    });
  });
