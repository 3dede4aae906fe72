import type { GraphResource } from "@frontdesk/local";
import { admitsEverybody } from "../access.ts";
import { rule } from "../rule.ts";
import { type ResourceType, types } from "../types.ts";
import { blocks, isRecord, isTrue, parsePolicy, statementsOf, value, type World } from "../world.ts";

const keys = { absent: "no key of ours", over: (world: World) => world.all("key") };

const awsManaged = /alias\/aws\//;
/** A key by its ARN, id or alias, other than AWS's own. */
const isOurs = (key: unknown) => typeof key === "string" && key !== "" && !awsManaged.test(key);

interface Store {
  /** Encrypted at all; where it is not, the rule of its noun says so. */
  encrypted?(resource: GraphResource, world: World): boolean;
  /** The key that it names. */
  key(resource: GraphResource, world: World): unknown;
}

const bucketDefault = (bucket: GraphResource, world: World) =>
  world
    .about("bucketEncryption", "bucket", bucket)
    .flatMap((own) => blocks(own, "rules"))
    .map(({ applyServerSideEncryptionByDefault }) => applyServerSideEncryptionByDefault)
    .find(isRecord);

const stores = {
  bucket: {
    encrypted: (bucket, world) => bucketDefault(bucket, world) !== undefined,
    key: (bucket, world) => bucketDefault(bucket, world)?.kmsMasterKeyId,
  },
  queue: {
    encrypted: (queue) =>
      isTrue(value(queue, "sqsManagedSseEnabled")) || Boolean(value(queue, "kmsMasterKeyId")),
    key: (queue) => value(queue, "kmsMasterKeyId"),
  },
  secret: { key: (secret) => value(secret, "kmsKeyId") },
  logGroup: { key: (group) => value(group, "kmsKeyId") },
  cacheCluster: {
    encrypted: (cache) => isTrue(value(cache, "atRestEncryptionEnabled")),
    key: (cache) => value(cache, "kmsKeyId"),
  },
  databaseCluster: {
    encrypted: (cluster) => isTrue(value(cluster, "storageEncrypted")),
    key: (cluster) => value(cluster, "kmsKeyId"),
  },
  databaseClusterInstance: {
    encrypted: (instance) => isTrue(value(instance, "performanceInsightsEnabled")),
    key: (instance) => value(instance, "performanceInsightsKmsKeyId"),
  },
  function: { key: (fn) => value(fn, "kmsKeyArn") },
  schedule: { key: (schedule) => value(schedule, "kmsKeyArn") },
} satisfies Partial<Record<ResourceType, Store>>;

const storeTypes = Object.keys(stores) as (keyof typeof stores)[];
function storeOf(resource: GraphResource): Store | undefined {
  const type = storeTypes.find((name) => types[name] === resource.type);
  return type && stores[type];
}

function policyStatements(key: GraphResource, world: World) {
  const documents = [
    value(key, "policy"),
    ...world.about("keyPolicy", "keyId", key).map((own) => value(own, "policy")),
  ];
  return documents.filter(Boolean).flatMap((document) => statementsOf(parsePolicy(document)));
}

export const keyRules = [
  rule({
    name: "keys.customer-managed",
    controls: [
      "CKV2_AWS_73",
      "CKV_AWS_145",
      "CKV_AWS_149",
      "CKV_AWS_158",
      "CKV_AWS_173",
      "CKV_AWS_191",
      "CKV_AWS_297",
      "CKV_AWS_327",
      "CKV_AWS_354",
      "S3.17",
    ],
    statement:
      "What lies in buckets, queues, secrets, logs, caches, databases, their statistics, schedules and functions' environments is under a key of ours",
    mend: "name an aws.kms.Key whose policy lets the service use it",
    absent: "nothing that is encrypted at rest",
    over: (world) =>
      world.all(...storeTypes).filter((resource) => storeOf(resource)?.encrypted?.(resource, world) ?? true),
    wrong: (resource, world) => !isOurs(storeOf(resource)?.key(resource, world)) && "is under a key of AWS's",
  }),
  rule({
    name: "keys.rotation",
    controls: ["AwsSolutions-KMS5", "CKV_AWS_7", "KMS.4"],
    statement: "Every symmetric key is rotated",
    mend: "set enableKeyRotation",
    absent: "no symmetric key of ours",
    over: (world) =>
      keys
        .over(world)
        .filter(
          (key) => (value(key, "customerMasterKeySpec") ?? "SYMMETRIC_DEFAULT") === "SYMMETRIC_DEFAULT",
        ),
    wrong: (key) => !isTrue(value(key, "enableKeyRotation")) && "stays the same for ever",
  }),
  rule({
    name: "keys.enabled",
    controls: ["CKV_AWS_227"],
    statement: "Every key can be used",
    mend: "leave isEnabled on",
    ...keys,
    wrong: (key) => !isTrue(value(key, "isEnabled") ?? true) && "is disabled",
  }),
  rule({
    name: "keys.deletion",
    controls: ["KMS.3"],
    statement: "A key that is deleted by mistake can be had back for 30 days",
    mend: "leave deletionWindowInDays at 30",
    ...keys,
    wrong: (key) => {
      const days = Number(value(key, "deletionWindowInDays") ?? 30);
      return days < 30 && `is gone ${days} days after its deletion`;
    },
  }),
  rule({
    name: "keys.policy",
    controls: ["CKV2_AWS_64"],
    statement: "Every key has a policy of ours",
    mend: "set policy",
    ...keys,
    wrong: (key, world) => policyStatements(key, world).length === 0 && "has the default policy",
  }),
  rule({
    name: "keys.private",
    controls: ["CKV_AWS_33", "KMS.5"],
    statement: "No key is for everybody",
    mend: "name the service or role, with the account of the source by condition",
    absent: "no key with a policy of ours",
    over: (world) => keys.over(world).filter((key) => policyStatements(key, world).length > 0),
    wrong: (key, world) => policyStatements(key, world).some(admitsEverybody) && "lets everybody use it",
  }),
];
