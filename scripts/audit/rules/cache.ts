import { rule } from "../rule.ts";
import { isTrue, value, type World } from "../world.ts";

const caches = { absent: "no cache", over: (world: World) => world.all("cacheCluster") };

export const cacheRules = [
  rule({
    name: "cache.vpc",
    controls: ["AwsSolutions-AEC1", "ElastiCache.7"],
    statement: "Every cache is in subnets that were chosen for it",
    mend: "name a subnet group of ours",
    ...caches,
    wrong: (cache) =>
      ["undefined", "default"].includes(String(value(cache, "subnetGroupName"))) &&
      "is in the default subnet group",
  }),
  rule({
    name: "cache.encrypted",
    controls: ["AwsSolutions-AEC3", "CKV_AWS_29", "CKV_AWS_30", "ElastiCache.4", "ElastiCache.5"],
    statement: "Every cache is encrypted, at rest and on the way",
    mend: "set atRestEncryptionEnabled and transitEncryptionEnabled",
    ...caches,
    wrong: (cache) => [
      !isTrue(value(cache, "atRestEncryptionEnabled")) && "is not encrypted at rest",
      !isTrue(value(cache, "transitEncryptionEnabled")) && "takes connections without TLS",
    ],
  }),
  rule({
    name: "cache.authentication",
    controls: ["AwsSolutions-AEC6", "CKV_AWS_31", "ElastiCache.6"],
    statement: "Every cache asks who connects",
    mend: "set authToken, or userGroupIds",
    ...caches,
    wrong: (cache) => {
      const groups = value(cache, "userGroupIds");
      return (
        !value(cache, "authToken") &&
        !(Array.isArray(groups) && groups.length > 0) &&
        "lets anybody in who reaches it"
      );
    },
  }),
  rule({
    name: "cache.failover",
    controls: ["AwsSolutions-AEC4", "CKV2_AWS_50", "ElastiCache.3"],
    statement: "Every cache has a replica in another zone that takes over by itself",
    mend: "set automaticFailoverEnabled and multiAzEnabled, with two nodes or more",
    ...caches,
    wrong: (cache) =>
      !(isTrue(value(cache, "automaticFailoverEnabled")) && isTrue(value(cache, "multiAzEnabled"))) &&
      "is gone while its only node is",
  }),
  rule({
    name: "cache.backups",
    controls: ["ElastiCache.1"],
    statement: "Every cache is backed up daily",
    mend: "set snapshotRetentionLimit to 1 or more",
    ...caches,
    wrong: (cache) => !(Number(value(cache, "snapshotRetentionLimit")) >= 1) && "has no snapshots",
  }),
  rule({
    name: "cache.minor-upgrades",
    controls: ["ElastiCache.2"],
    statement: "Every cache takes minor versions by itself",
    mend: "leave autoMinorVersionUpgrade on",
    ...caches,
    wrong: (cache) => !isTrue(value(cache, "autoMinorVersionUpgrade") ?? true) && "waits to be upgraded",
  }),
];
