import type { MockTable } from "./context.ts";
import { byEc2Id, plain } from "./shapes.ts";

/** VPC and what is in it; service discovery. */
export const network: MockTable = {
  "aws:ec2/vpc:Vpc": byEc2Id("vpc", "vpc", (c) => ({
    cidrBlock: c.text("cidrBlock") ?? "10.0.0.0/16",
    defaultSecurityGroupId: `sg-${c.hex(17, "group")}`,
    defaultRouteTableId: `rtb-${c.hex(17, "routes")}`,
    mainRouteTableId: `rtb-${c.hex(17, "routes")}`,
    defaultNetworkAclId: `acl-${c.hex(17, "acl")}`,
    dhcpOptionsId: `dopt-${c.hex(17, "dhcp")}`,
  })),
  "aws:ec2/subnet:Subnet": byEc2Id("subnet", "subnet", (c) => ({
    availabilityZone: c.text("availabilityZone") ?? `${c.region}a`,
    cidrBlock: c.text("cidrBlock") ?? "10.0.0.0/22",
  })),
  "aws:ec2/internetGateway:InternetGateway": byEc2Id("igw", "internet-gateway"),
  "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": byEc2Id(
    "eigw",
    "egress-only-internet-gateway",
  ),
  "aws:ec2/natGateway:NatGateway": byEc2Id("nat", "natgateway", (c) => ({
    publicIp: `203.0.113.${1 + (Number.parseInt(c.hex(2, "ip"), 16) % 250)}`,
    networkInterfaceId: `eni-${c.hex(17, "interface")}`,
    allocationId: c.text("allocationId") ?? `eipalloc-${c.hex(17, "ip")}`,
  })),
  "aws:ec2/eip:Eip": (c) => {
    const id = `eipalloc-${c.hex(17)}`;
    return {
      id,
      outputs: {
        allocationId: id,
        arn: c.arn("ec2", `elastic-ip/${id}`),
        publicIp: `203.0.113.${1 + (Number.parseInt(c.hex(2, "ip"), 16) % 250)}`,
      },
    };
  },
  "aws:ec2/eipAssociation:EipAssociation": plain((c) => `eipassoc-${c.hex(17)}`),
  "aws:ec2/routeTable:RouteTable": byEc2Id("rtb", "route-table"),
  "aws:ec2/defaultRouteTable:DefaultRouteTable": byEc2Id("rtb", "route-table"),
  "aws:ec2/route:Route": plain((c) => `r-${c.text("routeTableId")}${c.digits(10)}`),
  "aws:ec2/routeTableAssociation:RouteTableAssociation": plain((c) => `rtbassoc-${c.hex(17)}`),
  "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation": plain((c) => `rtbassoc-${c.hex(17)}`),
  "aws:ec2/securityGroup:SecurityGroup": (c) => {
    const id = `sg-${c.hex(17)}`;
    const name = c.named("name");
    return {
      id,
      inputs: { name, description: c.text("description") ?? "Managed by Pulumi" },
      outputs: { arn: c.arn("ec2", `security-group/${id}`), ownerId: c.accountId },
    };
  },
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": byEc2Id("sg", "security-group", () => ({
    name: "default",
  })),
  "aws:ec2/securityGroupRule:SecurityGroupRule": plain((c) => `sgrule-${c.digits(10)}`),
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": byEc2Id(
    "sgr",
    "security-group-rule",
    (_, id) => ({
      securityGroupRuleId: id,
    }),
  ),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": byEc2Id(
    "sgr",
    "security-group-rule",
    (_, id) => ({
      securityGroupRuleId: id,
    }),
  ),
  "aws:ec2/networkAcl:NetworkAcl": byEc2Id("acl", "network-acl"),
  "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": byEc2Id("acl", "network-acl"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": byEc2Id("vpce", "vpc-endpoint", (c) => ({
    prefixListId: `pl-${c.hex(8, "prefix")}`,
    state: "available",
    dnsEntries: [
      { dnsName: `vpce-${c.hex(17)}.${c.text("serviceName") ?? ""}`, hostedZoneId: "Z7HUB22UULQXV" },
    ],
  })),
  "aws:ec2/flowLog:FlowLog": byEc2Id("fl", "vpc-flow-log"),
  "aws:ec2/networkInterface:NetworkInterface": byEc2Id("eni", "network-interface"),
  "aws:ec2/managedPrefixList:ManagedPrefixList": byEc2Id("pl", "prefix-list"),
  "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": (c) => {
    const id = `ns-${c.alphanumeric(16)}`;
    return {
      id,
      outputs: { arn: c.arn("servicediscovery", `namespace/${id}`), hostedZone: `Z${c.upper(20)}` },
    };
  },
  "aws:servicediscovery/service:Service": (c) => {
    const id = `srv-${c.alphanumeric(16)}`;
    return { id, outputs: { arn: c.arn("servicediscovery", `service/${id}`) } };
  },
};
