/**
 * The role that GitHub's workflows take to deploy this stage, so that nobody needs the user who may do everything. Off
 * without the setting `deploy`. What it can not do: docs/decisions/0033-deploy-role.md.
 */
import { boundary, deployRoleName, rolePrefix } from "./boundary";
import { accountId, production, settings, stage } from "./stage";

const issuer = "token.actions.githubusercontent.com";

/** Services that a deployment hands a role of ours to. */
const services = [
  "apigateway",
  "ec2",
  "events",
  "lambda",
  "monitoring.rds",
  "rds",
  "scheduler",
  "sns",
  "vpc-flow-logs",
];

function createDeployRole(
  { repository, environment = stage }: NonNullable<typeof settings.deploy>,
  limit: aws.iam.Policy,
) {
  // One an account: production owns it, and other stages name it.
  const provider = production
    ? new aws.iam.OpenIdConnectProvider("GitHub", {
        url: `https://${issuer}`,
        clientIdLists: ["sts.amazonaws.com"],
      }).arn
    : $interpolate`arn:aws:iam::${accountId}:oidc-provider/${issuer}`;
  const roles = $interpolate`arn:aws:iam::${accountId}:role/${rolePrefix}*`;
  const profiles = $interpolate`arn:aws:iam::${accountId}:instance-profile/${rolePrefix}*`;
  const withinBoundary = [{ test: "StringEquals", variable: "iam:PermissionsBoundary", values: [limit.arn] }];
  return new aws.iam.Role("DeployRole", {
    name: deployRoleName,
    description: `Deploys ${$app.name} to ${stage} from ${repository}`,
    // Aurora and CloudFront take their time.
    maxSessionDuration: 2 * 60 * 60,
    assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          actions: ["sts:AssumeRoleWithWebIdentity"],
          principals: [{ type: "Federated", identifiers: [provider] }],
          conditions: [
            { test: "StringEquals", variable: `${issuer}:aud`, values: ["sts.amazonaws.com"] },
            {
              test: "StringEquals",
              variable: `${issuer}:sub`,
              values: [`repo:${repository}:environment:${environment}`],
            },
          ],
        },
      ],
    }).json,
    // Everything but IAM, organisations and the account itself.
    managedPolicyArns: ["arn:aws:iam::aws:policy/PowerUserAccess"],
    inlinePolicies: [
      {
        name: "roles",
        policy: aws.iam.getPolicyDocumentOutput({
          statements: [
            {
              sid: "MakeRolesWithinTheBoundary",
              actions: [
                "iam:AttachRolePolicy",
                "iam:CreateRole",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
              ],
              resources: [roles],
              conditions: withinBoundary,
            },
            {
              sid: "KeepRoles",
              actions: [
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListInstanceProfilesForRole",
                "iam:ListRolePolicies",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
              ],
              resources: [roles],
            },
            {
              sid: "HandRolesToServices",
              actions: ["iam:PassRole"],
              resources: [roles],
              conditions: [
                {
                  test: "StringEquals",
                  variable: "iam:PassedToService",
                  values: services.map((service) => `${service}.amazonaws.com`),
                },
              ],
            },
            {
              sid: "KeepInstanceProfiles",
              actions: [
                "iam:AddRoleToInstanceProfile",
                "iam:CreateInstanceProfile",
                "iam:DeleteInstanceProfile",
                "iam:GetInstanceProfile",
                "iam:RemoveRoleFromInstanceProfile",
                "iam:TagInstanceProfile",
              ],
              resources: [profiles],
            },
            {
              sid: "LookAtWhatAnAdministratorMade",
              actions: [
                "iam:GetOpenIDConnectProvider",
                "iam:GetPolicy",
                "iam:GetPolicyVersion",
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListPolicyVersions",
                "iam:ListRolePolicies",
              ],
              resources: [
                provider,
                $interpolate`arn:aws:iam::${accountId}:policy/${rolePrefix}*`,
                $interpolate`arn:aws:iam::${accountId}:role/${deployRoleName}`,
              ],
            },
            {
              sid: "NeverPeopleNorKeysNorOtherRoles",
              effect: "Deny",
              actions: [
                "iam:AddUserToGroup",
                "iam:AttachUserPolicy",
                "iam:CreateAccessKey",
                "iam:CreateLoginProfile",
                "iam:CreatePolicyVersion",
                "iam:CreateServiceSpecificCredential",
                "iam:CreateUser",
                "iam:DeleteRolePermissionsBoundary",
                "iam:PutUserPolicy",
                "iam:SetDefaultPolicyVersion",
                "sts:AssumeRole",
              ],
              resources: ["*"],
            },
            {
              // Where a service tells tags (most; not S3's objects). Zone, rule set and identities are shared.
              sid: "NeverAnotherStage",
              effect: "Deny",
              notActions: ["iam:*", "route53:*", "ses:*"],
              resources: ["*"],
              conditions: [
                { test: "StringNotEquals", variable: "aws:ResourceTag/sst:stage", values: [stage] },
                { test: "Null", variable: "aws:ResourceTag/sst:stage", values: ["false"] },
              ],
            },
          ],
        }).json,
      },
    ],
  });
}

export const deployRole =
  settings.deploy && boundary ? createDeployRole(settings.deploy, boundary) : undefined;
