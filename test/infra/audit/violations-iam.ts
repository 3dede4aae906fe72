import { account, allow, policy, region, type Sample, trust } from "./sample.ts";
import type { Violations } from "./violations.ts";

type Statement = Record<string, unknown>;

/** A role with one more statement in its own policy. */
const role = (statement: Statement) => (sample: Sample) => {
  sample.add("role", "Wide", {
    assumeRolePolicy: trust("lambda.amazonaws.com"),
    inlinePolicies: [{ name: "wide", policy: policy(statement) }],
  });
};
/** The same in a policy that stands alone. */
const managed = (statement: Statement) => (sample: Sample) => {
  sample.add("policy", "Wide", { policy: policy(statement) });
};
const withAwsPolicy = (arn: string) => (sample: Sample) => {
  sample.add("role", "Wide", { assumeRolePolicy: trust("lambda.amazonaws.com"), managedPolicyArns: [arn] });
};
const aws = (name: string) => `arn:aws:iam::aws:policy/${name}`;
const someRole = `arn:aws:iam::${account}:role/someone`;

export const iamViolations: Violations = {
  "iam.administrator": {
    "a role may do everything": role(allow("*", "*")),
    "a policy allows everything": managed(allow(["*:*"], "*")),
    "a role may do everything with IAM": role(allow("iam:*", "*")),
    "a role may do everything but a little": role({ Effect: "Allow", NotAction: "iam:*", Resource: "*" }),
    "a role is an administrator by AWS's policy": withAwsPolicy(aws("AdministratorAccess")),
    "a policy of AWS's is attached apart": (sample) => {
      sample.add("role", "Wide", { assumeRolePolicy: trust("lambda.amazonaws.com") });
      sample.add("rolePolicyAttachment", "Attached", { role: "wide", policyArn: aws("AdministratorAccess") });
    },
  },
  "iam.aws-policies": {
    "a role has AWS's policy": withAwsPolicy(aws("service-role/AWSLambdaBasicExecutionRole")),
    "a role has a policy of AWS's that nobody here knows": withAwsPolicy(aws("AmazonSESFullAccess")),
    "a policy of AWS's is attached apart": (sample) => {
      sample.add("role", "Wide", { assumeRolePolicy: trust("lambda.amazonaws.com") });
      sample.add("rolePolicyAttachment", "Attached", { role: "wide", policyArn: aws("ReadOnlyAccess") });
    },
    "a group has AWS's policy": (sample) => {
      sample.add("groupPolicyAttachment", "Attached", { group: "people", policyArn: aws("ReadOnlyAccess") });
    },
  },
  "iam.wildcard-actions": {
    "a role may do everything of a service": role(allow("sqs:*", `arn:aws:sqs:${region}:${account}:work`)),
    "a role may do what begins alike": role(allow(["s3:Get*"], "arn:aws:s3:::pictures/media/*")),
    "a policy allows a service": managed(
      allow("dynamodb:*", `arn:aws:dynamodb:${region}:${account}:table/one`),
    ),
    "a boundary is given to a role as well": (sample) => {
      sample.add("policy", "Wide", {
        policy: policy(allow("sqs:*", `arn:aws:sqs:${region}:${account}:work`)),
      });
      sample.set("Worker", { permissionsBoundary: sample.arn("Wide") });
      sample.add("rolePolicyAttachment", "Attached", { role: "worker", policyArn: sample.arn("Wide") });
    },
    "a policy apart from its role allows a service": (sample) => {
      sample.add("rolePolicy", "Wide", { role: "worker", policy: policy(allow("ses:*", someRole)) });
    },
  },
  "iam.wildcard-resources": {
    "a role sends to every queue": role(allow("sqs:SendMessage", "*")),
    "a role sends to every queue of the account": role(
      allow("sqs:SendMessage", `arn:aws:sqs:${region}:${account}:*`),
    ),
    "a role writes into every bucket": role(allow("s3:PutObject", "arn:aws:s3:::*/*")),
    "a role publishes permissions anywhere": role(
      allow("lambda:AddPermission", `arn:aws:lambda:${region}:${account}:function:*`),
    ),
    "a role may do it everywhere but here": role({
      Effect: "Allow",
      Action: "sns:Publish",
      NotResource: `arn:aws:sns:${region}:${account}:topic`,
    }),
  },
  "iam.escalation": {
    "a role may pass roles to any service": role(allow("iam:PassRole", someRole)),
    "a role may pass every role": role(
      allow("iam:PassRole", `arn:aws:iam::${account}:role/*`, {
        Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
      }),
    ),
    "a role may rewrite a role": role(allow("iam:PutRolePolicy", someRole)),
    "a policy may be given a new version": managed(
      allow("iam:CreatePolicyVersion", `arn:aws:iam::${account}:policy/own`),
    ),
  },
  "iam.credentials": {
    "a role may take every role": role(allow("sts:AssumeRole", "*")),
    "a role may log in as every database user": role(
      allow("rds-db:connect", `arn:aws:rds-db:${region}:${account}:dbuser:*`),
    ),
    "a role may make keys for everybody": role(
      allow("iam:CreateAccessKey", `arn:aws:iam::${account}:user/*`),
    ),
  },
  "iam.exfiltration": {
    "a role reads every secret": role(allow("secretsmanager:GetSecretValue", "*")),
    "a role reads every bucket": role(allow("s3:GetObject", "arn:aws:s3:::*")),
    "a role reads every parameter": role(
      allow("ssm:GetParameter", `arn:aws:ssm:${region}:${account}:parameter/*`),
    ),
  },
  "iam.decryption": {
    "a role decrypts with every key": role(allow("kms:Decrypt", "*")),
    "a policy decrypts with every key of the account": managed(
      allow("kms:ReEncryptFrom", `arn:aws:kms:${region}:${account}:key/*`),
    ),
  },
  "iam.users": {
    "a user has a policy": (sample) => {
      sample.add("userPolicy", "Own", {
        user: "somebody",
        policy: policy(allow("s3:ListBucket", "arn:aws:s3:::a")),
      });
    },
    "a user has an attached policy": (sample) => {
      sample.add("userPolicyAttachment", "Attached", { user: "somebody", policyArn: sample.arn("Boundary") });
    },
  },
};
