import { databaseGroup } from "./network";
import { accountId, permanent, perStage, production, settings } from "./stage";
import { vpc } from "./vpc";

const { min: minimum, max: maximum } = settings.databaseCapacity ?? {
  min: production ? 1 : permanent ? 0.5 : 0,
  max: 4,
};
export const databaseMaximum = maximum;
/** Storage lies in three zones anyhow; a reader in another zone makes a failed writer a matter of seconds. */
const replicas = settings.databaseReplicas ?? (production ? 1 : 0);
const identifier = `${$app.name}-${$app.stage}`.toLowerCase();

/** RDS would make it when it first writes, and keep everything for ever. */
const logGroup = new aws.cloudwatch.LogGroup("AuroraLogGroup", {
  name: `/aws/rds/cluster/${identifier}/postgresql`,
  retentionInDays: settings.logDays,
});

/** Where RDS writes what the operating system reports: one group for all databases of the account, kept for a month. */
const metricsLog = $interpolate`arn:aws:logs:${settings.homeRegion}:${accountId}:log-group:RDSOSMetrics`;
const monitoringRole = permanent
  ? new aws.iam.Role("AuroraMonitoringRole", {
      description: "Lets RDS report on the operating system below the database",
      assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
        statements: [
          {
            actions: ["sts:AssumeRole"],
            principals: [{ type: "Service", identifiers: ["monitoring.rds.amazonaws.com"] }],
            conditions: [
              { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
              {
                test: "ArnLike",
                variable: "aws:SourceArn",
                values: [$interpolate`arn:aws:rds:${settings.homeRegion}:${accountId}:db:*`],
              },
            ],
          },
        ],
      }).json,
      // AmazonRDSEnhancedMonitoringRole reaches every log group that begins with RDS; all that is written is this one.
      inlinePolicies: [
        {
          name: "write-metrics",
          policy: aws.iam.getPolicyDocumentOutput({
            statements: [
              {
                actions: ["logs:CreateLogGroup", "logs:PutRetentionPolicy"],
                resources: [metricsLog],
              },
              {
                actions: [
                  "logs:CreateLogStream",
                  "logs:DescribeLogStreams",
                  "logs:GetLogEvents",
                  "logs:PutLogEvents",
                ],
                resources: [$interpolate`${metricsLog}:log-stream:*`],
              },
            ],
          }).json,
        },
      ],
    })
  : undefined;

/**
 * Without `dev`: with it SST answers "placeholder" for ARNs, which is no resource that a policy may name. What functions
 * use under `sst dev` is said by the link (database.ts).
 */
export const aurora = new sst.aws.Aurora("Aurora", {
  engine: "postgres",
  version: "17.5",
  username: "frontdesk_master",
  database: "frontdesk",
  scaling: { min: `${minimum} ACU`, max: `${maximum} ACU` },
  replicas,
  vpc: { subnets: vpc.privateSubnets, securityGroups: [databaseGroup.id] },
  transform: {
    clusterParameterGroup: {
      parameters: [
        { name: "rds.force_ssl", value: "1" },
        { name: "log_statement", value: "ddl" },
        { name: "log_min_duration_statement", value: "1000" },
        // A slow statement is logged without its values, which are mail and addresses.
        { name: "log_parameter_max_length", value: "0" },
        { name: "log_parameter_max_length_on_error", value: "0" },
      ],
    },
    cluster: (args, options) => {
      args.clusterIdentifier = identifier;
      args.iamDatabaseAuthenticationEnabled = true;
      args.backupRetentionPeriod = settings.backupDays;
      // At night in Canada: 02:30 to 03:30 and Sunday 03:30 to 04:30 in Toronto's winter.
      args.preferredBackupWindow = "07:30-08:30";
      args.preferredMaintenanceWindow = "sun:08:30-sun:09:30";
      args.copyTagsToSnapshot = true;
      args.deletionProtection = permanent;
      args.skipFinalSnapshot = !permanent;
      if (permanent) args.finalSnapshotIdentifier = perStage("frontdesk-final");
      args.enabledCloudwatchLogsExports = ["postgresql"];
      options.dependsOn = [logGroup];
      // AWS applies minor versions by itself; the next deployment must not try to go back.
      options.ignoreChanges = ["engineVersion"];
    },
    instance: (args, options) => {
      options.ignoreChanges = ["engineVersion"];
      args.performanceInsightsEnabled = permanent;
      args.autoMinorVersionUpgrade = true;
      args.copyTagsToSnapshot = true;
      // SST's 15 would let a reader stay small while the writer grows: it could not take over its work.
      args.promotionTier = 1;
      if (monitoringRole) {
        args.monitoringInterval = 60;
        args.monitoringRoleArn = monitoringRole.arn;
      }
    },
  },
});

export const cluster = (() => {
  if (aurora.nodes.cluster) return aurora.nodes.cluster;
  throw new Error("the database has no cluster in dev mode: leave `dev` out of sst.aws.Aurora");
})();
