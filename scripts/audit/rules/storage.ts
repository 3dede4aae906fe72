import type { GraphResource } from "@frontdesk/local";
import { admitsEverybody, demandsTls, foreignAccounts, locksOut } from "../access.ts";
import { rule } from "../rule.ts";
import type { ResourceType } from "../types.ts";
import { blocks, isTrue, texts, value, type World } from "../world.ts";

const buckets = { absent: "no bucket", over: (world: World) => world.all("bucket") };
const withPolicy = {
  absent: "no bucket with a policy",
  over: (world: World) => world.all("bucket").filter((bucket) => policyOf(bucket, world).length > 0),
};

const policyOf = (bucket: GraphResource, world: World) => world.policyOf(value(bucket, "arn"));
/** Since v4 of AWS's provider each side of a bucket is a resource of its own. */
const sideOf = (world: World, type: ResourceType, bucket: GraphResource) =>
  world.about(type, "bucket", bucket);

/** Takes the logs of other buckets, or of CloudFront. */
const isLogTarget = (bucket: GraphResource, world: World) =>
  world.about("bucketLogging", "targetBucket", bucket).length > 0 ||
  world
    .all("distribution")
    .some((distribution) =>
      texts([value(bucket, "bucketDomainName"), value(bucket, "bucketRegionalDomainName")]).includes(
        String(value(distribution, "loggingConfig.bucket")),
      ),
    );

/** What another account could use to take a bucket over (S3.6). */
const takeOver =
  /^(\*|s3:(\*|DeleteBucketPolicy|PutBucketAcl|PutBucketPolicy|PutEncryptionConfiguration|PutObjectAcl))$/i;

export const storageRules = [
  rule({
    name: "storage.private",
    controls: ["AwsSolutions-S2", "CKV2_AWS_6", "S3.2", "S3.3", "S3.8"],
    statement: "Every bucket refuses public access, by ACL and by policy",
    mend: "add a BucketPublicAccessBlock with all four flags",
    ...buckets,
    wrong: (bucket, world) => {
      const [block] = sideOf(world, "accessBlock", bucket);
      if (!block) return "does not block public access";
      return ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].map(
        (flag) => !isTrue(value(block, flag)) && `has ${flag} off`,
      );
    },
  }),
  rule({
    name: "storage.acl",
    controls: ["CKV_AWS_20", "CKV_AWS_57", "S3.12"],
    statement: "No bucket gives access by ACL",
    mend: "take the ACL out and say it in the bucket's policy",
    ...buckets,
    wrong: (bucket, world) =>
      sideOf(world, "bucketAcl", bucket).map((acl) => {
        const canned = value(acl, "acl");
        if (typeof canned === "string") return canned !== "private" && `has the ACL ${canned}`;
        return "has an ACL with grants of its own";
      }),
  }),
  rule({
    name: "storage.tls",
    controls: ["AwsSolutions-S10", "S3.5"],
    statement: "Every bucket refuses requests without TLS",
    mend: "deny everything to everybody while aws:SecureTransport is false",
    ...buckets,
    wrong: (bucket, world) => !demandsTls(policyOf(bucket, world)) && "takes requests without TLS",
  }),
  rule({
    name: "storage.encrypted",
    controls: ["CKV_AWS_19"],
    statement: "Every bucket says how its objects are encrypted",
    mend: "add a BucketServerSideEncryptionConfigurationV2",
    ...buckets,
    wrong: (bucket, world) =>
      !sideOf(world, "bucketEncryption", bucket).some((own) =>
        blocks(own, "rules").some(
          ({ applyServerSideEncryptionByDefault }) => applyServerSideEncryptionByDefault,
        ),
      ) && "does not say how it is encrypted",
  }),
  rule({
    name: "storage.policy",
    controls: ["CKV_AWS_70", "S3.6"],
    statement: "No bucket lets everybody in, or lets another account take it over",
    mend: "name the service or role, with the account and ARN of the source by condition",
    ...withPolicy,
    wrong: (bucket, world) =>
      policyOf(bucket, world).flatMap((statement) => [
        admitsEverybody(statement) && "lets everybody in",
        ...foreignAccounts(statement, world.graph.accountId).map(
          (account) =>
            [statement.Action].flat().some((action) => takeOver.test(String(action))) &&
            `can be taken over by account ${account}`,
        ),
      ]),
  }),
  rule({
    name: "storage.lock-out",
    controls: ["CKV_AWS_93"],
    statement: "No bucket's policy locks out everybody but the root user",
    mend: "put a condition on the denial",
    ...withPolicy,
    wrong: (bucket, world) => policyOf(bucket, world).some(locksOut) && "denies everything to everybody",
  }),
  rule({
    name: "storage.lifecycle",
    controls: ["CKV2_AWS_61", "S3.10", "S3.13"],
    statement: "Every bucket says how long it keeps what",
    mend: "add a BucketLifecycleConfigurationV2",
    ...buckets,
    wrong: (bucket, world) =>
      !sideOf(world, "bucketLifecycle", bucket).some((own) =>
        blocks(own, "rules").some(({ status }) => status === "Enabled"),
      ) && "keeps everything for ever",
  }),
  rule({
    name: "storage.notifications",
    controls: ["CKV2_AWS_62", "S3.11"],
    statement: "Somebody is told of what arrives in a bucket",
    mend: "add a BucketNotification",
    absent: "no bucket but those that take logs",
    over: (world) => world.all("bucket").filter((bucket) => !isLogTarget(bucket, world)),
    wrong: (bucket, world) =>
      !sideOf(world, "bucketNotification", bucket).some(
        (own) =>
          ["topics", "queues", "lambdaFunctions"].some((kind) => blocks(own, kind).length > 0) ||
          isTrue(value(own, "eventbridge")),
      ) && "tells nobody",
  }),
  rule({
    name: "storage.access-logs",
    controls: ["AwsSolutions-S1", "CKV_AWS_18", "S3.9"],
    statement: "Every bucket logs who asked for what, or takes such logs",
    mend: "add a BucketLoggingV2 to a log bucket of the same region",
    ...buckets,
    wrong: (bucket, world) =>
      sideOf(world, "bucketLogging", bucket).length === 0 &&
      !isLogTarget(bucket, world) &&
      "does not log requests",
  }),
  rule({
    name: "storage.versioning",
    controls: ["CKV_AWS_21", "S3.14"],
    statement: "Every bucket keeps what was overwritten or deleted",
    mend: "add a BucketVersioningV2",
    ...buckets,
    wrong: (bucket, world) =>
      !sideOf(world, "bucketVersioning", bucket).some(
        (own) => value(own, "versioningConfiguration.status") === "Enabled",
      ) && "keeps no versions",
  }),
  rule({
    name: "storage.replication",
    controls: ["CKV_AWS_144", "S3.7"],
    statement: "Every bucket is copied to another region",
    mend: "add a BucketReplicationConfig",
    ...buckets,
    wrong: (bucket, world) =>
      !sideOf(world, "bucketReplication", bucket).some((own) =>
        blocks(own, "rules").some(({ status }) => status === "Enabled"),
      ) && "is in one region only",
  }),
  rule({
    name: "storage.object-lock",
    controls: ["CKV_AWS_143", "S3.15"],
    statement: "Every bucket can lock its objects against deletion",
    mend: "set objectLockEnabled when the bucket is made",
    ...buckets,
    wrong: (bucket, world) =>
      !isTrue(value(bucket, "objectLockEnabled")) &&
      sideOf(world, "bucketObjectLock", bucket).length === 0 &&
      "has no object lock",
  }),
];
