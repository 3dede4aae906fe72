import type { Graph, GraphResource } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { graphOf, permanentStages, personalStages, stages } from "./support/graphs.ts";
import { all, list, one, statements, text } from "./support/read.ts";

const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";

/** Every rule as `from -> to:port`, groups by logical name. */
function flows(graph: Graph, type: string): string[] {
  const name = (id: unknown) =>
    all(graph, "securityGroup").find((group) => group.outputs.id === id)?.name ?? id;
  return all(graph, type)
    .map(({ inputs }) => {
      expect(inputs.fromPort).toBe(inputs.toPort);
      expect(inputs.ipProtocol).toBe("tcp");
      const own = name(inputs.securityGroupId);
      const other = name(inputs.referencedSecurityGroupId ?? inputs.cidrIpv4);
      return type === ingress ? `${other} -> ${own}:${inputs.toPort}` : `${own} -> ${other}:${inputs.toPort}`;
    })
    .toSorted();
}

describe.each(stages)("stage %s", (stage) => {
  test("two zones, each with a public and a private subnet inside the VPC's range", async () => {
    const graph = await graphOf(stage);
    const vpc = one(graph, "aws:ec2/vpc:Vpc");
    expect(vpc.inputs).toMatchObject({ cidrBlock: "10.0.0.0/16", enableDnsHostnames: true });
    const subnets = all(graph, "subnet");
    expect(Object.fromEntries(subnets.map(({ name, inputs }) => [name, inputs.cidrBlock]))).toEqual({
      VpcPublicSubnet1: "10.0.0.0/19",
      VpcPrivateSubnet1: "10.0.32.0/19",
      VpcPublicSubnet2: "10.0.64.0/19",
      VpcPrivateSubnet2: "10.0.96.0/19",
    });
    expect(new Set(subnets.map(({ inputs }) => inputs.availabilityZone)).size).toBe(2);
  });

  test("no subnet gives public addresses by itself", async () => {
    for (const { inputs } of all(await graphOf(stage), "subnet"))
      expect(inputs.mapPublicIpOnLaunch).not.toBe(true);
  });

  test("flow logs are written by a role of their own, and kept no longer than the settings say", async () => {
    const graph = await graphOf(stage);
    const log = one(graph, "logGroup", "FlowLogGroup");
    expect(log.inputs.retentionInDays).toBe(30);
    expect(one(graph, "aws:ec2/flowLog:FlowLog").inputs).toMatchObject({
      vpcId: text(one(graph, "aws:ec2/vpc:Vpc"), "id"),
      trafficType: permanentStages.includes(stage) ? "ALL" : "REJECT",
      logDestination: text(log, "arn"),
      iamRoleArn: text(one(graph, "role", "FlowLogRole"), "arn"),
    });
    const role = one(graph, "role", "FlowLogRole");
    expect(statements(role.inputs.assumeRolePolicy)).toEqual([
      {
        Effect: "Allow",
        Action: "sts:AssumeRole",
        Principal: { Service: "vpc-flow-logs.amazonaws.com" },
        Condition: {
          StringEquals: { "aws:SourceAccount": "123456789012" },
          ArnLike: { "aws:SourceArn": "arn:aws:ec2:ca-central-1:123456789012:vpc-flow-log/*" },
        },
      },
    ]);
    const [{ policy }] = role.inputs.inlinePolicies as [{ policy: string }];
    const writing = statements(policy).filter(({ Action }) => list(Action).includes("logs:PutLogEvents"));
    expect(writing.map(({ Resource }) => Resource)).toEqual([[text(log, "arn"), `${text(log, "arn")}:*`]]);
  });

  test("every group and every rule says what it is for", async () => {
    const graph = await graphOf(stage);
    for (const { name, inputs } of all(graph, "securityGroup")) {
      expect(inputs.description, name).not.toMatch(/^Managed by/);
      for (const rule of [inputs.ingress, inputs.egress].flatMap(
        (rules) => (rules ?? []) as { description?: string }[],
      ))
        expect(rule.description, name).toBeTruthy();
    }
    for (const { name, inputs } of [...all(graph, ingress), ...all(graph, egress)])
      expect(inputs.description, name).toBeTruthy();
  });

  test("nothing but HTTPS leaves the VPC, from any tier", async () => {
    const graph = await graphOf(stage);
    const open = all(graph, egress).filter(({ inputs }) => inputs.cidrIpv4 !== undefined);
    for (const { inputs, name } of open) expect([inputs.fromPort, inputs.toPort], name).toEqual([443, 443]);
    for (const { inputs, name } of all(graph, "securityGroup"))
      for (const rule of (inputs.egress ?? []) as { fromPort: number; toPort: number }[])
        expect([rule.fromPort, rule.toPort], name).toEqual([443, 443]);
  });

  test("the default security group is closed, and nothing is in it", async () => {
    const graph = await graphOf(stage);
    const group = one(graph, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup");
    expect(group.inputs).toMatchObject({ ingress: [], egress: [] });
    const id = text(group, "id");
    for (const resource of graph.resources)
      if (resource !== group) expect(JSON.stringify(resource.inputs), resource.name).not.toContain(id);
  });

  test("a private function's way leads through NAT to an internet gateway, so `@connections` is reached", async () => {
    const graph = await graphOf(stage);
    const fn = one(graph, "function", "RealtimeDefaultFunction");
    const { subnetIds } = fn.inputs.vpcConfig as { subnetIds: string[] };
    expect(subnetIds).toHaveLength(2);
    for (const subnet of subnetIds) {
      const table = routesOf(graph, subnet);
      const nat = table.natGatewayId
        ? one(graph, "aws:ec2/natGateway:NatGateway", natName(graph, table.natGatewayId))
        : all(graph, "aws:ec2/instance:Instance").find(
            ({ outputs }) => outputs.primaryNetworkInterfaceId === table.networkInterfaceId,
          );
      expect(nat).toBeDefined();
      const outside = routesOf(graph, String((nat as GraphResource).inputs.subnetId));
      expect(outside.gatewayId).toBe(text(one(graph, "aws:ec2/internetGateway:InternetGateway"), "id"));
    }
  });

  test("S3 is reached without NAT from both private subnets", async () => {
    const graph = await graphOf(stage);
    const endpoint = one(graph, "aws:ec2/vpcEndpoint:VpcEndpoint");
    expect(endpoint.inputs).toMatchObject({
      vpcEndpointType: "Gateway",
      serviceName: "com.amazonaws.ca-central-1.s3",
    });
    const tables = all(graph, "aws:ec2/routeTable:RouteTable").filter(({ name }) => name.includes("Private"));
    expect(endpoint.inputs.routeTableIds).toEqual(tables.map(({ outputs }) => outputs.id));
  });

  test("no rule lets the internet in, on any port", async () => {
    const graph = await graphOf(stage);
    expect(flows(graph, ingress).join()).not.toContain("0.0.0.0/0");
    for (const group of all(graph, "securityGroup"))
      expect(JSON.stringify(group.inputs.ingress ?? []), group.name).not.toMatch(/0\.0\.0\.0\/0|::\/0|"-1"/);
  });
});

test.each(
  permanentStages,
)("on %s each tier admits the tier before it, and the migrator and the bastion alone go past the proxy", async (stage) => {
  const graph = await graphOf(stage);
  const between = [
    "BastionGroup -> DatabaseGroup:5432",
    "BastionGroup -> ProxyGroup:5432",
    "FunctionGroup -> CacheGroup:6379",
    "FunctionGroup -> ProxyGroup:5432",
    "MigratorGroup -> DatabaseGroup:5432",
    "MigratorGroup -> ProxyGroup:5432",
    "ProxyGroup -> DatabaseGroup:5432",
  ];
  expect(flows(graph, ingress)).toEqual(between);
  expect(flows(graph, egress)).toEqual(
    [
      ...between,
      ...["Bastion", "Function", "Migrator"].map((tier) => `${tier}Group -> 0.0.0.0/0:443`),
    ].toSorted(),
  );
});

test.each(personalStages)("on %s, without a proxy, functions go straight to the database", async (stage) => {
  expect(flows(await graphOf(stage), ingress)).toEqual([
    "BastionGroup -> DatabaseGroup:5432",
    "FunctionGroup -> CacheGroup:6379",
    "FunctionGroup -> DatabaseGroup:5432",
    "MigratorGroup -> DatabaseGroup:5432",
  ]);
});

test("permanent stages have a managed NAT gateway a zone, personal ones the cheaper instance, open to the VPC on 443 alone", async () => {
  for (const stage of permanentStages) {
    const graph = await graphOf(stage);
    expect(all(graph, "aws:ec2/natGateway:NatGateway")).toHaveLength(2);
    expect(instances(graph)).toEqual([]);
  }
  for (const stage of personalStages) {
    const graph = await graphOf(stage);
    expect(all(graph, "aws:ec2/natGateway:NatGateway")).toEqual([]);
    expect(instances(graph)).toHaveLength(2);
    const profile = one(graph, "aws:iam/instanceProfile:InstanceProfile", "VpcNatInstanceProfile");
    const role = one(graph, "role", "NatRole");
    expect(profile.inputs.role).toBe(text(role, "name"));
    expect([role.inputs.managedPolicyArns ?? [], role.inputs.inlinePolicies ?? []]).toEqual([[], []]);
    for (const { inputs } of instances(graph))
      expect(inputs).toMatchObject({
        metadataOptions: { httpTokens: "required" },
        rootBlockDevice: { encrypted: true },
        iamInstanceProfile: text(profile, "name"),
        associatePublicIpAddress: false,
      });
    expect(one(graph, "securityGroup", "VpcNatInstanceSecurityGroup").inputs.ingress).toEqual([
      expect.objectContaining({ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["10.0.0.0/16"] }),
    ]);
  }
});

test("there is no SSH key and no bastion with an open port 22", async () => {
  for (const stage of stages) {
    const graph = await graphOf(stage);
    expect(all(graph, "aws:ec2/keyPair:KeyPair")).toEqual([]);
    expect(all(graph, "aws:ssm/parameter:Parameter").map(({ name }) => name)).toEqual(["TunnelParameter"]);
  }
});

/** NAT instances; the bastion is one of ours. */
function instances(graph: Graph): GraphResource[] {
  return all(graph, "aws:ec2/instance:Instance").filter(({ name }) => name !== "Bastion");
}

function routesOf(graph: Graph, subnetId: string): Record<string, unknown> {
  const association = all(graph, "aws:ec2/routeTableAssociation:RouteTableAssociation").find(
    ({ inputs }) => inputs.subnetId === subnetId,
  );
  const table = all(graph, "aws:ec2/routeTable:RouteTable").find(
    ({ outputs }) => outputs.id === association?.inputs.routeTableId,
  );
  const [route] = table?.inputs.routes as Record<string, unknown>[];
  expect(route?.cidrBlock).toBe("0.0.0.0/0");
  return route ?? {};
}
function natName(graph: Graph, id: unknown) {
  return all(graph, "aws:ec2/natGateway:NatGateway").find(({ outputs }) => outputs.id === id)?.name;
}
