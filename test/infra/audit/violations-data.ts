import { account, policy, region, type Sample } from "./sample.ts";
import type { Violations } from "./violations.ts";

const cluster = (changes: Record<string, unknown>) => (sample: Sample) => sample.set("Cluster", changes);
const instance = (changes: Record<string, unknown>) => (sample: Sample) => sample.set("Writer", changes);
const cache = (changes: Record<string, unknown>) => (sample: Sample) => sample.set("Cache", changes);
const key = (changes: Record<string, unknown>) => (sample: Sample) => sample.set("Key", changes);
const unkeyed =
  (name: string, ...properties: string[]) =>
  (sample: Sample) =>
    sample.set(name, Object.fromEntries(properties.map((property) => [property, undefined])));

const parameters = (changes: Record<string, string | undefined>) => (sample: Sample) => {
  const all = { "rds.force_ssl": "1", log_statement: "ddl", log_min_duration_statement: "1000", ...changes };
  sample.set("Parameters", {
    parameters: Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, value }],
    ),
  });
};

export const dataViolations: Violations = {
  "database.encrypted": { "a cluster is not encrypted": cluster({ storageEncrypted: undefined }) },
  "database.iam": {
    "a cluster takes passwords only": cluster({ iamDatabaseAuthenticationEnabled: undefined }),
  },
  "database.deletion-protection": { "a cluster can be deleted": cluster({ deletionProtection: false }) },
  "database.backups": {
    "a cluster keeps backups for a day": cluster({ backupRetentionPeriod: 1 }),
    "a cluster says nothing of backups": cluster({ backupRetentionPeriod: undefined }),
  },
  "database.log-export": { "a cluster keeps its log": cluster({ enabledCloudwatchLogsExports: undefined }) },
  "database.query-log": {
    "statements are not logged": parameters({ log_statement: "none" }),
    "slow statements are not logged": parameters({ log_min_duration_statement: "-1" }),
    "nothing is said of statements": parameters({ log_statement: undefined }),
  },
  "database.tls": { "TLS is not asked for": parameters({ "rds.force_ssl": "0" }) },
  "database.private": { "an instance is public": instance({ publiclyAccessible: true }) },
  "database.vpc": { "a cluster names no subnets": cluster({ dbSubnetGroupName: undefined }) },
  "database.enhanced-monitoring": {
    "an instance does not report": instance({ monitoringInterval: 0 }),
    "an instance has no role to report with": instance({ monitoringRoleArn: undefined }),
  },
  "database.insights": { "an instance records no load": instance({ performanceInsightsEnabled: false }) },
  "database.minor-upgrades": { "an instance waits": instance({ autoMinorVersionUpgrade: false }) },
  "database.snapshot-tags": { "snapshots lose their tags": cluster({ copyTagsToSnapshot: undefined }) },
  "database.zones": { "a cluster has one instance": (sample) => sample.remove("Reader") },
  "database.master-name": {
    "the master is postgres": cluster({ masterUsername: "postgres" }),
    "the master is AWS's": cluster({ masterUsername: "admin" }),
  },
  "database.log-fdw": {
    "a version reads the machine's files": cluster({ engineVersion: "13.5" }),
    "a version is older than the mending": cluster({ engineVersion: "9.6.22" }),
  },
  "database.events": {
    "nobody is told of a failing cluster": (sample) => sample.remove("ClusterEvents"),
    "a subscription is switched off": (sample) => sample.set("InstanceEvents", { enabled: false }),
    "a subscription leaves changes out": (sample) =>
      sample.set("ParameterEvents", { eventCategories: ["backup"] }),
  },
  "backup.plan": {
    "a cluster is in no plan": (sample) =>
      sample.set("Selection", { resources: [`arn:aws:ec2:${region}:${account}:*`] }),
    "machines are in no plan": (sample) => sample.set("Selection", { resources: [sample.arn("Cluster")] }),
    "a selection by tag finds nothing": (sample) =>
      sample.set("Selection", {
        resources: undefined,
        selectionTags: [{ type: "STRINGEQUALS", key: "backup", value: "daily" }],
      }),
  },
  "ports.unusual": {
    "Postgres is on 5432": cluster({ port: 5432 }),
    "Postgres says no port": cluster({ port: undefined }),
    "Redis is on 6379": cache({ port: 6379 }),
  },
  "cache.vpc": {
    "a cache is in the default subnets": cache({ subnetGroupName: "default" }),
    "a cache names no subnets": cache({ subnetGroupName: undefined }),
  },
  "cache.encrypted": {
    "a cache is not encrypted at rest": cache({ atRestEncryptionEnabled: undefined }),
    "a cache takes connections without TLS": cache({ transitEncryptionEnabled: false }),
  },
  "cache.authentication": { "a cache lets anybody in": cache({ authToken: undefined }) },
  "cache.failover": {
    "a cache has no replica": cache({ automaticFailoverEnabled: false }),
    "a replica is in the same zone": cache({ multiAzEnabled: false }),
  },
  "cache.backups": { "a cache has no snapshots": cache({ snapshotRetentionLimit: 0 }) },
  "cache.minor-upgrades": { "a cache waits": cache({ autoMinorVersionUpgrade: "false" }) },
  "keys.customer-managed": {
    "a bucket is under S3's key": (sample) =>
      sample.set("PicturesEncryption", {
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
      }),
    "a bucket is under AWS's key": (sample) =>
      sample.set("PicturesEncryption", {
        rules: [
          { applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: "alias/aws/s3" } },
        ],
      }),
    "a queue is under SQS's key": unkeyed("DeadLetters", "kmsMasterKeyId"),
    "a secret is under AWS's key": unkeyed("Secret", "kmsKeyId"),
    "a log is under AWS's key": unkeyed("Log", "kmsKeyId"),
    "a cache is under AWS's key": unkeyed("Cache", "kmsKeyId"),
    "a cluster is under AWS's key": unkeyed("Cluster", "kmsKeyId"),
    "statistics are under AWS's key": unkeyed("Writer", "performanceInsightsKmsKeyId"),
    "an environment is under AWS's key": unkeyed("Function", "kmsKeyArn"),
    "a schedule is under AWS's key": unkeyed("Schedule", "kmsKeyArn"),
  },
  "keys.rotation": { "a key stays the same": key({ enableKeyRotation: false }) },
  "keys.enabled": { "a key is disabled": key({ isEnabled: false }) },
  "keys.deletion": { "a key is gone after a week": key({ deletionWindowInDays: 7 }) },
  "keys.policy": { "a key has the default policy": key({ policy: undefined }) },
  "keys.private": {
    "everybody may decrypt": key({
      policy: policy({ Effect: "Allow", Principal: { AWS: "*" }, Action: "kms:Decrypt", Resource: "*" }),
    }),
    "a policy of its own lets everybody in": (sample) => {
      sample.add("keyPolicy", "KeyPolicy", {
        keyId: sample.id("Key"),
        policy: policy({ Effect: "Allow", Principal: "*", Action: "kms:Decrypt", Resource: "*" }),
      });
    },
  },
  "secrets.rotation": {
    "a secret stays the same": (sample) => sample.remove("SecretRotation"),
    "a secret is changed each year": (sample) =>
      sample.set("SecretRotation", { rotationRules: { automaticallyAfterDays: 365 } }),
    "a secret is changed each 100 days": (sample) =>
      sample.set("SecretRotation", { rotationRules: { scheduleExpression: "rate(100 days)" } }),
  },
  "logs.retention": {
    "a log is kept for ever": (sample) => sample.set("Log", { retentionInDays: undefined }),
    "a log is kept for ever, said aloud": (sample) => sample.set("Log", { retentionInDays: 0 }),
  },
  "logs.one-year": { "a log is kept for a month": (sample) => sample.set("Log", { retentionInDays: 30 }) },
};
