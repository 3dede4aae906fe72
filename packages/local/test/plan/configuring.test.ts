import { expect, it } from "vitest";
import type { Graph, GraphResource } from "../../src/graph/types.ts";
import { buildPlan } from "../../src/plan/index.ts";

const resource = (type: string, name: string, more: Partial<GraphResource> = {}): GraphResource => ({
  urn: `urn:${type}:${name}`,
  type,
  name,
  region: "eu-west-1",
  custom: true,
  inputs: {},
  outputs: {},
  ...more,
});
const plan = (...resources: GraphResource[]) =>
  buildPlan({
    app: "app",
    stage: "test",
    accountId: "123456789012",
    homeRegion: "eu-west-1",
    resources,
    functions: {},
    links: {},
    outputs: {},
    unknownTypes: [],
  } satisfies Graph);

it("what only watches or configures is not told as something that does not run; a machine is", () => {
  const { notRun } = plan(
    ...[
      "aws:cloudwatch/metricAlarm:MetricAlarm",
      "aws:cloudwatch/dashboard:Dashboard",
      "aws:ec2/flowLog:FlowLog",
      "aws:ec2/securityGroup:SecurityGroup",
      "aws:rds/eventSubscription:EventSubscription",
      "aws:kms/key:Key",
      "aws:s3/bucketLoggingV2:BucketLoggingV2",
      "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    ].map((type) => resource(type, type)),
    resource("aws:ec2/instance:Instance", "Bastion"),
  );
  expect(notRun.map(({ name }) => name)).toEqual(["Bastion"]);
});

it("a role that is looked up brings no policies: they are where it is declared", () => {
  const arn = "arn:aws:iam::123456789012:role/nat";
  const declared = {
    name: "nat",
    arn,
    assumeRolePolicy: JSON.stringify({ Version: "2012-10-17", Statement: [] }),
    inlinePolicies: [
      {
        name: "own",
        policy: JSON.stringify({
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }],
        }),
      },
    ],
  };
  const { roles } = plan(
    resource("aws:iam/role:Role", "Role", { inputs: declared, outputs: declared }),
    resource("aws:iam/role:Role", "Again", { external: true, outputs: { name: "nat", arn } }),
  );
  expect(roles.map(({ policies }) => policies.map(({ name }) => name))).toEqual([["own"]]);
});
