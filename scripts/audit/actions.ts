/** What IAM actions are dangerous for, and which of them AWS cannot restrict to resources. */

const matcher = (words: string) => {
  const patterns = words
    .trim()
    .split(/\s+/)
    .map((word) => new RegExp(`^${word.replaceAll("*", ".*")}$`, "i"));
  return (action: string) => patterns.some((pattern) => pattern.test(action));
};

/** With these somebody gives themselves whatever they lack (https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/). */
export const escalates = matcher(`
  iam:AddUserToGroup iam:AttachGroupPolicy iam:AttachRolePolicy iam:AttachUserPolicy iam:CreatePolicyVersion
  iam:PassRole iam:PutGroupPolicy iam:PutRolePolicy iam:PutUserPolicy iam:SetDefaultPolicyVersion
  iam:UpdateAssumeRolePolicy iam:DeleteRolePermissionsBoundary iam:PutRolePermissionsBoundary
`);

/** Answer with credentials, or make them. */
export const givesCredentials = matcher(`
  cognito-identity:GetCredentialsForIdentity ecr:GetAuthorizationToken iam:CreateAccessKey iam:CreateLoginProfile
  iam:CreateServiceSpecificCredential iam:ResetServiceSpecificCredential iam:UpdateAccessKey iam:UpdateLoginProfile
  rds-db:connect redshift:GetClusterCredentials sso:GetRoleCredentials sts:AssumeRole sts:GetFederationToken
  sts:GetSessionToken
`);

/** Answer with what is kept. */
export const readsData = matcher(`
  dynamodb:GetItem dynamodb:Query dynamodb:Scan s3:GetObject s3:GetObjectVersion secretsmanager:BatchGetSecretValue
  secretsmanager:GetSecretValue ssm:GetParameter ssm:GetParameters ssm:GetParametersByPath
`);

export const decrypts = matcher("kms:Decrypt kms:ReEncryptFrom");

/**
 * Take no resource but `*`.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
export const unrestrictable = matcher(`
  cloudwatch:GetMetricData cloudwatch:ListMetrics cloudwatch:PutMetricData ec2:Describe* ec2messages:*
  kms:ListAliases kms:ListKeys lambda:ListEventSourceMappings lambda:ListFunctions logs:*LogDelivery
  logs:DescribeLogGroups logs:DescribeResourcePolicies logs:*ResourcePolicy s3:ListAllMyBuckets
  secretsmanager:GetRandomPassword secretsmanager:ListSecrets ses:*SuppressedDestination*
  ses:GetAccount ses:GetSendQuota ses:GetSendStatistics ses:ListTemplates ses:ListEmailTemplates
  ssm:DescribeInstanceInformation ssmmessages:* sts:GetCallerIdentity tag:GetResources xray:Get*
  xray:Put*
`);
