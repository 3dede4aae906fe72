import type { StageKind } from "./stages.ts";
import type { World } from "./world.ts";

/** A decision that something stays as it is, with the reason that an auditor is given. */
export interface Suppression {
  /** Rules whose findings it covers. Each must find something, or its name comes out. */
  rules: readonly string[];
  /** Those of them that a stage's settings can satisfy: that they find nothing is an error with the defaults only. */
  settable?: readonly string[];
  /** Logical names of the resources that it covers, and no other. Default: all. */
  resources?: RegExp;
  /** What is said of them. Default: anything. */
  findings?: RegExp;
  /** Kinds of stage that it is for. Default: all. */
  stages?: readonly StageKind[];
  /** Whether it is for this graph. Default: it is. */
  where?(world: World): boolean;
  reason: string;
}

/** At most 15; one that matches nothing in a stage that it is for is an error. */
export const suppressions: readonly Suppression[] = [
  {
    rules: ["api.authorisation"],
    findings: /^answers "(GET|HEAD) \/(health|openapi\.json)" to anybody$/,
    reason:
      "Monitors and readers of the documentation have no token. Both routes answer the same to everybody, read no data, and are throttled.",
  },
  {
    rules: ["backup.plan", "instances.monitoring", "instances.termination"],
    settable: ["instances.monitoring", "instances.termination"],
    reason:
      "The cluster's own backups go back to any second of 14 days on permanent stages (docs/restore-drill.md); AWS Backup would keep the same a second time. Machines (bastion, NAT) keep nothing: a deployment replaces them whenever their image is renewed, and their volumes with them.",
  },
  {
    rules: ["cache.failover", "database.zones"],
    settable: ["database.zones"],
    stages: ["staging", "personal"],
    reason:
      "Only production has to outlive a zone, and there both have a second node. Elsewhere a replica would double the stage's largest costs; Aurora keeps its storage in three zones anyhow, and the cache holds nothing that cannot be made anew.",
  },
  {
    rules: ["cdn.firewall", "cdn.geography", "cognito.threats"],
    reason:
      "Behind the CDN are immutable pictures, private ones by signed address, and no code that a request could attack. Candidates and recruiters are in every country. People sign in through Google Workspace, which watches for attacks; the few passwords are long and ask for a second factor. A web ACL and Cognito's plus plan would cost more than the parts that they protect.",
  },
  {
    rules: ["cdn.failover", "logs.one-year", "storage.object-lock", "storage.replication"],
    settable: ["logs.one-year"],
    reason:
      "Personal data is kept in one place and no longer than it is needed. A locked object could not be erased when somebody asks for it; a second region would hold people's papers outside the one that they were told; logs name people and are kept for as long as faults are looked for. S3 keeps each object in three zones, and old versions are kept as long as database backups.",
  },
  {
    rules: ["functions.concurrency"],
    reason:
      "What a function reserves is taken from all others, and a new account has ten. Consumers are limited by their event source mappings, in line with the connections that the database has; the APIs by throttling.",
  },
  {
    rules: ["functions.latest-runtime"],
    reason:
      "Node 22 is the newest that SST 3.19.3 offers and is supported until April 2027. The way to SST 4 is docs/decisions/0048-sst-4.md.",
  },
  {
    rules: ["functions.signed", "storage.notifications"],
    resources: /Function$|^LayersBucketBucket$/,
    reason:
      "Code comes by the deployment alone: no role of the program may change a function, and CI takes the one that deploys by OIDC, from one environment of one repository. AWS Signer would guard against nobody else. For the same reason nobody waits to be told of what arrives in the layers' bucket, which the deployment itself publishes at once.",
  },
  {
    rules: ["functions.tracing"],
    reason:
      "One trace of our own goes from SES through queues, rows and logs to the socket, where X-Ray's would end at the first hand-over that carries no header. It would also need a permission on every resource in each role.",
  },
  {
    rules: ["functions.vpc"],
    resources: /^Auth(PreSignUp|PreTokenGeneration)Function$/,
    reason:
      "These triggers read their event and nothing else: no database, no cache, no grant. Cognito waits for them five seconds, and in the VPC they would only gain a way to what they have no business with.",
  },
  {
    rules: ["iam.aws-policies", "iam.escalation", "iam.wildcard-resources"],
    settable: ["iam.escalation"],
    findings: new RegExp(
      [
        "^has AWS's policy (service-role/AmazonAPIGatewayPushToCloudWatchLogs|service-role/AmazonRDSEnhancedMonitoringRole|PowerUserAccess)$",
        String.raw`^(allows ec2:((Create|Delete)NetworkInterface|(Una|A)ssignPrivateIpAddresses) on everything(; )?)+ \(policy runtime, NetworkInterfaces\)$`,
        String.raw`^allows ssm:UpdateInstanceInformation on everything \(policy sessions\)$`,
        String.raw`^allows iam:UpdateAssumeRolePolicy \(policy roles, KeepRoles\)$`,
      ].join("|"),
    ),
    reason:
      "AWS's services ask for it. Lambda makes network interfaces as the function's role and knows none of their names before; API Gateway and RDS write their logs by AWS's own policies, which reach nothing but logs; the bastion reports itself to Systems Manager before its own name is known. CI's deploy role makes every kind of resource, but roles only within a boundary that they cannot leave, whoever may take them (docs/decisions/0033-deploy-role.md).",
  },
  {
    rules: ["keys.customer-managed"],
    reason:
      "Everything is encrypted at rest, under keys that AWS holds and rotates. Who may read is said by the policies of one account, which a key would say a second time; it would have to let in SES, S3, SNS and CloudWatch, and would take everything with it if it were lost (docs/decisions/0030-encryption-keys.md).",
  },
  {
    rules: ["network.ec2-endpoint", "ports.unusual"],
    reason:
      "Security groups admit only the tier before, by group: whoever can reach the port knows it already, and RDS Proxy listens on no other. Nothing in the VPC calls EC2's own API, so an endpoint for it would cost 15 dollars a month and carry nothing.",
  },
  {
    rules: ["secrets.rotation"],
    reason:
      "Functions log in by IAM tokens that live 15 minutes. The secrets that are left (the proxy's users, the master, the cache's token, the CDN's keys) are read by the few roles that need them and changed by hand, as docs/operating.md says: each change has two sides that must agree, which a rotation by itself would break.",
  },
  {
    rules: [
      "cache.backups",
      "cognito.mfa",
      "database.backups",
      "database.deletion-protection",
      "database.enhanced-monitoring",
      "database.events",
      "database.insights",
      "instances.managed",
      "instances.public-address",
      "storage.versioning",
      "topics.encrypted",
    ],
    settable: ["database.backups", "database.events"],
    stages: ["personal"],
    reason:
      "A personal stage holds one developer's trials, never people's data, and is removed with its branch: what protects against loss would hinder that and cost more than the stage.",
  },
];
