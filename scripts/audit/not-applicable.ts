/** Controls of the list that no rule answers, with what they ask and why it is not asked of this graph. */
import { value, type World } from "./world.ts";

export interface NotApplicable {
  controls: readonly string[];
  /** What the controls ask. */
  statement: string;
  reason: string;
  /** Whether the reason still holds, where the graph can tell. */
  holds?(world: World): boolean;
}

/** No resource whose type begins so. */
const without =
  (...tokens: string[]) =>
  ({ graph }: World) =>
    !graph.resources.some(
      ({ type, external }) => !external && tokens.some((token) => type.startsWith(token)),
    );

const noMysql = (world: World) =>
  !world
    .all("databaseCluster", "databaseInstance")
    .some((database) => /mysql|maria/.test(String(value(database, "engine"))));

const noRestApi = {
  reason: "It is about REST APIs (API Gateway v1); ours are an HTTP and a websocket API.",
  holds: without("aws:apigateway/restApi:"),
};
const account =
  "It is a setting of the AWS account, whose owner keeps it; a stage neither declares nor changes it.";
const runtime = "It is about what happens while the system runs; a program declares none of it.";
const rootUser = "It is about the account's root user, whom no program declares.";
const noUsers = {
  reason:
    "It is about IAM users and their passwords and keys; there is none, people and programs take roles.",
  holds: without("aws:iam/user:", "aws:iam/accessKey:", "aws:iam/userLoginProfile:"),
};
const noMySql = { reason: "It is about MySQL; the database is Postgres.", holds: noMysql };

export const notApplicable: readonly NotApplicable[] = [
  {
    controls: ["AwsSolutions-APIG2"],
    statement: "REST APIs validate requests; here each handler does, by schema",
    ...noRestApi,
  },
  {
    controls: ["AwsSolutions-APIG3", "APIGateway.4"],
    statement: "REST API stages are behind a web ACL",
    reason:
      "WAF can be put before REST APIs only, not before HTTP and websocket APIs; those are throttled instead.",
    holds: noRestApi.holds,
  },
  { controls: ["AwsSolutions-APIG6"], statement: "REST API stages log every method", ...noRestApi },
  {
    controls: ["AwsSolutions-COG4"],
    statement:
      "REST API methods ask a Cognito authorizer; here the JWT authorizer of the HTTP API asks the same pool",
    ...noRestApi,
  },
  {
    controls: ["APIGateway.2"],
    statement: "REST API stages show their backends a client certificate",
    ...noRestApi,
  },
  { controls: ["APIGateway.3"], statement: "REST API stages are traced by X-Ray", ...noRestApi },
  { controls: ["APIGateway.5"], statement: "Caches of REST APIs are encrypted", ...noRestApi },
  {
    controls: ["CKV2_AWS_51"],
    statement: "API Gateway shows its HTTP backends a client certificate",
    reason: "Behind every route is a Lambda function, which is invoked by IAM and sees no certificate.",
    holds: ({ graph }) =>
      !graph.resources.some(
        ({ type, inputs }) =>
          type === "aws:apigatewayv2/integration:Integration" && inputs.integrationType !== "AWS_PROXY",
      ),
  },
  {
    controls: ["AwsSolutions-CFR6"],
    statement: "Streaming distributions read their bucket by an origin access identity",
    reason: "CloudFront ended streaming (RTMP) distributions in 2020.",
  },
  {
    controls: ["AwsSolutions-RDS3", "RDS.5"],
    statement: "A database that is one instance has a standby in another zone",
    reason: "The database is an Aurora cluster, of which database.zones asks the same.",
    holds: without("aws:rds/instance:"),
  },
  {
    controls: ["AwsSolutions-RDS14", "CKV_AWS_326", "RDS.14"],
    statement: "Aurora MySQL can be wound back in place",
    ...noMySql,
  },
  {
    controls: ["AwsSolutions-RDS16", "CKV_AWS_325", "RDS.34"],
    statement: "Aurora MySQL sends its audit and other logs to CloudWatch",
    ...noMySql,
  },
  { controls: ["RDS.39"], statement: "MySQL refuses connections without TLS", ...noMySql },
  {
    controls: ["RDS.1"],
    statement: "No database snapshot is public",
    reason: "Snapshots are made by AWS and private from the start; no program shares one.",
    holds: without(
      "aws:rds/snapshotCopy:",
      "aws:rds/clusterSnapshotCopy:",
      "aws:rds/clusterSnapshot:",
      "aws:rds/snapshot:",
    ),
  },
  {
    controls: ["RDS.4"],
    statement: "Database snapshots are encrypted",
    reason:
      "A snapshot is encrypted when its cluster is, which database.encrypted asks; none is made from elsewhere.",
    holds: without(
      "aws:rds/snapshotCopy:",
      "aws:rds/clusterSnapshotCopy:",
      "aws:rds/clusterSnapshot:",
      "aws:rds/snapshot:",
    ),
  },
  {
    controls: ["AwsSolutions-S5"],
    statement: "Buckets that are web sites are read by CloudFront alone",
    reason: "No bucket is a web site.",
    holds: without("aws:s3/bucketWebsiteConfiguration"),
  },
  { controls: ["S3.1"], statement: "The account blocks public access to all buckets", reason: account },
  {
    controls: ["S3.19"],
    statement: "S3 access points block public access",
    reason: "There is no access point of S3.",
    holds: without("aws:s3/accessPoint:", "aws:s3control/multiRegionAccessPoint:"),
  },
  {
    controls: ["S3.20"],
    statement: "Deleting a version asks for the root user's second factor",
    reason:
      "S3 refuses MFA delete on buckets with lifecycle rules, which storage.lifecycle asks of every bucket; and only the root user can switch it on.",
  },
  {
    controls: ["CKV2_AWS_7"],
    statement: "Security groups of EMR clusters are closed to the internet",
    reason: "There is no EMR cluster; network.closed-to-internet asks it of every group.",
    holds: without("aws:emr/"),
  },
  { controls: ["EC2.1"], statement: "No EBS snapshot is public", reason: runtime },
  { controls: ["EC2.4"], statement: "No instance stays stopped for weeks", reason: runtime },
  { controls: ["EC2.7"], statement: "New EBS volumes of the account are encrypted", reason: account },
  {
    controls: ["EC2.20"],
    statement: "Both tunnels of a site-to-site VPN are up",
    reason: "There is no VPN between sites.",
    holds: without("aws:ec2/vpnConnection:"),
  },
  {
    controls: ["EC2.22"],
    statement: "Unused security groups are removed",
    reason: "AWS has retired it; network.groups-used asks it nevertheless.",
  },
  { controls: ["SSM.2"], statement: "Managed instances have their patches", reason: runtime },
  { controls: ["SSM.3"], statement: "Associations of managed instances are kept to", reason: runtime },
  { controls: ["SecretsManager.2"], statement: "Rotations of secrets succeed", reason: runtime },
  { controls: ["SecretsManager.3"], statement: "Secrets that nobody reads are removed", reason: runtime },
  {
    controls: ["CloudTrail.1", "CloudTrail.3"],
    statement: "The account has a trail of all regions",
    reason: account,
    holds: without("aws:cloudtrail/"),
  },
  {
    controls: ["CloudTrail.2", "CloudTrail.4", "CloudTrail.5"],
    statement: "The account's trail is encrypted, validated, and sent to CloudWatch",
    reason: account,
    holds: without("aws:cloudtrail/"),
  },
  {
    controls: ["CloudTrail.6", "CloudTrail.7"],
    statement: "The bucket of the account's trail is private and logs its requests",
    reason: account,
    holds: without("aws:cloudtrail/"),
  },
  { controls: ["IAM.3"], statement: "Users' access keys are changed each 90 days", ...noUsers },
  { controls: ["IAM.4"], statement: "The root user has no access key", reason: rootUser },
  { controls: ["IAM.5", "IAM.19"], statement: "Users sign in with a second factor", ...noUsers },
  {
    controls: ["IAM.6", "IAM.9"],
    statement: "The root user signs in with a second factor",
    reason: rootUser,
  },
  {
    controls: ["IAM.7", "IAM.10"],
    statement: "The account asks strong passwords of its users",
    reason: account,
  },
  { controls: ["IAM.8", "IAM.22"], statement: "Credentials of users that go unused are removed", ...noUsers },
  {
    controls: ["IAM.26"],
    statement: "No expired certificate is kept in IAM",
    reason: "Certificates are ACM's, which renews them.",
    holds: without("aws:iam/serverCertificate:"),
  },
  {
    controls: ["WAF.1", "WAF.2", "WAF.3", "WAF.4", "WAF.6", "WAF.7", "WAF.8"],
    statement: "Rules, groups and ACLs of WAF Classic are not empty and log",
    reason:
      "It is about WAF Classic, which AWS ended in 2025; firewall.* asks the same of web ACLs of today.",
    holds: without("aws:waf/", "aws:wafregional/"),
  },
];
