import { eighth } from "./cidr";
import { accountId, permanent, settings } from "./stage";

/** SST numbers its subnets from 1: `VpcPublicSubnet1` … */
const zoneOf = (name: string) => Number(/\d+$/.exec(name)?.[0]) - 1;
export const vpcCidr = settings.vpcCidr;

const nothingButHttps = (description: string) => ({
  protocol: "tcp",
  fromPort: 443,
  toPort: 443,
  description,
});

/** SST's own role has AmazonSSMManagedInstanceCore, which reads every parameter of the account; sending packets on needs nothing. */
const natRole = permanent
  ? undefined
  : new aws.iam.Role("NatRole", {
      description: "NAT instance: may do nothing",
      assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "ec2.amazonaws.com" }),
    });

export const vpc = new sst.aws.Vpc("Vpc", {
  az: settings.zones,
  // Functions reach SQS, SES and `@connections` through NAT. A NAT instance costs a tenth of a gateway and is
  // enough for one developer.
  nat: natRole ? { type: "ec2", ec2: { instance: "t4g.nano", role: natRole.name } } : "managed",
  transform: {
    vpc: { cidrBlock: vpcCidr },
    publicSubnet: (args, _, name) => {
      // NAT has elastic addresses; nothing else is to have a public one by accident.
      args.mapPublicIpOnLaunch = false;
      args.cidrBlock = eighth(vpcCidr, 2 * zoneOf(name));
    },
    privateSubnet: (args, _, name) => {
      args.cidrBlock = eighth(vpcCidr, 2 * zoneOf(name) + 1);
    },
    // Nothing of ours is in the VPC's default group; closed, it cannot be used by accident (CIS 5.4).
    securityGroup: { ingress: [], egress: [] },
    // SST's own admits every protocol from anywhere.
    natSecurityGroup: {
      description: "NAT instance",
      ingress: [{ ...nothingButHttps("from the VPC, to be sent on"), cidrBlocks: [vpcCidr] }],
      egress: [{ ...nothingButHttps("to the internet, for the VPC"), cidrBlocks: ["0.0.0.0/0"] }],
    },
    natInstance: (args) => {
      args.metadataOptions = { httpTokens: "required", httpEndpoint: "enabled" };
      args.rootBlockDevice = { encrypted: true };
      args.ebsOptimized = true;
      // Its elastic address is all it needs.
      args.associatePublicIpAddress = false;
    },
  },
});

/** S3 without NAT: free, and object bytes stay inside AWS. */
new aws.ec2.VpcEndpoint("S3Endpoint", {
  vpcId: vpc.id,
  serviceName: $interpolate`com.amazonaws.${settings.homeRegion}.s3`,
  vpcEndpointType: "Gateway",
  routeTableIds: $output(vpc.nodes.privateRouteTables).apply((tables) => tables.map((table) => table.id)),
});

const flowLogGroup = new aws.cloudwatch.LogGroup("FlowLogGroup", {
  name: `/${$app.name}/${$app.stage}/network`,
  retentionInDays: settings.logDays,
});
const flowLogRole = new aws.iam.Role("FlowLogRole", {
  description: "Lets the VPC's flow logs be written",
  assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        actions: ["sts:AssumeRole"],
        principals: [{ type: "Service", identifiers: ["vpc-flow-logs.amazonaws.com"] }],
        conditions: [
          { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
          {
            test: "ArnLike",
            variable: "aws:SourceArn",
            values: [$interpolate`arn:aws:ec2:${settings.homeRegion}:${accountId}:vpc-flow-log/*`],
          },
        ],
      },
    ],
  }).json,
  inlinePolicies: [
    {
      name: "write-flow-log",
      policy: aws.iam.getPolicyDocumentOutput({
        statements: [
          {
            actions: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            resources: [flowLogGroup.arn, $interpolate`${flowLogGroup.arn}:*`],
          },
          {
            // Looks for its group among all of them.
            actions: ["logs:DescribeLogGroups"],
            resources: [$interpolate`arn:aws:logs:${settings.homeRegion}:${accountId}:log-group:*`],
          },
        ],
      }).json,
    },
  ],
});
new aws.ec2.FlowLog("FlowLog", {
  vpcId: vpc.id,
  // What was refused tells of an attack or a missing rule; who talked with whom is worth its price where real data is.
  trafficType: permanent ? "ALL" : "REJECT",
  logDestinationType: "cloud-watch-logs",
  logDestination: flowLogGroup.arn,
  iamRoleArn: flowLogRole.arn,
  maxAggregationInterval: 600,
});
