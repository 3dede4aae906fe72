/**
 * The most that any role of this stage can ever do, whatever its own policies say: docs/decisions/0033-deploy-role.md.
 * Imported before the first role. Only where CI deploys: an administrator could take it off anyhow.
 */
import { accountId, settings } from "./stage";

/** What CI may make roles and instance profiles under. SST begins every name with app and stage. */
export const rolePrefix = `${$app.name}-${$app.stage}-`;
export const deployRoleName = `deploy-${$app.name}-${$app.stage}`;

/** What functions, the proxy, the bastion and AWS's services do on our behalf: data, never the resources themselves. */
const doings = [
  "cloudfront:CreateInvalidation",
  "cloudwatch:PutMetricData",
  "cognito-idp:Admin*",
  "cognito-idp:List*",
  "ec2:AssignPrivateIpAddresses",
  "ec2:CreateNetworkInterface",
  "ec2:DeleteNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:UnassignPrivateIpAddresses",
  "execute-api:ManageConnections",
  "kms:Decrypt",
  "kms:GenerateDataKey",
  "lambda:InvokeFunction",
  "logs:Create*",
  "logs:Describe*",
  "logs:GetLogEvents",
  "logs:Put*",
  "rds-db:connect",
  "s3:AbortMultipartUpload",
  "s3:DeleteObject",
  "s3:DeleteObjectVersion",
  "s3:GetObject*",
  "s3:ListBucket*",
  "s3:PutObject*",
  "scheduler:*Schedule",
  "scheduler:ListSchedules",
  "secretsmanager:GetSecretValue",
  "ses:*",
  "sns:Publish",
  "sqs:*",
  "ssm:GetParameter",
  "ssm:UpdateInstanceInformation",
  "ssmmessages:*",
  "xray:Put*",
];

export const boundary = settings.deploy
  ? new aws.iam.Policy("Boundary", {
      name: `${$app.name}-${$app.stage}-boundary`,
      description: "The most that a role of this stage can do",
      policy: aws.iam.getPolicyDocumentOutput({
        statements: [
          { sid: "Doings", actions: doings, resources: ["*"] },
          {
            sid: "HandOwnRolesOn",
            actions: ["iam:PassRole"],
            resources: [$interpolate`arn:aws:iam::${accountId}:role/${rolePrefix}*`],
          },
        ],
      }).json,
    })
  : undefined;

$transform(aws.iam.Role, (args, _, name) => {
  if (!args) return;
  // Pulumi would name it after its logical name alone, and CI makes none without the prefix. IAM takes 64 characters.
  args.name ??= `${rolePrefix}${name}`.slice(0, 64);
  if (boundary && args.name !== deployRoleName) args.permissionsBoundary = boundary.arn;
});
$transform(aws.iam.InstanceProfile, (args, _, name) => {
  if (args) args.name ??= `${rolePrefix}${name}`;
});
