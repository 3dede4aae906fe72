import { databaseGroup, proxyGroup, vpc } from "./network";
import { appSecret, appUser, migratorSecret, migratorUser } from "./secrets";
import { accountId, permanent, perStage, production, settings } from "./stage";

const { min: minimum, max: maximum } = settings.databaseCapacity ?? {
  min: production ? 1 : permanent ? 0.5 : 0,
  max: 4,
};

/**
 * Without `dev`: `sst dev` uses the stage's own cluster. With it SST answers "placeholder" for ARNs, which is no
 * resource that a policy may name; to work without AWS there is `npm run local`.
 */
export const aurora = new sst.aws.Aurora("Aurora", {
  engine: "postgres",
  version: "17.5",
  username: "frontdesk_master",
  database: "frontdesk",
  scaling: { min: `${minimum} ACU`, max: `${maximum} ACU` },
  vpc: { subnets: vpc.privateSubnets, securityGroups: [databaseGroup.id] },
  transform: {
    clusterParameterGroup: {
      parameters: [
        { name: "rds.force_ssl", value: "1" },
        { name: "log_min_duration_statement", value: "1000" },
      ],
    },
    cluster: (args) => {
      args.iamDatabaseAuthenticationEnabled = true;
      args.backupRetentionPeriod = permanent ? 14 : 1;
      args.copyTagsToSnapshot = true;
      args.deletionProtection = permanent;
      args.skipFinalSnapshot = !permanent;
      if (permanent) args.finalSnapshotIdentifier = perStage("frontdesk-final");
      args.enabledCloudwatchLogsExports = ["postgresql"];
    },
    instance: { performanceInsightsEnabled: permanent, autoMinorVersionUpgrade: true },
  },
});

const cluster = (() => {
  if (aurora.nodes.cluster) return aurora.nodes.cluster;
  throw new Error("the database has no cluster in dev mode: leave `dev` out of sst.aws.Aurora");
})();

/**
 * RDS Proxy, on permanent stages only: it keeps the cluster from pausing. SST's own has no IAM authentication, takes
 * plain connections, sits in the default security group and hides its id, which `rds-db:connect` needs.
 */
function createProxy() {
  if (!permanent || !proxyGroup || !appSecret || !migratorSecret) return undefined;
  const secrets = [appSecret, migratorSecret];
  const role = new aws.iam.Role("DatabaseProxyRole", {
    description: "Lets the database proxy read the passwords of the users behind it",
    assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          actions: ["sts:AssumeRole"],
          principals: [{ type: "Service", identifiers: ["rds.amazonaws.com"] }],
          conditions: [
            { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
            {
              test: "ArnLike",
              variable: "aws:SourceArn",
              values: [$interpolate`arn:aws:rds:${settings.homeRegion}:${accountId}:db-proxy:*`],
            },
          ],
        },
      ],
    }).json,
    inlinePolicies: [
      {
        name: "read-user-secrets",
        policy: aws.iam.getPolicyDocumentOutput({
          statements: [
            { actions: ["secretsmanager:GetSecretValue"], resources: secrets.map(({ arn }) => arn) },
          ],
        }).json,
      },
    ],
  });
  const proxy = new aws.rds.Proxy("DatabaseProxy", {
    name: `frontdesk-${$app.stage}`,
    engineFamily: "POSTGRESQL",
    requireTls: true,
    debugLogging: false,
    idleClientTimeout: 600,
    roleArn: role.arn,
    vpcSubnetIds: vpc.privateSubnets,
    vpcSecurityGroupIds: [proxyGroup.id],
    auths: secrets.map(({ arn }) => ({
      authScheme: "SECRETS",
      iamAuth: "REQUIRED",
      clientPasswordAuthType: "POSTGRES_SCRAM_SHA_256",
      secretArn: arn,
    })),
  });
  const group = new aws.rds.ProxyDefaultTargetGroup("DatabaseProxyTargetGroup", {
    dbProxyName: proxy.name,
    connectionPoolConfig: {
      maxConnectionsPercent: 80,
      maxIdleConnectionsPercent: 20,
      connectionBorrowTimeout: 10,
    },
  });
  const target = new aws.rds.ProxyTarget("DatabaseProxyTarget", {
    dbProxyName: proxy.name,
    targetGroupName: group.name,
    dbClusterIdentifier: cluster.clusterIdentifier,
  });
  return { proxy, target };
}
const proxied = createProxy();

/** The middle of `rds-db:connect`'s resource: the proxy's id (`prx-…`) where there is one, else the cluster's. */
export const databaseResourceId = proxied
  ? proxied.proxy.arn.apply((arn) => arn.split(":").at(-1) ?? "")
  : cluster.clusterResourceId;

/** What must be there before the first connection: instance, master's secret, the users' passwords, the proxy's target. */
export const databaseReady = [
  aurora,
  ...(proxied ? [proxied.target] : []),
  ...(appSecret ? [appSecret.version] : []),
  ...(migratorSecret ? [migratorSecret.version] : []),
];

/** Where functions connect. Names only: they log in by IAM token. */
export const database = new sst.Linkable("Database", {
  properties: {
    host: proxied ? proxied.proxy.endpoint : aurora.host,
    port: aurora.port,
    name: aurora.database,
    region: settings.homeRegion,
    appUser,
    migratorUser,
  },
});

/** For the migrator, which makes the users. */
export const databaseMaster = new sst.Linkable("DatabaseMaster", {
  properties: {
    secretArn: aurora.secretArn,
    host: cluster.endpoint,
    port: aurora.port,
  },
});
export const databaseSecrets =
  appSecret && migratorSecret
    ? new sst.Linkable("DatabaseSecrets", {
        properties: { appSecretArn: appSecret.arn, migratorSecretArn: migratorSecret.arn },
      })
    : undefined;
