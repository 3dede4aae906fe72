import { describe, expect, test } from "vitest";
import { graphOf as graphWith } from "../../scripts/run/graphs.ts";
import { graphOf, stages } from "./support/graphs.ts";
import { all, list, one, statements, text } from "./support/read.ts";

const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";

describe.each(stages)("stage %s", (stage) => {
  test("the bastion is a private, encrypted arm64 host without a key, and asks for tokens of its metadata", async () => {
    const graph = await graphOf(stage);
    const { inputs } = one(graph, "aws:ec2/instance:Instance", "Bastion");
    expect(inputs).toMatchObject({
      instanceType: "t4g.nano",
      associatePublicIpAddress: false,
      metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
      rootBlockDevice: { encrypted: true },
    });
    expect(inputs).not.toHaveProperty("keyName");
    expect(inputs).not.toHaveProperty("userData");
    const subnet = all(graph, "subnet").find(({ outputs }) => outputs.id === inputs.subnetId);
    expect(subnet?.name).toMatch(/^VpcPrivateSubnet/);
    expect(inputs.vpcSecurityGroupIds).toEqual([text(one(graph, "securityGroup", "BastionGroup"), "id")]);
  });

  test("nobody reaches it from the network: no rule lets anything in", async () => {
    const graph = await graphOf(stage);
    const group = one(graph, "securityGroup", "BastionGroup");
    expect(group.inputs.ingress).toBeUndefined();
    expect(all(graph, ingress).filter(({ inputs }) => inputs.securityGroupId === text(group, "id"))).toEqual(
      [],
    );
  });

  test("its role takes Session Manager's sessions, reads no parameter, and only EC2 may have it", async () => {
    const graph = await graphOf(stage);
    const role = one(graph, "role", "BastionRole");
    expect(role.inputs.managedPolicyArns ?? []).toEqual([]);
    const [{ policy }, ...more] = role.inputs.inlinePolicies as [{ policy: string }];
    expect(more).toEqual([]);
    expect(statements(policy).map(({ Action, Resource }) => [Action, Resource])).toEqual([
      ["ssm:UpdateInstanceInformation", "arn:aws:ec2:ca-central-1:123456789012:instance/*"],
      [
        ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"].map(
          (action) => `ssmmessages:${action}`,
        ),
        "*",
      ],
    ]);
    expect(
      statements(role.inputs.assumeRolePolicy).flatMap(({ Principal }) => list(Object(Principal).Service)),
    ).toEqual(["ec2.amazonaws.com"]);
    const profile = one(graph, "aws:iam/instanceProfile:InstanceProfile", "BastionProfile");
    expect(profile.inputs.role).toBe(text(role, "name"));
  });
});

test("the settings can name private ranges that reach it by SSH, and nothing else", async () => {
  const graph = await graphWith("anna", { settings: { bastionSshCidrs: ["10.8.0.0/16"] } });
  const group = text(one(graph, "securityGroup", "BastionGroup"), "id");
  const rules = all(graph, ingress).filter(({ inputs }) => inputs.securityGroupId === group);
  expect(rules.map(({ inputs }) => [inputs.cidrIpv4, inputs.fromPort, inputs.toPort])).toEqual([
    ["10.8.0.0/16", 22, 22],
  ]);
});

test("without it there is no host, no group, no way into the database's group for it, and no parameter", async () => {
  const graph = await graphWith("anna", { settings: { bastion: false } });
  expect(graph.resources.filter(({ name }) => /bastion|tunnel/i.test(name)).map(({ name }) => name)).toEqual(
    [],
  );
});

test("the whole range of the VPC, and its zones, are what the settings say", async () => {
  const graph = await graphWith("anna", { settings: { vpcCidr: "172.20.16.0/20", zones: 3 } });
  expect(one(graph, "aws:ec2/vpc:Vpc").inputs.cidrBlock).toBe("172.20.16.0/20");
  expect(
    all(graph, "subnet")
      .map(({ inputs }) => inputs.cidrBlock)
      .toSorted(),
  ).toEqual(["16", "18", "20", "22", "24", "26"].map((third) => `172.20.${third}.0/23`));
  const nat = one(graph, "securityGroup", "VpcNatInstanceSecurityGroup").inputs.ingress as {
    cidrBlocks: string[];
  }[];
  expect(nat.map(({ cidrBlocks }) => cidrBlocks)).toEqual([["172.20.16.0/20"]]);
});
