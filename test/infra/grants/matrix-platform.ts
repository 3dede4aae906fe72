/** The matrix of what functions stand on: buckets, topics, roles of AWS's services and of machines. */
import type { Matrix } from "./matrix.ts";

/** A resource's policy: nobody without TLS, and who else is let in. */
export function tlsOnly(name: string, actions: string, own: string[]): string[] {
  return [`everybody may not ${actions} on ${name} if aws:SecureTransport Bool false`, ...own].toSorted();
}

/** Who a service's call is for: of this account, and from this resource. */
const from = (operator: string, arn: string) =>
  `if aws:SourceAccount StringEquals <account> and aws:SourceArn ${operator} ${arn}`;

const logs = (name: string) =>
  tlsOnly(name, "s3:*", [
    `logging.s3.amazonaws.com may s3:PutObject on ${name}/* ${from("ArnLike", "s3:frontdesk-<stage>-*")}`,
  ]).map((sentence) => sentence.replace(/on (\w+) if aws:Secure/, "on $1, $1/* if aws:Secure"));

const operations = (name: string, region: string) =>
  tlsOnly(name, "sns:Publish", [
    `cloudwatch.amazonaws.com may sns:Publish on ${name} ${from("ArnLike", `cloudwatch:${region}:alarm:*`)}`,
    `events.rds.amazonaws.com may sns:Publish on ${name} if aws:SourceAccount StringEquals <account>`,
  ]);

/** SNS writes down what it could not deliver. */
const deliveries = (topic: string): Matrix => ({
  [`${topic}DeliveryRole`]: [
    `may logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents on ${topic}DeliveryLogGroup, ${topic}DeliveryLogGroup:*`,
    "sns.amazonaws.com may sts:AssumeRole if aws:SourceAccount StringEqualsIfExists <account>",
  ],
});

export function platformMatrix(permanent: boolean): Matrix {
  return {
    AccessLogs: logs("AccessLogs"),
    MailAccessLogs: logs("MailAccessLogs"),
    CdnLogs: ["everybody may not s3:* on CdnLogs, CdnLogs/* if aws:SecureTransport Bool false"],
    HomeBucket: [
      `cloudfront.amazonaws.com may s3:GetObject on HomeBucket/attachments/*, HomeBucket/media/*, HomeBucket/private/* ${from("ArnLike", "cloudfront:distribution/*")}`,
      "everybody may not s3:* on HomeBucket, HomeBucket/* if aws:SecureTransport Bool false",
    ],
    LayersBucket: [
      "everybody may not s3:* on LayersBucket, LayersBucket/* if aws:SecureTransport Bool false",
    ],
    MailBucket: [
      "everybody may not s3:* on MailBucket, MailBucket/* if aws:SecureTransport Bool false",
      `ses.amazonaws.com may s3:PutObject on MailBucket/inbound/* ${from("ArnEquals", "ReceiptRule")}`,
    ],
    MailTopic: tlsOnly("MailTopic", "sns:Publish", [
      `s3.amazonaws.com may sns:Publish on MailTopic ${from("ArnEquals", "MailBucket")}`,
      `ses.amazonaws.com may sns:Publish on MailTopic ${from("ArnEquals", "ReceiptRule")}`,
    ]),
    // AWS's own policy for it: SST attaches it, one an account and region.
    APIGatewayPushToCloudWatchLogsRole: [
      "apigateway.amazonaws.com may sts:AssumeRole",
      "may logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogGroups logs:DescribeLogStreams logs:FilterLogEvents logs:GetLogEvents logs:PutLogEvents on *",
    ],
    BastionRole: [
      "ec2.amazonaws.com may sts:AssumeRole",
      "may ssm:UpdateInstanceInformation on ec2:ca-central-1:instance/*",
      "may ssmmessages:CreateControlChannel ssmmessages:CreateDataChannel ssmmessages:OpenControlChannel ssmmessages:OpenDataChannel on *",
    ],
    ...deliveries("MailTopic"),
    ...deliveries("MailEvents"),
    FlowLogRole: [
      "may logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents on FlowLogGroup, FlowLogGroup:*",
      "may logs:DescribeLogGroups on logs:ca-central-1:log-group:*",
      `vpc-flow-logs.amazonaws.com may sts:AssumeRole ${from("ArnLike", "ec2:ca-central-1:vpc-flow-log/*")}`,
    ],
    ...(permanent
      ? {
          DatabaseProxyRole: [
            "may secretsmanager:GetSecretValue on DatabaseAppSecret, DatabaseMigratorSecret",
            `rds.amazonaws.com may sts:AssumeRole ${from("ArnLike", "rds:ca-central-1:db-proxy:*")}`,
          ],
          AuroraMonitoringRole: [
            "may logs:CreateLogGroup logs:PutRetentionPolicy on logs:ca-central-1:log-group:RDSOSMetrics",
            "may logs:CreateLogStream logs:DescribeLogStreams logs:GetLogEvents logs:PutLogEvents on logs:ca-central-1:log-group:RDSOSMetrics:log-stream:*",
            `monitoring.rds.amazonaws.com may sts:AssumeRole ${from("ArnLike", "rds:ca-central-1:db:*")}`,
          ],
          OperationsTopic: operations("OperationsTopic", "ca-central-1"),
          MailOperationsTopic: operations("MailOperationsTopic", "us-east-1"),
        }
      : { NatRole: ["ec2.amazonaws.com may sts:AssumeRole"] }),
  };
}
