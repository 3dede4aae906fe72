/** IAM, and the cache. */
import type { Section } from "./notes.ts";
import { of, roleAllowing } from "./select.ts";

export const permissions: Section[] = [
  {
    title: "IAM",
    lines: [
      {
        line: 69,
        note: "IAM",
        answer: "One role a function; what it may do is said in `infra/grants/` and nowhere else.",
        resources: [of("aws.iam.Role")],
      },
      {
        line: 70,
        to: 71,
        note: "we are allowing everything",
        answer: "Ended: there is no IAM user, and no role of a function is allowed everything.",
        never: [of("aws.iam.User"), roleAllowing("iam:CreateUser", /Role$/)],
      },
      {
        line: 72,
        note: "RDS proxy should have a role",
        answer:
          "It may read the passwords of the users behind it. `rds:AssumeRole` does not exist: RDS assumes the role by its trust.",
        resources: [of("aws.iam.Role", /^DatabaseProxyRole$/)],
      },
      {
        line: 73,
        note: "Lambda should have limited access",
        answer: "A role each: its own log, its network interfaces, and its grants.",
        resources: [
          of("aws.lambda.Function"),
          roleAllowing("logs:PutLogEvents", /^(?!FlowLog|AuroraMonitoringRole$|\w+DeliveryRole$)/),
        ],
      },
      {
        line: 74,
        note: "Copy the trust entity relationship settings carefully",
        answer:
          "Written, not copied: one service a role, with account and ARN of the source where AWS gives them.",
        resources: [
          of("aws.iam.Role", /./, ({ assumeRolePolicy }) => /Service/.test(String(assumeRolePolicy))),
        ],
      },
      {
        line: 75,
        note: "operations which are lambda doing with Read/Write",
        answer: "Each of the following lines.",
      },
      {
        line: 76,
        note: "Event Bridge Scheduler",
        answer: "The jobs consumer makes, changes, looks at and deletes schedules of the stage's group.",
        resources: [of("aws.scheduler.ScheduleGroup"), roleAllowing("scheduler:CreateSchedule")],
        never: [roleAllowing("scheduler:CreateSchedule", /^(?!JobsConsumer)/)],
      },
      {
        line: 77,
        note: "Carefully check `AmazonEventBridgeSchedulerFullAccess` role",
        answer: "Checked, and not attached: it allows all of Scheduler on everything, and passing roles.",
        never: [
          of("aws.iam.Role", /./, ({ managedPolicyArns }) =>
            JSON.stringify(managedPolicyArns ?? []).includes("AmazonEventBridgeSchedulerFullAccess"),
          ),
          roleAllowing("scheduler:DeleteScheduleGroup"),
        ],
      },
      {
        line: 78,
        note: "adding an `Assume` role in trust relationship",
        answer:
          "Scheduler takes this role, for schedules of this group and account alone; it may send to the jobs queue.",
        resources: [
          of("aws.iam.Role", /^SchedulerRole$/, ({ assumeRolePolicy }) =>
            /aws:SourceArn/.test(String(assumeRolePolicy)),
          ),
        ],
      },
      {
        line: 79,
        note: "`iam:PassRole` is also being added",
        answer:
          "Of the scheduler role alone, to Scheduler alone, by the jobs consumer alone; CI's role passes what it deploys.",
        resources: [roleAllowing("iam:PassRole")],
        never: [roleAllowing("iam:PassRole", /^(?!JobsConsumerRole$|DeployRole$)/)],
      },
      {
        line: 80,
        note: "pass an array of all 3 queues ARNs",
        answer:
          "Not all three to everybody: who consumes a queue may take from it, who fills it may send to it.",
        resources: [roleAllowing("sqs:ReceiveMessage"), roleAllowing("sqs:SendMessage")],
      },
      {
        line: 81,
        note: "S3 Bucket",
        answer: "By prefix.",
        resources: [roleAllowing("s3:GetObject")],
      },
      {
        line: 82,
        note: "only give write / update access (PUT Object)",
        answer: "Yes: who stores may put, below the prefix it stores under.",
        resources: [roleAllowing("s3:PutObject")],
      },
      {
        line: 83,
        note: "Delete access can be given only to SQS-Lambda",
        answer:
          "The jobs consumer alone, in its `deleteSQSFiles` job: below `claims/`, `media/`, `private/` and `tmp/uploads/`.",
        resources: [roleAllowing("s3:DeleteObject")],
        never: [roleAllowing("s3:DeleteObject", /^(?!JobsConsumer)/)],
      },
      {
        line: 84,
        note: "SNS (not sure)",
        answer: "Not needed: S3 and SES publish by the topic's policy, and no function does.",
        never: [roleAllowing("sns:Publish")],
      },
      {
        line: 85,
        note: "Secret Manager (getting secret)",
        answer: "Each secret to those who use it.",
        resources: [roleAllowing("secretsmanager:GetSecretValue")],
      },
      {
        line: 86,
        note: "Maybe some services in websocket",
        answer: "`execute-api:ManageConnections` of our websocket API, to those who push.",
        resources: [roleAllowing("execute-api:ManageConnections")],
      },
      {
        line: 87,
        note: "Amazon SES",
        answer: "Whoever has mail to send hands the jobs consumer a job; it alone talks to SES.",
        never: [roleAllowing("ses:SendEmail", /^(?!JobsConsumer)/)],
      },
      {
        line: 88,
        note: "Send email",
        answer: "From our addresses, as our identities, with our configuration set.",
        resources: [roleAllowing("ses:SendEmail")],
      },
      {
        line: 89,
        note: "Bulk Email sending",
        answer: "With templates of the stage.",
        resources: [roleAllowing("ses:SendBulkEmail")],
      },
      {
        line: 90,
        note: "Email Templates",
        answer: "Those whose names begin with the stage's.",
        resources: [roleAllowing("ses:CreateEmailTemplate")],
      },
      {
        line: 91,
        note: "Suppression List",
        answer: "Of the account in the home region; AWS knows no narrower resource.",
        resources: [roleAllowing("ses:PutSuppressedDestination")],
      },
      {
        line: 92,
        note: "EC2 (most probably not",
        answer: "Right, but for the network interfaces that Lambda makes in the VPC as the function's role.",
        resources: [roleAllowing("ec2:CreateNetworkInterface")],
        never: [roleAllowing("ec2:RunInstances")],
      },
      { line: 93, note: "Cognito", answer: "The pool answers who somebody is by the token itself." },
      {
        line: 94,
        note: "when we will add auth on every endpoint",
        answer: "Not needed: API Gateway checks each token's signature, and roles are groups in it.",
        resources: [of("aws.apigatewayv2.Authorizer", /Tokens/)],
        never: [roleAllowing("cognito-idp:AdminGetUser")],
      },
      {
        line: 95,
        note: "AWSLambdaVPCAccessExecutionRole",
        answer:
          "Not attached, since it reaches every log group: the same actions, on the function's own log.",
        never: [
          of("aws.iam.Role", /./, ({ managedPolicyArns }) =>
            JSON.stringify(managedPolicyArns ?? []).includes("AWSLambdaVPCAccessExecutionRole"),
          ),
        ],
      },
      {
        line: 96,
        note: "auto provided by sls",
        answer: "SST would attach it too; `infra/function.ts` puts a policy of its own in its place.",
        resources: [roleAllowing("logs:CreateLogStream"), of("aws.cloudwatch.LogGroup")],
      },
      { line: 97, note: "Lambda", answer: "The following two lines." },
      {
        line: 98,
        note: "maybe invoke permission",
        answer:
          "Not needed by any function: API Gateway and EventBridge invoke by the function's own policy, and the deployment runs the migrator.",
        resources: [of("aws.lambda.Permission"), of("aws.lambda.Invocation")],
        never: [roleAllowing("lambda:InvokeFunction")],
      },
      {
        line: 99,
        note: "Layers read/write/update permission",
        answer: "Not needed at run time: layers are published by the deployment.",
        never: [roleAllowing("lambda:PublishLayerVersion", /Role$/)],
      },
    ],
  },
  {
    title: "Cache",
    lines: [
      {
        line: 101,
        note: "Elastic cache (Redis)",
        answer: "One shard, TLS, an auth token; with a replica and failover in production.",
        resources: [
          of("aws.elasticache.ReplicationGroup"),
          of("aws.elasticache.SubnetGroup"),
          of("aws.elasticache.ParameterGroup"),
        ],
      },
      {
        line: 102,
        note: "used for caching",
        answer: "For that alone; losing it loses no data. What is cached: [cache.md](cache.md).",
        resources: [of("sst.aws.Redis")],
      },
    ],
  },
];
