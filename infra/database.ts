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
