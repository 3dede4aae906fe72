import type { Graph } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { graphOf, permanentStages, stages } from "./support/graphs.ts";
import { all, one, statements, text } from "./support/read.ts";

const buckets = ["MailBucket", "HomeBucket", "MailAccessLogs", "AccessLogs", "LayersBucket"];

describe.each(stages)("stage %s", (stage) => {
  test("raw mail lies in the mail region, attachments at home", async () => {
    const graph = await graphOf(stage);
    expect(one(graph, "bucket", "MailBucketBucket").region).toBe("us-east-1");
    expect(one(graph, "bucket", "HomeBucketBucket").region).toBe("ca-central-1");
    expect(one(graph, "bucket", "AccessLogsBucket").region).toBe("ca-central-1");
    expect(one(graph, "bucket", "MailAccessLogsBucket").region).toBe("us-east-1");
    expect(graph.links.MailBucket).toMatchObject({ region: "us-east-1" });
    expect(graph.links.HomeBucket).toMatchObject({ region: "ca-central-1" });
  });

  test.each(
    buckets,
  )("%s is closed to the public, encrypted, answers no page but those that upload, and what SST makes for it is in its region", async (name) => {
    const graph = await graphOf(stage);
    const bucket = one(graph, "bucket", `${name}Bucket`);
    const access = one(
      graph,
      "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      `${name}PublicAccessBlock`,
    );
    expect(access.inputs).toMatchObject({
      bucket: text(bucket, "bucket"),
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    const encryption = one(
      graph,
      "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
      `${name}Encryption`,
    );
    expect(encryption.inputs).toMatchObject({
      bucket: text(bucket, "bucket"),
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
    });
    const ownership = one(
      graph,
      "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
      `${name}Ownership`,
    );
    expect(ownership.inputs).toEqual({
      bucket: text(bucket, "bucket"),
      rule: { objectOwnership: "BucketOwnerEnforced" },
    });
    const cors = all(graph, "aws:s3/bucketCorsConfigurationV2:BucketCorsConfigurationV2");
    const rules = cors.filter(({ inputs }) => inputs.bucket === text(bucket, "bucket"));
    expect(rules.map(({ inputs }) => inputs.corsRules)).toEqual(
      name === "HomeBucket"
        ? [
            [
              {
                allowedHeaders: ["*"],
                allowedMethods: ["POST"],
                allowedOrigins: ["http://localhost:5173"],
                maxAgeSeconds: 3_600,
              },
            ],
          ]
        : [],
    );
    for (const resource of [access, encryption, ownership, one(graph, "bucketPolicy", `${name}Policy`)])
      expect(resource.region, resource.name).toBe(bucket.region);
  });

  test("every bucket says who asked for what, in a bucket of its region; the logs themselves do not", async () => {
    const graph = await graphOf(stage);
    const logs = ["AccessLogsBucket", "MailAccessLogsBucket"].map((name) => one(graph, "bucket", name));
    const logging = all(graph, "aws:s3/bucketLoggingV2:BucketLoggingV2");
    for (const bucket of all(graph, "bucket")) {
      const [configuration] = logging.filter(({ inputs }) => inputs.bucket === text(bucket, "bucket"));
      if (logs.includes(bucket)) expect(configuration, bucket.name).toBeUndefined();
      else
        expect(configuration?.inputs.targetBucket, bucket.name).toBe(
          logs.find(({ region }) => region === bucket.region)?.inputs.bucket,
        );
    }
    for (const log of logs) {
      const policy = one(graph, "bucketPolicy", log.name.replace(/Bucket$/, "Policy"));
      expect(statements(policy.inputs.policy).filter(({ Effect }) => Effect === "Allow")).toEqual([
        {
          Effect: "Allow",
          Principal: { Service: "logging.s3.amazonaws.com" },
          Action: "s3:PutObject",
          Resource: `${text(log, "arn")}/*`,
          Condition: {
            StringEquals: { "aws:SourceAccount": "123456789012" },
            ArnLike: { "aws:SourceArn": `arn:aws:s3:::frontdesk-${stage}-*` },
          },
        },
      ]);
    }
    for (const bucket of all(graph, "bucket"))
      expect(bucket.inputs.bucket, bucket.name).toMatch(new RegExp(`^frontdesk-${stage}-`));
  });

  test.each(buckets)("%s has one policy, which refuses plain HTTP", async (name) => {
    const graph = await graphOf(stage);
    const bucket = one(graph, "bucket", `${name}Bucket`);
    const policies = all(graph, "bucketPolicy").filter(
      ({ inputs }) => inputs.bucket === text(bucket, "bucket"),
    );
    expect(policies).toHaveLength(1);
    expect(statements(policies[0]?.inputs.policy)).toContainEqual({
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [text(bucket, "arn"), `${text(bucket, "arn")}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    });
  });

  test("only SES, by our own rule in our own account, writes into the mail bucket from outside, and only raw mail", async () => {
    const graph = await graphOf(stage);
    const rule = one(graph, "aws:ses/receiptRule:ReceiptRule");
    expect(allowed(graph, "MailBucketPolicy")).toEqual([
      {
        Effect: "Allow",
        Principal: { Service: "ses.amazonaws.com" },
        Action: "s3:PutObject",
        Resource: `${text(one(graph, "bucket", "MailBucketBucket"), "arn")}/inbound/*`,
        Condition: {
          StringEquals: { "aws:SourceAccount": "123456789012" },
          ArnEquals: { "aws:SourceArn": text(rule, "arn") },
        },
      },
    ]);
  });

  test("only CloudFront, for a distribution of our own account, reads the home bucket from outside, and only pictures and attachments", async () => {
    const graph = await graphOf(stage);
    const home = text(one(graph, "bucket", "HomeBucketBucket"), "arn");
    expect(allowed(graph, "HomeBucketPolicy")).toEqual([
      {
        Effect: "Allow",
        Principal: { Service: "cloudfront.amazonaws.com" },
        Action: "s3:GetObject",
        Resource: [`${home}/media/*`, `${home}/private/*`, `${home}/attachments/*`],
        Condition: {
          StringEquals: { "aws:SourceAccount": "123456789012" },
          ArnLike: { "aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/*" },
        },
      },
    ]);
  });

  test("delivered mail expires by its tag, temporary files after three days, unfinished uploads too", async () => {
    const graph = await graphOf(stage);
    const lifecycle = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2";
    const mail = one(graph, lifecycle, "MailBucketLifecycle");
    expect(mail.region).toBe("us-east-1");
    expect(mail.inputs.rules).toContainEqual({
      id: "delivered",
      status: "Enabled",
      filter: { and: { prefix: "inbound/", tags: { frontdesk: "delivered" } } },
      expiration: { days: 90 },
    });
    expect(one(graph, lifecycle, "HomeBucketLifecycle").inputs.rules).toContainEqual(
      expect.objectContaining({ status: "Enabled", filter: { prefix: "tmp/" }, expiration: { days: 3 } }),
    );
    for (const name of ["AccessLogs", "MailAccessLogs"])
      expect(one(graph, lifecycle, `${name}Lifecycle`).inputs.rules).toContainEqual(
        expect.objectContaining({ status: "Enabled", filter: { prefix: "" }, expiration: { days: 30 } }),
      );
    for (const { name, inputs } of all(graph, lifecycle))
      expect(inputs.rules, name).toContainEqual({
        id: "unfinished-uploads",
        status: "Enabled",
        filter: { prefix: "" },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 3 },
      });
  });

  test("on permanent stages what was replaced or deleted stays as long as the database can go back, and goes then", async () => {
    const graph = await graphOf(stage);
    const days = one(graph, "cluster").inputs.backupRetentionPeriod;
    const versioned = all(graph, "aws:s3/bucketVersioningV2:BucketVersioningV2");
    if (!permanentStages.includes(stage)) {
      expect(versioned).toEqual([]);
      return;
    }
    expect(days).toBe(14);
    for (const bucket of all(graph, "bucket")) {
      const own = ({ inputs }: { inputs: Record<string, unknown> }) => inputs.bucket === bucket.inputs.bucket;
      expect(versioned.filter(own).map(({ inputs }) => inputs.versioningConfiguration)).toEqual([
        { status: "Enabled" },
      ]);
      const [configuration] = all(
        graph,
        "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
      ).filter(own);
      expect(configuration?.inputs.rules, bucket.name).toContainEqual({
        id: "old-versions",
        status: "Enabled",
        filter: { prefix: "" },
        noncurrentVersionExpiration: { noncurrentDays: days },
        expiration: { expiredObjectDeleteMarker: true },
      });
    }
  });

  test("a bucket is emptied with its stage only where the stage is a developer's", async () => {
    for (const bucket of all(await graphOf(stage), "bucket"))
      expect(bucket.inputs.forceDestroy, bucket.name).toBe(!permanentStages.includes(stage));
  });
});

function allowed(graph: Graph, policy: string) {
  return statements(one(graph, "bucketPolicy", policy).inputs.policy).filter(
    ({ Effect }) => Effect === "Allow",
  );
}
