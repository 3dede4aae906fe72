/** Layers, database, network, secrets. */
import type { Section } from "./notes.ts";
import { of } from "./select.ts";

export const cloud: Section[] = [
  {
    title: "All of it",
    lines: [
      {
        line: 1,
        note: "Infrastructure Notes",
        answer: "This page.",
      },
      {
        line: 2,
        note: "setup by Terraform instead of Serverless",
        answer:
          "By SST v3 instead of either: sst.config.ts and infra/, with Pulumi's AWS provider, which is bridged from Terraform's.",
        resources: [of("pulumi.providers.aws")],
      },
    ],
  },
  {
    title: "Lambda layers",
    lines: [
      {
        line: 4,
        note: "Lambda Layers",
        answer: "Three: `data`, `image`, `mail`. Functions name those they use and bundle nothing of them.",
        resources: [of("aws.lambda.LayerVersion")],
      },
      {
        line: 5,
        note: "runs npm install in all three folders",
        answer:
          "`npm run layers` installs each for arm64, checks and zips it, the same packages to the same bytes; the deployment uploads.",
        resources: [of("aws.s3.BucketV2", /^LayersBucket/), of("aws.s3.BucketObjectv2", /^Layer/)],
      },
      {
        line: 6,
        note: "add lambda layer version",
        answer: "A new one only when the bytes are others; old ones stay for what still runs with them.",
        resources: [of("aws.lambda.LayerVersion")],
      },
    ],
  },
  {
    title: "Database",
    lines: [
      {
        line: 8,
        note: "better to try aurora postgres",
        answer: "Aurora Serverless v2 for PostgreSQL, version pinned, encrypted, TLS and IAM login on.",
        resources: [
          of("aws.rds.Cluster"),
          of("aws.rds.ClusterInstance"),
          of("aws.rds.ClusterParameterGroup"),
          of("aws.rds.ParameterGroup"),
        ],
      },
      {
        line: 9,
        note: "Inside private subnets",
        answer: "Its subnet group has private subnets alone, and no instance has a public address.",
        resources: [of("aws.rds.SubnetGroup")],
        never: [of("aws.rds.ClusterInstance", /./, (inputs) => inputs.publiclyAccessible === true)],
      },
      {
        line: 11,
        note: "RDS Proxy (Private Subnets)",
        answer:
          "On permanent stages; a proxy keeps Aurora from pausing, so personal stages connect straight to the cluster.",
        resources: [
          of("aws.rds.Proxy"),
          of("aws.rds.ProxyDefaultTargetGroup"),
          of("aws.rds.ProxyTarget"),
          of("aws.iam.Role", /^DatabaseProxyRole$/),
        ],
      },
    ],
  },
  {
    title: "Network",
    lines: [
      { line: 12, note: "VPC", answer: "Its range is a setting.", resources: [of("aws.ec2.Vpc")] },
      {
        line: 13,
        note: "Subnets (Private and Public)",
        answer: "One of each in two availability zones.",
        resources: [of("aws.ec2.Subnet")],
      },
      {
        line: 14,
        note: "IGW (Public Subnets)",
        answer: "The public route tables' way out.",
        resources: [of("aws.ec2.InternetGateway")],
      },
      {
        line: 15,
        note: "Route Tables",
        answer: "One a subnet; the private ones lead to NAT and, for S3, to a gateway endpoint.",
        resources: [of("aws.ec2.RouteTable"), of("aws.ec2.RouteTableAssociation"), of("aws.ec2.VpcEndpoint")],
      },
      {
        line: 16,
        note: "NAT Gateway (For private subnets)",
        answer:
          "A managed gateway a zone on permanent stages; instances, at a tenth of the price, on personal ones.",
        resources: [of("aws.ec2.NatGateway"), of("aws.ec2.Eip"), of("aws.ec2.Instance", /Nat/)],
      },
      {
        line: 17,
        note: "Required for Websockets",
        answer: "Functions in private subnets post to `@connections` through NAT.",
        resources: [of("aws.vpc.SecurityGroupEgressRule", /^FunctionToAws$/)],
      },
      {
        line: 18,
        note: "Required if our DB is in private subnets",
        answer: "The database needs no NAT; the functions beside it do, to reach AWS's services.",
        resources: [of("aws.ec2.RouteTable", /Private/)],
      },
      {
        line: 19,
        note: "Security Groups",
        answer: "One a tier.",
        resources: [of("aws.ec2.SecurityGroup"), of("aws.ec2.DefaultSecurityGroup")],
      },
      {
        line: 20,
        note: "For now, we will allow all inbound traffic",
        answer: "Not done: each group admits the tier before it, on one port.",
        resources: [of("aws.vpc.SecurityGroupIngressRule"), of("aws.vpc.SecurityGroupEgressRule")],
        never: [of("aws.vpc.SecurityGroupIngressRule", /./, ({ ipProtocol }) => ipProtocol === "-1")],
      },
      {
        line: 21,
        note: "copy settings for VPC carefully",
        answer:
          "Nothing is copied: range and zones are declared, and tests hold the routes. What the company runs already is imported or left alone.",
        resources: [of("sst.aws.Vpc")],
      },
      {
        line: 22,
        note: "not using VPC to VPC peer connection",
        answer: "Neither is this. `vpcCidr` keeps ranges apart, should stages be peered once.",
        never: [of("aws.ec2.VpcPeeringConnection")],
      },
      {
        line: 23,
        note: "EC2 Instance",
        answer: "One small one a stage, without a public address.",
        resources: [of("aws.ec2.Instance", /^Bastion$/)],
      },
      {
        line: 24,
        note: "bastion host for accessing DB",
        answer:
          "By Session Manager alone (`npm run tunnel`): no SSH key, and nobody gets in by SSH unless a setting names their range.",
        resources: [
          of("aws.iam.InstanceProfile", /^Bastion/),
          of("aws.iam.Role", /^Bastion/),
          of("aws.ssm.Parameter", /^TunnelParameter$/),
          of("aws.vpc.SecurityGroupIngressRule", /^BastionTo/),
        ],
        never: [
          of("aws.ec2.KeyPair"),
          of("aws.ec2.Instance", /^Bastion$/, (inputs) => inputs.associatePublicIpAddress !== false),
        ],
      },
    ],
  },
  {
    title: "Secrets",
    lines: [
      {
        line: 25,
        note: "Secret Manager",
        answer: "Functions read secrets at run time by ARN; no link, environment or bundle holds one.",
        resources: [of("aws.secretsmanager.Secret"), of("aws.secretsmanager.SecretVersion")],
      },
      {
        line: 26,
        note: "CDN secret",
        answer: "The keys that sign addresses of the CDN, two of them so that they rotate.",
        resources: [of("aws.secretsmanager.Secret", /^CdnSigningKeys$/)],
      },
      {
        line: 27,
        note: "Database secret (maybe will be replaced with IAM Auth)",
        answer:
          "Replaced: functions log in by IAM token. Passwords remain for the master and, behind the proxy, for its two users.",
        resources: [
          of("aws.secretsmanager.Secret", /^(Aurora|Database)/),
          of("aws.rds.Cluster", /./, (inputs) => inputs.iamDatabaseAuthenticationEnabled === true),
        ],
      },
    ],
  },
];
