import { cacheGroup, vpc } from "./network";
import { permanent, production } from "./stage";

export const redis = new sst.aws.Redis("Redis", {
  engine: "redis",
  version: "7.1",
  instance: permanent ? "t4g.small" : "t4g.micro",
  // One shard: scripts and multi-key commands work, and so does a plain client.
  cluster: false,
  vpc: { subnets: vpc.privateSubnets, securityGroups: [cacheGroup.id] },
  dev: { host: "localhost", port: 6379 },
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

/** The auth token's secret; SST names it in a tag alone. `nodes.cluster` throws in dev mode. */
export const cacheSecretArn = $dev
  ? $output("arn:aws:secretsmanager:ca-central-1:000000000000:secret:in-dev-mode")
  : $output(redis.nodes.cluster).apply((cluster) =>
      cluster.tags.apply((tags) => tags?.["sst:ref:secret"] ?? ""),
    );

export const cache = new sst.Linkable("Cache", {
  properties: { host: redis.host, port: redis.port, secretArn: cacheSecretArn },
});
