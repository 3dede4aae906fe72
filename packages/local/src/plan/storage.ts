import { optional } from "./messaging.ts";
import {
  arnName,
  flag,
  list,
  optionalText,
  type Reader,
  record,
  text,
  textRecord,
  texts,
  toNumber,
  toText,
} from "./read.ts";
import type {
  BucketNotificationTarget,
  BucketSpec,
  FileSpec,
  ParameterSpec,
  Plan,
  SecretSpec,
} from "./types.ts";

const bucketTypes = ["aws:s3/bucketV2:BucketV2", "aws:s3/bucket:Bucket"];

export function readBuckets(reader: Reader): BucketSpec[] {
  const of = (type: string, bucket: string) =>
    reader.all(...variants(type)).filter((resource) => optionalText(resource, "bucket") === bucket);
  return reader.all(...bucketTypes).map((resource) => {
    const name = optionalText(resource, "bucket") ?? text(resource, "id");
    const access = of("bucketPublicAccessBlock:BucketPublicAccessBlock", name)[0];
    return {
      arn: text(resource, "arn"),
      name,
      region: resource.region,
      notifications: of("bucketNotification:BucketNotification", name).flatMap((notification) => [
        ...targets(notification.inputs.topics, "topic", "topicArn"),
        ...targets(notification.inputs.queues, "queue", "queueArn"),
        ...targets(notification.inputs.lambdaFunctions, "function", "lambdaFunctionArn"),
      ]),
      lifecycle: of("bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", name)
        .flatMap((configuration) => list(configuration.inputs.rules))
        .map(lifecycleRule),
      cors: of("bucketCorsConfigurationV2:BucketCorsConfigurationV2", name)
        .flatMap((configuration) => list(configuration.inputs.corsRules))
        .map((rule) => ({
          allowedOrigins: texts(rule.allowedOrigins),
          allowedMethods: texts(rule.allowedMethods),
          allowedHeaders: texts(rule.allowedHeaders),
          exposeHeaders: texts(rule.exposeHeaders),
          ...optional("maxAgeSeconds", toNumber(rule.maxAgeSeconds)),
        })),
      versioning: of("bucketVersioningV2:BucketVersioningV2", name).some(
        (versioning) => record(versioning.inputs.versioningConfiguration).status === "Enabled",
      ),
      blockPublicAccess:
        access !== undefined && flag(access, "blockPublicPolicy") && flag(access, "restrictPublicBuckets"),
    };
  });
}

/** The AWS provider renamed its `...V2` resources to the plain name in version 7. */
function variants(type: string): string[] {
  const plain = type.replaceAll("V2", "");
  return plain === type ? [`aws:s3/${type}`] : [`aws:s3/${type}`, `aws:s3/${plain}`];
}

function targets(
  value: unknown,
  kind: BucketNotificationTarget["kind"],
  arnKey: string,
): BucketNotificationTarget[] {
  return list(value).map((target, index) => ({
    id: toText(target.id) ?? `${kind}-${index}`,
    kind,
    arn: toText(target[arnKey]) ?? "",
    events: texts(target.events),
    ...optional("prefix", toText(target.filterPrefix)),
    ...optional("suffix", toText(target.filterSuffix)),
  }));
}

function lifecycleRule(rule: Record<string, unknown>, index: number): BucketSpec["lifecycle"][number] {
  const filter = record(rule.filter);
  const and = record(filter.and);
  const tag = record(filter.tag);
  const tags = {
    ...textRecord(and.tags),
    ...(toText(tag.key) ? { [String(tag.key)]: String(tag.value) } : {}),
  };
  return {
    id: toText(rule.id) ?? `rule-${index}`,
    enabled: rule.status === "Enabled",
    ...optional("prefix", toText(filter.prefix) ?? toText(and.prefix) ?? toText(rule.prefix)),
    ...(Object.keys(tags).length > 0 && { tags }),
    ...optional("expirationDays", toNumber(record(rule.expiration).days)),
    ...optional("expirationDate", toTime(record(rule.expiration).date)),
    ...(record(rule.expiration).expiredObjectDeleteMarker === true && {
      expiredDeleteMarkers: true as const,
    }),
    ...optional("noncurrentDays", toNumber(record(rule.noncurrentVersionExpiration).noncurrentDays)),
    ...optional(
      "abortIncompleteMultipartDays",
      toNumber(record(rule.abortIncompleteMultipartUpload).daysAfterInitiation),
    ),
  };
}

/** ISO 8601; S3 takes midnight UTC only. */
function toTime(value: unknown): number | undefined {
  const time = Date.parse(toText(value) ?? "");
  return Number.isNaN(time) ? undefined : time;
}

/** Where SST keeps the code and the source maps of functions, a bucket a region that no app declares. */
const SST_ASSETS = "sst-asset-";

/** Of SST's sites, and objects that the program declares. A function's code is built here when it is called. */
export function readFiles(reader: Reader, buckets: BucketSpec[], notRun: Plan["notRun"]): FileSpec[] {
  const sites = reader
    .all("pulumi-nodejs:dynamic:Resource")
    .filter(({ name }) => name.endsWith(".sst.aws.BucketFiles"))
    .flatMap((resource) =>
      list(resource.inputs.files).map((file) => ({
        bucket: text(resource, "bucketName"),
        key: toText(file.key) ?? "",
        source: { path: toText(file.source) ?? "" },
        ...optional("contentType", toText(file.contentType)),
        ...optional("cacheControl", toText(file.cacheControl)),
      })),
    );
  const objects = reader
    .all("aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/bucketObject:BucketObject")
    .filter((resource) => !text(resource, "bucket").startsWith(SST_ASSETS))
    .filter((resource) => {
      const bucket = text(resource, "bucket");
      const here = buckets.some(({ name }) => name === bucket);
      if (!here)
        notRun.push({
          type: resource.type,
          name: resource.name,
          reason: `its bucket ${bucket} is none of the app's`,
        });
      return here;
    })
    .flatMap((resource): FileSpec[] => {
      const asset = record(resource.inputs.source);
      const content = optionalText(resource, "content") ?? toText(asset.text);
      const path = toText(asset.path) ?? toText(resource.inputs.source);
      const source = content !== undefined ? { text: content } : path !== undefined ? { path } : undefined;
      if (!source) return [];
      return [
        {
          bucket: text(resource, "bucket"),
          key: text(resource, "key"),
          source,
          ...optional("contentType", optionalText(resource, "contentType")),
          ...optional("cacheControl", optionalText(resource, "cacheControl")),
        },
      ];
    });
  return [...sites, ...objects];
}

export function readSecrets(reader: Reader): SecretSpec[] {
  const values = new Map(
    reader
      .all("aws:secretsmanager/secretVersion:SecretVersion")
      .map((version) => [text(version, "secretId"), optionalText(version, "secretString")]),
  );
  return reader.all("aws:secretsmanager/secret:Secret").map((resource) => {
    const arn = text(resource, "arn");
    const name = optionalText(resource, "name") ?? arnName(arn);
    return {
      arn,
      name,
      region: resource.region,
      ...optional("value", values.get(arn) ?? values.get(name) ?? values.get(text(resource, "id"))),
    };
  });
}

export function readParameters(reader: Reader): ParameterSpec[] {
  return reader.all("aws:ssm/parameter:Parameter").map((resource) => {
    const type = optionalText(resource, "type");
    return {
      arn: text(resource, "arn"),
      name: text(resource, "name"),
      region: resource.region,
      type: type === "SecureString" || type === "StringList" ? type : "String",
      value: optionalText(resource, "value") ?? "",
    };
  });
}
