import type { MockContext, MockTable } from "./context.ts";
import { uuid } from "./messaging.ts";
import { byName, plain } from "./shapes.ts";

/** `ca-central-1` is `cac1` in the names of caches. */
export function shortRegion(region: string): string {
  const [area = "", direction = "", number = ""] = region.split("-");
  const short = direction
    .replace("north", "n")
    .replace("south", "s")
    .replace("east", "e")
    .replace("west", "w")
    .replace("central", "c");
  return `${area}${short}${number}`;
}
const postgresPort = (c: MockContext) =>
  typeof c.inputs.port === "number"
    ? c.inputs.port
    : /mysql|maria/.test(c.text("engine") ?? "")
      ? 3306
      : 5432;

/** Databases, caches, buckets, files, secrets, parameters, keys. */
export const data: MockTable = {
  "aws:rds/cluster:Cluster": (c) => {
    const name = c.named("clusterIdentifier", { max: 63, lower: true });
    const zone = `${c.regional(12)}.${c.region}.rds.amazonaws.com`;
    const managed = c.inputs.manageMasterUserPassword === true;
    return {
      id: name,
      inputs: { clusterIdentifier: name },
      outputs: {
        arn: c.arn("rds", `cluster:${name}`),
        clusterResourceId: `cluster-${c.upper(26)}`,
        endpoint: `${name}.cluster-${zone}`,
        readerEndpoint: `${name}.cluster-ro-${zone}`,
        hostedZoneId: `Z${c.upper(13)}`,
        port: postgresPort(c),
        engineVersionActual: c.text("engineVersion"),
        tags: c.inputs.tags ?? {},
        ...(managed && {
          masterUserSecrets: [
            {
              secretArn: c.arn("secretsmanager", `secret:rds!cluster-${uuid(c.hex(32))}-${c.hex(6)}`),
              secretStatus: "active",
              kmsKeyId: c.arn("kms", `key/${uuid(c.hex(32, "key"))}`),
            },
          ],
        }),
      },
    };
  },
  "aws:rds/clusterInstance:ClusterInstance": (c) => {
    const name = c.named("identifier", { max: 63, lower: true });
    return {
      id: name,
      inputs: { identifier: name },
      outputs: {
        arn: c.arn("rds", `db:${name}`),
        dbiResourceId: `db-${c.upper(26)}`,
        endpoint: `${name}.${c.regional(12)}.${c.region}.rds.amazonaws.com`,
        port: postgresPort(c),
        writer: true,
      },
    };
  },
  "aws:rds/instance:Instance": (c) => {
    const name = c.named("identifier", { max: 63, lower: true });
    const address = `${name}.${c.regional(12)}.${c.region}.rds.amazonaws.com`;
    const port = postgresPort(c);
    return {
      id: `db-${c.upper(26)}`,
      inputs: { identifier: name },
      outputs: {
        arn: c.arn("rds", `db:${name}`),
        resourceId: `db-${c.upper(26)}`,
        address,
        endpoint: `${address}:${port}`,
        hostedZoneId: `Z${c.upper(13)}`,
        port,
        tags: c.inputs.tags ?? {},
      },
    };
  },
  "aws:rds/proxy:Proxy": (c) => {
    const name = c.named("name", { max: 60, lower: true });
    return {
      id: name,
      inputs: { name },
      outputs: {
        arn: c.arn("rds", `db-proxy:prx-${c.hex(17)}`),
        endpoint: `${name}.proxy-${c.regional(12)}.${c.region}.rds.amazonaws.com`,
      },
    };
  },
  "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup": (c) => ({
    id: c.text("dbProxyName") ?? c.name,
    outputs: { name: "default", arn: c.arn("rds", `target-group:prx-tg-${c.hex(17)}`) },
  }),
  "aws:rds/proxyTarget:ProxyTarget": (c) => ({
    id: `${c.text("dbProxyName")}/default/TRACKED_CLUSTER/${c.text("dbClusterIdentifier") ?? c.text("dbInstanceIdentifier")}`,
    outputs: { type: "TRACKED_CLUSTER" },
  }),
  "aws:rds/proxyEndpoint:ProxyEndpoint": byName("dbProxyEndpointName", (c, name) => ({
    arn: c.arn("rds", `db-proxy-endpoint:prx-endpoint-${c.hex(17)}`),
    endpoint: `${name}.endpoint.proxy-${c.regional(12)}.${c.region}.rds.amazonaws.com`,
  })),
  "aws:rds/eventSubscription:EventSubscription": byName(
    "name",
    (c, name) => ({ arn: c.arn("rds", `es:${name}`), customerAwsId: c.accountId }),
    { lower: true },
  ),
  "aws:rds/subnetGroup:SubnetGroup": byName("name", (c, name) => ({ arn: c.arn("rds", `subgrp:${name}`) }), {
    lower: true,
  }),
  "aws:rds/parameterGroup:ParameterGroup": byName(
    "name",
    (c, name) => ({ arn: c.arn("rds", `pg:${name}`) }),
    {
      lower: true,
    },
  ),
  "aws:rds/clusterParameterGroup:ClusterParameterGroup": byName(
    "name",
    (c, name) => ({ arn: c.arn("rds", `cluster-pg:${name}`) }),
    { lower: true },
  ),

  "aws:elasticache/replicationGroup:ReplicationGroup": (c) => {
    const id = c.named("replicationGroupId", { max: 40, lower: true });
    const zone = `${id}.${c.regional(6)}.${shortRegion(c.region)}.cache.amazonaws.com`;
    // With more than one shard AWS gives a configuration endpoint instead of a primary.
    const clustered =
      c.inputs.clusterMode === "enabled" ||
      c.inputs.numNodeGroups !== undefined ||
      c.inputs.replicasPerNodeGroup !== undefined;
    return {
      id,
      inputs: { replicationGroupId: id },
      outputs: {
        arn: c.arn("elasticache", `replicationgroup:${id}`),
        port: typeof c.inputs.port === "number" ? c.inputs.port : 6379,
        clusterEnabled: clustered,
        configurationEndpointAddress: clustered ? `clustercfg.${zone}` : "",
        primaryEndpointAddress: clustered ? "" : `master.${zone}`,
        readerEndpointAddress: clustered ? "" : `replica.${zone}`,
        memberClusters: Array.from(
          { length: typeof c.inputs.numCacheClusters === "number" ? c.inputs.numCacheClusters : 1 },
          (_, index) => `${id}-${String(index + 1).padStart(3, "0")}`,
        ),
        tags: c.inputs.tags ?? {},
      },
    };
  },
  "aws:elasticache/subnetGroup:SubnetGroup": byName(
    "name",
    (c, name) => ({ arn: c.arn("elasticache", `subnetgroup:${name}`) }),
    { lower: true },
  ),
  "aws:elasticache/parameterGroup:ParameterGroup": byName(
    "name",
    (c, name) => ({ arn: c.arn("elasticache", `parametergroup:${name}`) }),
    { lower: true },
  ),
  "aws:elasticache/user:User": plain((c) => c.text("userId")),
  "aws:elasticache/userGroup:UserGroup": plain((c) => c.text("userGroupId")),

  "aws:dynamodb/table:Table": byName("name", (c, name) => {
    const arn = c.arn("dynamodb", `table/${name}`);
    const stream = "2024-01-01T00:00:00.000";
    return {
      arn,
      ...(c.inputs.streamEnabled === true && { streamArn: `${arn}/stream/${stream}`, streamLabel: stream }),
    };
  }),
  "aws:dynamodb/tableItem:TableItem": plain(),
  "aws:opensearch/domain:Domain": byName(
    "domainName",
    (c, name) => ({
      arn: c.arn("es", `domain/${name}`),
      endpoint: `search-${name}-${c.alphanumeric(26)}.${c.region}.es.amazonaws.com`,
    }),
    { max: 28, lower: true },
  ),
  "aws:opensearch/domainPolicy:DomainPolicy": plain(),
  "aws:efs/fileSystem:FileSystem": (c) => {
    const id = `fs-${c.hex(17)}`;
    return {
      id,
      outputs: {
        arn: c.arn("elasticfilesystem", `file-system/${id}`),
        dnsName: `${id}.efs.${c.region}.amazonaws.com`,
      },
    };
  },
  "aws:efs/mountTarget:MountTarget": plain((c) => `fsmt-${c.hex(17)}`),
  "aws:efs/accessPoint:AccessPoint": (c) => {
    const id = `fsap-${c.hex(17)}`;
    return { id, outputs: { arn: c.arn("elasticfilesystem", `access-point/${id}`) } };
  },

  "aws:s3/bucketV2:BucketV2": bucket,
  "aws:s3/bucket:Bucket": bucket,
  "aws:s3/bucketPolicy:BucketPolicy": plain((c) => c.text("bucket")),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": plain((c) => c.text("bucket")),
  "aws:s3/bucketCorsConfigurationV2:BucketCorsConfigurationV2": plain((c) => c.text("bucket")),
  "aws:s3/bucketVersioningV2:BucketVersioningV2": plain((c) => c.text("bucket")),
  "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2": plain((c) => c.text("bucket")),
  "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": plain((c) =>
    c.text("bucket"),
  ),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": plain((c) => c.text("bucket")),
  "aws:s3/bucketLoggingV2:BucketLoggingV2": plain((c) => c.text("bucket")),
  "aws:s3/bucketWebsiteConfigurationV2:BucketWebsiteConfigurationV2": plain((c) => c.text("bucket")),
  "aws:s3/bucketNotification:BucketNotification": plain((c) => c.text("bucket")),
  "aws:s3/bucketObjectv2:BucketObjectv2": object,
  "aws:s3/bucketObject:BucketObject": object,

  "aws:secretsmanager/secret:Secret": (c) => {
    const name = c.named("name", { max: 512 });
    const arn = c.arn("secretsmanager", `secret:${name}-${c.alphanumeric(6)}`);
    return { id: arn, inputs: { name }, outputs: { arn } };
  },
  "aws:secretsmanager/secretVersion:SecretVersion": (c) => {
    const versionId = uuid(c.hex(32)).toUpperCase();
    return {
      id: `${c.text("secretId")}|${versionId}`,
      outputs: { arn: c.text("secretId"), versionId, versionStages: ["AWSCURRENT"] },
    };
  },
  "aws:secretsmanager/secretPolicy:SecretPolicy": plain((c) => c.text("secretArn")),
  "aws:secretsmanager/secretRotation:SecretRotation": plain((c) => c.text("secretId")),
  "aws:ssm/parameter:Parameter": byName("name", (c, name) => ({
    arn: c.arn("ssm", `parameter${name.startsWith("/") ? "" : "/"}${name}`),
    version: 1,
  })),
  "aws:kms/key:Key": (c) => {
    const keyId = uuid(c.hex(32));
    return { id: keyId, outputs: { keyId, arn: c.arn("kms", `key/${keyId}`) } };
  },
  "aws:kms/alias:Alias": (c) => {
    const name = c.text("name") ?? `alias/${c.name}-${c.hex(7)}`;
    return {
      id: name,
      inputs: { name },
      outputs: {
        arn: c.arn("kms", name),
        targetKeyArn: c.arn("kms", `key/${c.text("targetKeyId")?.split("/").at(-1)}`),
      },
    };
  },
  "aws:kms/keyPolicy:KeyPolicy": plain((c) => c.text("keyId")),
  "aws:backup/vault:Vault": byName("name", (c, name) => ({ arn: c.arn("backup", `backup-vault:${name}`) })),
  "aws:backup/plan:Plan": (c) => {
    const id = uuid(c.hex(32));
    return { id, outputs: { arn: c.arn("backup", `backup-plan:${id}`), version: c.alphanumeric(48) } };
  },
  "aws:backup/selection:Selection": plain((c) => uuid(c.hex(32))),
};

function bucket(c: MockContext) {
  const name = c.given ?? c.named("bucket", { max: 63, lower: true });
  return {
    id: name,
    inputs: { bucket: name },
    outputs: {
      arn: `arn:aws:s3:::${name}`,
      bucketDomainName: `${name}.s3.amazonaws.com`,
      bucketRegionalDomainName: `${name}.s3.${c.region}.amazonaws.com`,
      hostedZoneId: `Z${c.upper(13)}`,
      region: c.region,
      websiteEndpoint: `${name}.s3-website-${c.region}.amazonaws.com`,
      websiteDomain: `s3-website-${c.region}.amazonaws.com`,
    },
  };
}
function object(c: MockContext) {
  const key = c.text("key") ?? c.name;
  return {
    id: key,
    inputs: { key },
    outputs: { arn: `arn:aws:s3:::${c.text("bucket")}/${key}`, etag: c.hex(32), versionId: "" },
  };
}
