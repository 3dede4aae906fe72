import { rule } from "../rule.ts";
import { blocks, everywhere, isTrue, texts, value, type World } from "../world.ts";

const group = {
  absent: "no security group of ours",
  over: (world: World) => world.all("securityGroup"),
};

const generic = /^managed by (pulumi|terraform)$/i;

export const networkRules = [
  rule({
    name: "network.flow-logs",
    controls: ["AwsSolutions-VPC7", "CKV2_AWS_11", "EC2.6"],
    statement: "Each VPC has a flow log that records at least what was rejected",
    mend: "add an aws.ec2.FlowLog for the VPC with trafficType REJECT or ALL",
    absent: "no VPC of ours",
    over: (world) => world.all("vpc"),
    wrong: (vpc, world) =>
      !world
        .about("flowLog", "vpcId", vpc)
        .some((log) => ["ALL", "REJECT"].includes(String(value(log, "trafficType")))) &&
      "has no flow log of rejected traffic",
  }),
  rule({
    name: "network.default-group",
    controls: ["CKV2_AWS_12", "EC2.2"],
    statement: "The default security group of each VPC lets nothing in or out",
    mend: "declare the VPC's aws.ec2.DefaultSecurityGroup with empty ingress and egress",
    absent: "no VPC of ours",
    over: (world) => world.all("vpc"),
    wrong: (vpc, world) => {
      const [own] = world.about("defaultSecurityGroup", "vpcId", vpc);
      if (!own) return "leaves its default security group as AWS made it, open among its members";
      return (
        [...blocks(own, "ingress"), ...blocks(own, "egress")].length > 0 &&
        `has rules in its default security group ${own.name}`
      );
    },
  }),
  rule({
    name: "network.described",
    controls: ["AwsSolutions-EC27", "CKV_AWS_23"],
    statement: "Every security group and each of its rules says what it is for",
    mend: "give the group or rule a description",
    ...group,
    wrong: (own, world) => {
      const text = value(own, "description");
      return [
        (typeof text !== "string" || text === "" || generic.test(text)) && "has no description of its own",
        ...world
          .groupRules(own)
          .map(({ description, resource, direction }) =>
            description ? false : `has a rule (${direction}, in ${resource.name}) without a description`,
          ),
      ];
    },
  }),
  rule({
    name: "network.closed-to-internet",
    controls: [
      "AwsSolutions-EC23",
      "AwsSolutions-RDS8",
      "CKV_AWS_24",
      "CKV_AWS_25",
      "CKV_AWS_260",
      "CKV_AWS_277",
      "EC2.13",
      "EC2.14",
      "EC2.18",
      "EC2.19",
    ],
    statement: "No security group lets the whole internet in, on any port",
    mend: "admit a security group or the ranges that need it instead of 0.0.0.0/0 and ::/0",
    ...group,
    wrong: (own, world) =>
      world
        .groupRules(own)
        .filter(({ direction, ranges }) => direction === "ingress" && ranges.some(everywhere))
        .map(({ protocol, from, to }) =>
          protocol === "-1"
            ? "lets the internet in on every port"
            : `lets the internet in on ${protocol} ${from === to ? from : `${from}-${to}`}`,
        ),
  }),
  rule({
    name: "network.egress",
    controls: ["CKV_AWS_382"],
    statement: "No security group lets every protocol out to everywhere",
    mend: "name the protocol and the ports that go out",
    ...group,
    wrong: (own, world) =>
      world
        .groupRules(own)
        .some(
          ({ direction, protocol, ranges }) =>
            direction === "egress" && protocol === "-1" && ranges.some(everywhere),
        ) && "lets every protocol out to everywhere",
  }),
  rule({
    name: "network.groups-used",
    controls: ["CKV2_AWS_5"],
    statement: "Every security group belongs to something",
    mend: "attach the group, or take it out of the program",
    ...group,
    wrong: (own, world) => {
      const rules = new Set(world.all("ingressRule", "egressRule", "securityGroupRule"));
      return (
        !world.used(String(value(own, "id")), (resource) => resource === own || rules.has(resource)) &&
        "is attached to nothing"
      );
    },
  }),
  rule({
    name: "network.public-addresses",
    controls: ["EC2.15"],
    statement: "No subnet gives out public addresses by itself",
    mend: "set mapPublicIpOnLaunch to false",
    absent: "no subnet of ours",
    over: (world) => world.all("subnet"),
    wrong: (subnet) =>
      isTrue(value(subnet, "mapPublicIpOnLaunch")) && "gives a public address to whatever starts in it",
  }),
  rule({
    name: "network.acls",
    controls: ["AwsSolutions-VPC3", "EC2.16", "EC2.21"],
    statement: "Security groups alone filter; no VPC has a network ACL of its own, so none is open or unused",
    mend: "take the network ACL out and say it in a security group",
    absent: "no VPC of ours",
    over: (world) => world.all("vpc"),
    wrong: (vpc, world) =>
      world.about("networkAcl", "vpcId", vpc).map(({ name }) => `has the network ACL ${name}`),
  }),
  rule({
    name: "network.ec2-endpoint",
    controls: ["EC2.10"],
    statement: "Each VPC reaches EC2's own API by an interface endpoint",
    mend: "add an aws.ec2.VpcEndpoint of type Interface for com.amazonaws.<region>.ec2",
    absent: "no VPC of ours",
    over: (world) => world.all("vpc"),
    wrong: (vpc, world) =>
      !world
        .about("endpoint", "vpcId", vpc)
        .some(
          (endpoint) =>
            value(endpoint, "vpcEndpointType") === "Interface" &&
            /\.ec2$/.test(String(value(endpoint, "serviceName"))),
        ) && "has no interface endpoint for EC2",
  }),
  rule({
    name: "network.elastic-addresses",
    controls: ["EC2.12"],
    statement: "Every elastic address is in use",
    mend: "attach the address, or take it out of the program",
    absent: "no elastic address of ours",
    over: (world) => world.all("eip"),
    wrong: (eip, world) => {
      const ids = [value(eip, "id"), value(eip, "allocationId")].flatMap(texts);
      return (
        !value(eip, "instance") &&
        !value(eip, "networkInterface") &&
        !ids.some((id) => world.used(id, (resource) => resource === eip)) &&
        "belongs to nothing"
      );
    },
  }),
  rule({
    name: "network.transit",
    controls: ["EC2.23"],
    statement: "No transit gateway takes other VPCs in unasked",
    mend: "leave autoAcceptSharedAttachments off",
    absent: "no transit gateway",
    over: (world) => world.all("transitGateway"),
    wrong: (gateway) =>
      value(gateway, "autoAcceptSharedAttachments") === "enable" && "accepts whatever VPC asks",
  }),
  rule({
    name: "network.client-vpn",
    controls: ["EC2.51"],
    statement: "Every client VPN endpoint logs its connections",
    mend: "set connectionLogOptions.enabled",
    absent: "no client VPN: the database is reached through Session Manager",
    over: (world) => world.all("clientVpn"),
    wrong: (vpn) => !isTrue(value(vpn, "connectionLogOptions.enabled")) && "does not log connections",
  }),
];
