import { accountId, mailProvider, permanent, settings } from "./stage";

type Rule = aws.types.input.s3.BucketLifecycleConfigurationV2Rule;

interface BucketOptions {
  /** Statements beside the refusal of plain HTTP. */
  policy?: sst.aws.BucketArgs["policy"];
  /** Which pages may read what it answers; absent: none. */
  cors?: sst.aws.BucketArgs["cors"];
  /** Lifecycle rules besides those for unfinished uploads and old versions. */
  rules?: Rule[];
  region?: "home" | "mail";
  /** Writers that grant by ACL, as CloudFront's standard logging does; the bucket owns what they write all the same. */
  acls?: true;
}

const inRegion = (region: BucketOptions["region"]) => (region === "mail" ? { provider: mailProvider } : {});

/**
 * A bucket that is closed to the public, takes TLS only, is encrypted with S3's own keys (S3 notifications and SES need
 * no key policy for them), has no ACLs unless told, and writes down who asked for what.
 */
export function createBucket(name: string, options: BucketOptions = {}) {
  return createOwnedBucket(name, options).bucket;
}

/** The same, with the resource that whoever writes by ACL must wait for. */
export function createOwnedBucket(name: string, options: BucketOptions) {
  const { bucket, ownership } = harden(name, options);
  const logs = options.region === "mail" ? mailAccessLogs : accessLogs;
  new aws.s3.BucketLoggingV2(
    `${name}Logging`,
    { bucket: bucket.name, targetBucket: logs.name, targetPrefix: `${name}/` },
    inRegion(options.region),
  );
  return { bucket, ownership };
}

function harden(name: string, { policy = [], cors = false, rules = [], region, acls }: BucketOptions) {
  const options = inRegion(region);
  const bucket = new sst.aws.Bucket(
    name,
    {
      // TLS only is SST's default policy; SST merges these statements with it.
      policy,
      cors,
      // A restored database finds the objects that it names as long as it can be restored, and not a day longer.
      versioning: permanent,
      // SST empties and deletes a bucket that leaves the program, whatever is in it.
      transform: { bucket: { forceDestroy: !permanent } },
    },
    options,
  );
  new aws.s3.BucketServerSideEncryptionConfigurationV2(
    `${name}Encryption`,
    { bucket: bucket.name, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
    options,
  );
  const ownership = new aws.s3.BucketOwnershipControls(
    `${name}Ownership`,
    {
      bucket: bucket.name,
      rule: { objectOwnership: acls ? "BucketOwnerPreferred" : "BucketOwnerEnforced" },
    },
    options,
  );
  // Raw: SST's lifecycle filters by prefix alone.
  new aws.s3.BucketLifecycleConfigurationV2(
    `${name}Lifecycle`,
    {
      bucket: bucket.name,
      rules: [
        ...rules,
        {
          id: "unfinished-uploads",
          status: "Enabled",
          filter: { prefix: "" },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 3 },
        },
        ...(permanent
          ? [
              {
                id: "old-versions",
                status: "Enabled",
                filter: { prefix: "" },
                noncurrentVersionExpiration: { noncurrentDays: settings.backupDays },
                expiration: { expiredObjectDeleteMarker: true },
              },
            ]
          : []),
      ],
    },
    options,
  );
  return { bucket, ownership };
}

const importedBuckets = Object.entries(settings.import).flatMap(([name, identifier]) =>
  name.endsWith("BucketBucket") ? [identifier] : [],
);

/** Where S3 writes who asked for what: it takes a bucket of the same region, which does not log itself. */
function createLogs(name: string, region: BucketOptions["region"]) {
  return harden(name, {
    region,
    policy: [
      {
        actions: ["s3:PutObject"],
        principals: [{ type: "service", identifiers: ["logging.s3.amazonaws.com"] }],
        paths: ["*"],
        conditions: [
          { test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
          // SST begins each bucket's name with app and stage; one that was imported has its own.
          {
            test: "ArnLike",
            variable: "aws:SourceArn",
            values: [
              `arn:aws:s3:::${$app.name}-${$app.stage}-*`.toLowerCase(),
              ...importedBuckets.map((bucket) => `arn:aws:s3:::${bucket}`),
            ],
          },
        ],
      },
    ],
    rules: [
      { id: "logs", status: "Enabled", filter: { prefix: "" }, expiration: { days: settings.logDays } },
    ],
  }).bucket;
}
export const accessLogs = createLogs("AccessLogs", "home");
export const mailAccessLogs = createLogs("MailAccessLogs", "mail");
