import { alphabets, characters, type MockTable } from "./context.ts";
import { byName, plain } from "./shapes.ts";

const global = { region: "" };

/** IAM and Cognito. */
export const identity: MockTable = {
  "aws:iam/role:Role": (c) => {
    // Looked up, it is the role of that name.
    const name = c.given ?? c.named("name", { max: 64 });
    const path = c.text("path") ?? "/";
    return {
      id: name,
      inputs: { name },
      outputs: {
        arn: c.arn("iam", `role${path}${name}`, global),
        uniqueId: `AROA${c.upper(17)}`,
        createDate: "2024-01-01T00:00:00Z",
      },
    };
  },
  "aws:iam/rolePolicy:RolePolicy": (c) => {
    const name = c.named("name", { max: 128 });
    return { id: `${c.text("role")}:${name}`, inputs: { name }, outputs: {} };
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": plain((c) => `${c.text("role")}-${c.hex(26)}`),
  "aws:iam/policy:Policy": (c) => {
    const name = c.named("name", { max: 128 });
    const arn = c.arn("iam", `policy${c.text("path") ?? "/"}${name}`, global);
    return { id: arn, inputs: { name }, outputs: { arn, policyId: `ANPA${c.upper(17)}` } };
  },
  "aws:iam/user:User": byName("name", (c, name) => ({
    arn: c.arn("iam", `user/${name}`, global),
    uniqueId: `AIDA${c.upper(17)}`,
  })),
  "aws:iam/userPolicy:UserPolicy": plain((c) => `${c.text("user")}:${c.text("name") ?? c.name}`),
  "aws:iam/userPolicyAttachment:UserPolicyAttachment": plain(),
  "aws:iam/group:Group": byName("name", (c, name) => ({ arn: c.arn("iam", `group/${name}`, global) })),
  "aws:iam/accessKey:AccessKey": (c) => {
    const id = `AKIA${c.upper(16)}`;
    return {
      id,
      outputs: {
        secret: c.secret(40, alphabets.mixed),
        sesSmtpPasswordV4: c.secret(44, alphabets.mixed, "smtp"),
        status: "Active",
      },
    };
  },
  "aws:iam/instanceProfile:InstanceProfile": byName("name", (c, name) => ({
    arn: c.arn("iam", `instance-profile/${name}`, global),
  })),
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (c) => {
    const arn = c.arn("iam", `oidc-provider/${c.text("url")?.replace("https://", "")}`, global);
    return { id: arn, outputs: { arn } };
  },
  "aws:iam/serviceLinkedRole:ServiceLinkedRole": (c) => {
    const service = c.text("awsServiceName") ?? "";
    const arn = c.arn("iam", `role/aws-service-role/${service}/${c.name}`, global);
    return { id: arn, outputs: { arn, name: c.name } };
  },

  "aws:cognito/userPool:UserPool": (c) => {
    const id = `${c.region}_${characters(c.urn + c.accountId, 9, alphabets.mixed)}`;
    return {
      id,
      inputs: { name: c.named("name", { max: 128 }) },
      outputs: {
        arn: c.arn("cognito-idp", `userpool/${id}`),
        endpoint: `cognito-idp.${c.region}.amazonaws.com/${id}`,
        creationDate: "2024-01-01T00:00:00Z",
        estimatedNumberOfUsers: 0,
      },
    };
  },
  "aws:cognito/userPoolClient:UserPoolClient": (c) => ({
    id: c.alphanumeric(26),
    inputs: { name: c.named("name", { max: 128 }) },
    outputs: {
      clientSecret: c.inputs.generateSecret === true ? c.secret(52, alphabets.alphanumeric) : "",
    },
  }),
  "aws:cognito/userPoolDomain:UserPoolDomain": (c) => {
    const domain = c.text("domain") ?? c.name;
    return {
      id: domain,
      outputs: {
        awsAccountId: c.accountId,
        cloudfrontDistribution: `d${c.alphanumeric(13)}.cloudfront.net`,
        cloudfrontDistributionArn: `d${c.alphanumeric(13)}.cloudfront.net`,
        cloudfrontDistributionZoneId: "Z2FDTNDATAQYW2",
        s3Bucket: `aws-cognito-prod-${c.region}-assets`,
        version: "20240101000000",
      },
    };
  },
  "aws:cognito/userGroup:UserGroup": (c) => {
    const name = c.named("name", { max: 128 });
    return { id: `${c.text("userPoolId")}/${name}`, inputs: { name }, outputs: {} };
  },
  "aws:cognito/user:User": plain((c) => `${c.text("userPoolId")}/${c.text("username")}`),
  "aws:cognito/userInGroup:UserInGroup": plain(),
  "aws:cognito/resourceServer:ResourceServer": (c) => ({
    id: `${c.text("userPoolId")}|${c.text("identifier")}`,
    outputs: {
      scopeIdentifiers: ((c.inputs.scopes ?? []) as { scopeName?: string }[]).map(
        ({ scopeName }) => `${c.text("identifier")}/${scopeName}`,
      ),
    },
  }),
  "aws:cognito/identityProvider:IdentityProvider": plain(
    (c) => `${c.text("userPoolId")}:${c.text("providerName")}`,
  ),
  "aws:cognito/identityPool:IdentityPool": (c) => {
    const id = `${c.region}:${c.hex(8)}-${c.hex(4, "b")}-4${c.hex(3, "c")}-a${c.hex(3, "d")}-${c.hex(12, "e")}`;
    return {
      id,
      inputs: { identityPoolName: c.named("identityPoolName", { max: 128 }) },
      outputs: { arn: c.arn("cognito-identity", `identitypool/${id}`) },
    };
  },
  "aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment": plain((c) => c.text("identityPoolId")),
};
