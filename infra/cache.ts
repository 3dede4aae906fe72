import { cacheGroup } from "./network";
import { permanent, production, settings } from "./stage";
import { vpc } from "./vpc";

/** A replica that takes over in production; losing the cache loses no data, so elsewhere one node does. */
const nodes = production ? 2 : 1;

export const redis = new sst.aws.Redis("Redis", {
  engine: "redis",
  version: "7.1",
  instance: permanent ? "t4g.small" : "t4g.micro",
  // One shard: scripts and multi-key commands work, and so does a plain client.
  cluster: false,
  vpc: { subnets: vpc.privateSubnets, securityGroups: [cacheGroup.id] },
  transform: {
    cluster: (args) => {
      args.automaticFailoverEnabled = production;
      args.multiAzEnabled = production;
      args.numCacheClusters = nodes;
      args.autoMinorVersionUpgrade = true;
      // Losing it loses no data; a snapshot spares a new one the cold hours, and one a cluster is free.
      args.snapshotRetentionLimit = permanent ? 1 : 0;
    },
  },
});

/** As ElastiCache numbers them; a failover changes their roles, not their names. */
export const cacheNodes = Array.from({ length: nodes }, (_, index) =>
  $output(redis.nodes.cluster).apply(
    (cluster) => $interpolate`${cluster.id}-${`${index + 1}`.padStart(3, "0")}`,
  ),
);

/** The auth token's secret; SST names it in a tag alone. */
export const cacheSecretArn = $output(redis.nodes.cluster).apply((cluster) =>
  cluster.tags.apply((tags) => {
    const arn = tags?.["sst:ref:secret"];
    if (!arn)
      throw new Error("the cache has no tag sst:ref:secret: this version of SST keeps its token elsewhere");
    return arn;
  }),
);

/** Under `sst dev` the one of `npm run services`, as the database is. */
export const cache = new sst.Linkable("Cache", {
  properties: {
    host: $dev ? "localhost" : redis.host,
    port: $dev ? settings.dev.cachePort : redis.port,
    local: $dev,
    secretArn: cacheSecretArn,
  },
});
