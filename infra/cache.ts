import { cacheGroup, vpc } from "./network";
import { permanent, production } from "./stage";

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
      args.numCacheClusters = production ? 2 : 1;
      args.autoMinorVersionUpgrade = true;
      args.snapshotRetentionLimit = 0; // a cache: losing it loses no data
    },
  },
});

/** The auth token's secret; SST names it in a tag alone. */
export const cacheSecretArn = $output(redis.nodes.cluster).apply((cluster) =>
  cluster.tags.apply((tags) => {
    const arn = tags?.["sst:ref:secret"];
    if (!arn)
      throw new Error("the cache has no tag sst:ref:secret: this version of SST keeps its token elsewhere");
    return arn;
  }),
);

export const cache = new sst.Linkable("Cache", {
  properties: { host: redis.host, port: redis.port, secretArn: cacheSecretArn },
});
