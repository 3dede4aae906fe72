import { aurora, cluster } from "./cluster";
import { proxied } from "./proxy";
import { appSecret, appUser, migratorSecret, migratorUser } from "./secrets";
import { settings } from "./stage";

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

/** The proxy where there is one, else the cluster. */
export const databaseHost = proxied ? proxied.proxy.endpoint : aurora.host;

/**
 * Where functions connect. Names only: they log in by IAM token. Under `sst dev` they run on the developer's machine,
 * which does not reach the private subnets, and have the database of `npm run services` (infra/dev.ts).
 */
export const database = new sst.Linkable("Database", {
  properties: {
    host: $dev ? "localhost" : databaseHost,
    port: $dev ? settings.dev.databasePort : aurora.port,
    local: $dev,
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
