import type { GraphResource } from "@frontdesk/local";
import { rule } from "../rule.ts";
import { blocks, isTrue, texts, value, type World } from "../world.ts";

const databases = {
  absent: "no database",
  over: (world: World) => world.all("databaseCluster", "databaseInstance"),
};
/** Aurora's instances, and databases that are an instance alone. */
const instances = {
  absent: "no database instance",
  over: (world: World) => world.all("databaseClusterInstance", "databaseInstance"),
};
const clusters = { absent: "no Aurora cluster", over: (world: World) => world.all("databaseCluster") };

const isPostgres = (database: GraphResource) => String(value(database, "engine")).includes("postgres");

function parameter(database: GraphResource, world: World, name: string): string | undefined {
  const group = world.find("databaseParameters", value(database, "dbClusterParameterGroupName"));
  const found = group && blocks(group, "parameters").find((candidate) => candidate.name === name);
  return found && String(found.value);
}

/** AWS-2022-004: from these on log_fdw is mended. https://aws.amazon.com/security/security-bulletins/AWS-2022-004/ */
const logFdwMended: Record<string, number> = { "10": 20, "11": 15, "12": 10, "13": 6, "14": 2 };

export const databaseRules = [
  rule({
    name: "database.encrypted",
    controls: ["AwsSolutions-RDS2", "CKV_AWS_96", "RDS.3", "RDS.27"],
    statement: "Every database is encrypted at rest, its instances and snapshots with it",
    mend: "set storageEncrypted; an unencrypted one must be restored from a snapshot into a new one",
    ...databases,
    wrong: (database) => !isTrue(value(database, "storageEncrypted")) && "is not encrypted",
  }),
  rule({
    name: "database.iam",
    controls: ["AwsSolutions-RDS6", "CKV_AWS_162", "RDS.10", "RDS.12"],
    statement: "Every database takes IAM tokens",
    mend: "set iamDatabaseAuthenticationEnabled",
    ...databases,
    wrong: (database) =>
      !isTrue(value(database, "iamDatabaseAuthenticationEnabled")) && "takes passwords only",
  }),
  rule({
    name: "database.deletion-protection",
    controls: ["AwsSolutions-RDS10", "CKV_AWS_139", "RDS.7", "RDS.8"],
    statement: "No database can be deleted by one call",
    mend: "set deletionProtection",
    ...databases,
    wrong: (database) =>
      !isTrue(value(database, "deletionProtection")) && "is not protected against deletion",
  }),
  rule({
    name: "database.backups",
    controls: ["AwsSolutions-RDS13", "CKV_AWS_133", "RDS.11"],
    statement: "Every database can be put back to any second of the last seven days or more",
    mend: "set backupRetentionPeriod to 7 or more",
    ...databases,
    wrong: (database) => {
      // One day, where nothing is said.
      const days = Number(value(database, "backupRetentionPeriod") ?? 1);
      return days < 7 && `keeps its backups for ${days} day${days === 1 ? "" : "s"}`;
    },
  }),
  rule({
    name: "database.log-export",
    controls: ["CKV_AWS_324", "RDS.9", "RDS.36", "RDS.37"],
    statement: "Every Postgres database sends its log to CloudWatch",
    mend: 'add "postgresql" to enabledCloudwatchLogsExports',
    absent: "no Postgres database",
    over: (world) => databases.over(world).filter(isPostgres),
    wrong: (database) =>
      !texts(value(database, "enabledCloudwatchLogsExports")).includes("postgresql") &&
      "keeps its log to itself",
  }),
  rule({
    name: "database.query-log",
    controls: ["CKV2_AWS_27"],
    statement: "Every Aurora Postgres cluster logs changes of its schema and slow statements",
    mend: "set log_statement and log_min_duration_statement in the cluster's parameter group",
    absent: "no Aurora Postgres cluster",
    over: (world) => clusters.over(world).filter(isPostgres),
    wrong: (cluster, world) => {
      const kinds = parameter(cluster, world, "log_statement");
      const duration = parameter(cluster, world, "log_min_duration_statement");
      return [
        (kinds === undefined || kinds === "none") && "logs no statements: log_statement is not set",
        (duration === undefined || duration === "-1") &&
          "logs no slow statements: log_min_duration_statement is not set",
      ];
    },
  }),
  rule({
    name: "database.tls",
    controls: ["RDS.38"],
    statement: "Every Aurora Postgres cluster refuses connections without TLS",
    mend: "set rds.force_ssl to 1 in the cluster's parameter group",
    absent: "no Aurora Postgres cluster",
    over: (world) => clusters.over(world).filter(isPostgres),
    wrong: (cluster, world) =>
      parameter(cluster, world, "rds.force_ssl") !== "1" && "takes connections without TLS",
  }),
  rule({
    name: "database.private",
    controls: ["CKV_AWS_17", "RDS.2"],
    statement: "No database instance has a public address",
    mend: "leave publiclyAccessible off",
    ...instances,
    wrong: (instance) => isTrue(value(instance, "publiclyAccessible")) && "is reachable from the internet",
  }),
  rule({
    name: "database.vpc",
    controls: ["RDS.18"],
    statement: "Every database is in subnets of ours",
    mend: "name a subnet group",
    ...databases,
    wrong: (database) => !value(database, "dbSubnetGroupName") && "names no subnet group",
  }),
  rule({
    name: "database.enhanced-monitoring",
    controls: ["CKV_AWS_118", "RDS.6"],
    statement: "Every database instance reports what its operating system does",
    mend: "set monitoringInterval (seconds) and monitoringRoleArn",
    ...instances,
    wrong: (instance) =>
      !(Number(value(instance, "monitoringInterval")) > 0 && value(instance, "monitoringRoleArn")) &&
      "has no enhanced monitoring",
  }),
  rule({
    name: "database.insights",
    controls: ["CKV_AWS_353"],
    statement: "Every database instance records which statements load it",
    mend: "set performanceInsightsEnabled",
    ...instances,
    wrong: (instance) =>
      !isTrue(value(instance, "performanceInsightsEnabled")) && "has no Performance Insights",
  }),
  rule({
    name: "database.minor-upgrades",
    controls: ["CKV_AWS_226", "RDS.13", "RDS.35"],
    statement: "Every database instance takes minor versions by itself",
    mend: "leave autoMinorVersionUpgrade on",
    ...instances,
    wrong: (instance) =>
      !isTrue(value(instance, "autoMinorVersionUpgrade") ?? true) && "waits to be upgraded",
  }),
  rule({
    name: "database.snapshot-tags",
    controls: ["CKV_AWS_313", "RDS.16", "RDS.17"],
    statement: "Snapshots carry the tags of their database",
    mend: "set copyTagsToSnapshot",
    ...databases,
    wrong: (database) => !isTrue(value(database, "copyTagsToSnapshot")) && "makes snapshots without its tags",
  }),
  rule({
    name: "database.zones",
    controls: ["RDS.15"],
    statement: "Every cluster has an instance to fail over to in another zone",
    mend: "add a second instance",
    ...clusters,
    wrong: (cluster, world) => {
      const own = world.about("databaseClusterInstance", "clusterIdentifier", cluster).length;
      return own < 2 && `has ${own === 1 ? "one instance" : "no instance"}`;
    },
  }),
  rule({
    name: "database.master-name",
    controls: ["RDS.24", "RDS.25"],
    statement: "No database has a master whose name can be guessed",
    mend: "set masterUsername",
    ...databases,
    wrong: (database) => {
      const name = String(value(database, "masterUsername") ?? value(database, "username"));
      return (
        ["admin", "postgres", "root", "awsuser", "undefined"].includes(name) && `has a master named "${name}"`
      );
    },
  }),
  rule({
    name: "database.log-fdw",
    controls: ["CKV_AWS_250"],
    statement: "No Postgres is of a version whose log_fdw extension reads files of the machine",
    mend: "upgrade",
    absent: "no Postgres database",
    over: (world) => databases.over(world).filter(isPostgres),
    wrong: (database) => {
      const version = String(value(database, "engineVersion"));
      const [major = "", minor = "0"] = version.split(".");
      return (Number(major) < 10 || Number(minor) < (logFdwMended[major] ?? 0)) && `runs Postgres ${version}`;
    },
  }),
  rule({
    name: "database.events",
    controls: ["RDS.19", "RDS.20", "RDS.21", "RDS.22"],
    statement: "Somebody is told of failures and maintenance of databases and of changes to their parameters",
    mend: "add an aws.rds.EventSubscription for each source type, to the alarm topic",
    ...databases,
    wrong: (_, world) =>
      Object.entries({
        "db-cluster": ["maintenance", "failure"],
        "db-instance": ["maintenance", "configuration change", "failure"],
        "db-parameter-group": ["configuration change"],
        "db-security-group": ["configuration change", "failure"],
      }).map(([source, wanted]) => {
        const told = world
          .all("databaseEvents")
          .filter((own) => value(own, "sourceType") === source && isTrue(value(own, "enabled") ?? true))
          .flatMap((own) => {
            const categories = texts(value(own, "eventCategories"));
            return categories.length > 0 ? categories : wanted; // none named: all of them
          });
        const untold = wanted.filter((category) => !told.includes(category));
        return untold.length > 0 && `tells nobody of ${untold.join(", ")} of ${source}`;
      }),
  }),
];
