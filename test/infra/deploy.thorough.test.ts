/** The role that CI deploys with, judged by the evaluator: what it can do, and what it can not. */
import type { Graph } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { evaluate } from "../../packages/local/src/iam/evaluate.ts";
import type { PolicyDocument } from "../../packages/local/src/plan/types.ts";
import { graphOf as graphWith } from "../../scripts/run/graphs.ts";
import { graphOf, permanentStages, stages } from "./support/graphs.ts";
import { all, list, one, statements, text } from "./support/read.ts";

const account = "123456789012";
const deployable = (stage: "production" | "staging") =>
  graphWith(stage, { settings: { deploy: { repository: "acme/frontdesk" } } });

/** AWS's PowerUserAccess, as far as it decides anything here. */
const powerUser: PolicyDocument = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", NotAction: ["iam:*", "organizations:*", "account:*"], Resource: "*" }],
};
const inline = (graph: Graph, role: string) =>
  (one(graph, "role", role).inputs.inlinePolicies as { name: string; policy: string }[]).map(
    ({ name, policy }) => ({
      name,
      document: JSON.parse(policy) as PolicyDocument,
    }),
  );

function may(graph: Graph, action: string, resource: string, context: Record<string, string> = {}): boolean {
  const roleArn = text(one(graph, "role", "DeployRole"), "arn");
  return evaluate(
    {
      identity: [{ name: "PowerUserAccess", document: powerUser }, ...inline(graph, "DeployRole")],
      accountId: account,
    },
    { principal: { kind: "role", roleArn, sessionName: "ci" }, action, resource, context },
  ).allowed;
}
const role = (name: string) => `arn:aws:iam::${account}:role/${name}`;
const boundaryArn = (stage: string) => `arn:aws:iam::${account}:policy/frontdesk-${stage}-boundary`;

describe.each(["production", "staging"] as const)("the deploy role of %s", (stage) => {
  const own = role(`frontdesk-${stage}-EmailConsumerRole`);

  test("is taken by workflows of one repository in one environment, by no others", async () => {
    const [trust, ...more] = statements(
      one(await deployable(stage), "role", "DeployRole").inputs.assumeRolePolicy,
    );
    expect(more).toEqual([]);
    expect(trust).toEqual({
      Effect: "Allow",
      Action: "sts:AssumeRoleWithWebIdentity",
      Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/token.actions.githubusercontent.com` },
      Condition: {
        StringEquals: {
          "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
          "token.actions.githubusercontent.com:sub": `repo:acme/frontdesk:environment:${stage}`,
        },
      },
    });
  });

  test("makes roles of this stage within the boundary, hands them to AWS's services, and deploys the rest", async () => {
    const graph = await deployable(stage);
    const bounded = { "iam:PermissionsBoundary": boundaryArn(stage) };
    expect(may(graph, "iam:CreateRole", own, bounded)).toBe(true);
    expect(may(graph, "iam:PutRolePolicy", own, bounded)).toBe(true);
    expect(may(graph, "iam:DeleteRole", own)).toBe(true);
    expect(may(graph, "iam:PassRole", own, { "iam:PassedToService": "lambda.amazonaws.com" })).toBe(true);
    for (const action of [
      "lambda:CreateFunction",
      "rds:ModifyDBCluster",
      "s3:CreateBucket",
      "sqs:CreateQueue",
    ])
      expect(may(graph, action, "*"), action).toBe(true);
    expect(may(graph, "secretsmanager:GetSecretValue", "*", { "aws:ResourceTag/sst:stage": stage })).toBe(
      true,
    );
  });

  test.each([
    ["iam:CreateUser", `arn:aws:iam::${account}:user/eve`, {}],
    ["iam:CreateAccessKey", `arn:aws:iam::${account}:user/eve`, {}],
    ["iam:CreateLoginProfile", `arn:aws:iam::${account}:user/eve`, {}],
    ["iam:AttachUserPolicy", `arn:aws:iam::${account}:user/eve`, {}],
    ["iam:CreateRole", own, {}],
    ["iam:CreateRole", own, { "iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess" }],
    ["iam:CreateRole", role("elsewhere"), { "iam:PermissionsBoundary": boundaryArn(stage) }],
    ["iam:PutRolePolicy", own, {}],
    ["iam:AttachRolePolicy", own, {}],
    ["iam:DeleteRolePermissionsBoundary", own, { "iam:PermissionsBoundary": boundaryArn(stage) }],
    [
      "iam:PutRolePolicy",
      role(`deploy-frontdesk-${stage}`),
      { "iam:PermissionsBoundary": boundaryArn(stage) },
    ],
    ["iam:UpdateAssumeRolePolicy", role(`deploy-frontdesk-${stage}`), {}],
    ["iam:UpdateAssumeRolePolicy", role("OrganizationAccountAccessRole"), {}],
    ["iam:CreatePolicyVersion", boundaryArn(stage), {}],
    ["iam:SetDefaultPolicyVersion", boundaryArn(stage), {}],
    ["iam:DeletePolicy", boundaryArn(stage), {}],
    ["iam:CreateOpenIDConnectProvider", "*", {}],
    ["iam:PassRole", own, { "iam:PassedToService": "sagemaker.amazonaws.com" }],
    ["iam:PassRole", role("Admin"), { "iam:PassedToService": "lambda.amazonaws.com" }],
    ["sts:AssumeRole", role("Admin"), {}],
    ["organizations:LeaveOrganization", "*", {}],
    ["secretsmanager:GetSecretValue", "*", { "aws:ResourceTag/sst:stage": "another" }],
    ["rds:DeleteDBCluster", "*", { "aws:ResourceTag/sst:stage": "another" }],
  ] as [
    string,
    string,
    Record<string, string>,
  ][])("can not %s on %s given %j", async (action, resource, context) => {
    expect(may(await deployable(stage), action, resource, context)).toBe(false);
  });

  test("every other role, SST's own among them, carries the boundary and a name that CI may make", async () => {
    const graph = await deployable(stage);
    const boundary = text(one(graph, "aws:iam/policy:Policy", "Boundary"), "arn");
    expect(boundary).toBe(boundaryArn(stage));
    for (const { name, inputs, external } of all(graph, "role")) {
      if (external || name === "DeployRole") continue;
      expect(inputs.permissionsBoundary, name).toBe(boundary);
      expect(inputs.name, name).toMatch(new RegExp(`^frontdesk-${stage}-`));
    }
    for (const { name, inputs } of all(graph, "aws:iam/instanceProfile:InstanceProfile"))
      expect(inputs.name, name).toMatch(new RegExp(`^frontdesk-${stage}-`));
  });

  test("the boundary takes nothing away that a role is granted: what is missing belongs into infra/boundary.ts", async () => {
    const graph = await deployable(stage);
    const document = JSON.parse(
      String(one(graph, "aws:iam/policy:Policy", "Boundary").inputs.policy),
    ) as PolicyDocument;
    for (const { name, inputs } of all(graph, "role")) {
      if (name === "DeployRole") continue;
      for (const { policy } of (inputs.inlinePolicies ?? []) as { policy: string }[])
        for (const statement of statements(policy).filter(({ Effect }) => Effect === "Allow"))
          for (const action of list(statement.Action))
            for (const resource of list(statement.Resource)) {
              const request = {
                principal: { kind: "role", roleArn: String(inputs.arn ?? role(name)), sessionName: "test" },
                action,
                resource: resource.replaceAll("*", "x"),
              } as const;
              const { allowed } = evaluate(
                { identity: [{ name: "boundary", document }], accountId: account },
                request,
              );
              expect(allowed, `${name}: ${action} on ${resource}`).toBe(true);
            }
    }
  });

  test("within the boundary no role can widen itself or make another", async () => {
    const graph = await deployable(stage);
    const document = JSON.parse(
      String(one(graph, "aws:iam/policy:Policy", "Boundary").inputs.policy),
    ) as PolicyDocument;
    const everything: PolicyDocument = {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
    };
    for (const action of [
      "iam:CreateUser",
      "iam:PutRolePolicy",
      "iam:CreateAccessKey",
      "sts:AssumeRole",
      "rds:DeleteDBCluster",
      "s3:DeleteBucket",
      "ec2:RunInstances",
    ]) {
      const request = {
        principal: { kind: "role", roleArn: own, sessionName: "test" },
        action,
        resource: own,
      } as const;
      const allowed = [everything, document].every(
        (policy) =>
          evaluate({ identity: [{ name: "policy", document: policy }], accountId: account }, request).allowed,
      );
      expect(allowed, action).toBe(false);
    }
  });
});

test("GitHub's provider is one an account: production makes it, staging names it", async () => {
  const type = "aws:iam/openIdConnectProvider:OpenIdConnectProvider";
  expect(one(await deployable("production"), type).inputs).toMatchObject({
    url: "https://token.actions.githubusercontent.com",
    clientIdLists: ["sts.amazonaws.com"],
  });
  expect(all(await deployable("staging"), type)).toEqual([]);
});

test.each(
  stages,
)("on %s, without the setting, there is no such role, no boundary and no provider", async (stage) => {
  const names = (await graphOf(stage)).resources.map(({ name }) => name);
  for (const name of ["DeployRole", "Boundary", "GitHub"]) expect(names).not.toContain(name);
});

test("no stage has a user, a group or an access key", async () => {
  for (const stage of permanentStages)
    for (const type of ["user:User", "accessKey:AccessKey", "group:Group"])
      expect(all(await deployable(stage as "production" | "staging"), `aws:iam/${type}`)).toEqual([]);
});
