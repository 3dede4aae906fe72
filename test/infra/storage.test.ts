import { describe, expect, test } from "vitest";
import { graphOf, permanentStages, stages } from "./support/graphs.ts";
import { all, one, statements, text } from "./support/read.ts";

const buckets = ["MailBucket", "HomeBucket"];

describe.each(stages)("stage %s", (stage) => {
  test("raw mail lies in the mail region, attachments at home", async () => {
    const graph = await graphOf(stage);
    expect(one(graph, "bucket", "MailBucketBucket").region).toBe("us-east-1");
    expect(one(graph, "bucket", "HomeBucketBucket").region).toBe("ca-central-1");
    expect(graph.links.MailBucket).toMatchObject({ region: "us-east-1" });
    expect(graph.links.HomeBucket).toMatchObject({ region: "ca-central-1" });
  });

  test.each(
    buckets,
  )("%s is closed to the public, encrypted, has no CORS, and what SST makes for it is in its region", async (name) => {
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
    expect(all(graph, "aws:s3/bucketCorsConfigurationV2:BucketCorsConfigurationV2")).toEqual([]);
    for (const resource of [access, encryption, one(graph, "bucketPolicy", `${name}Policy`)])
      expect(resource.region, resource.name).toBe(bucket.region);
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
    const allowed = all(graph, "bucketPolicy")
      .flatMap(({ inputs }) => statements(inputs.policy))
      .filter(({ Effect }) => Effect === "Allow");
    expect(allowed).toEqual([
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

  test("delivered mail expires by its tag, temporary files after three days, unfinished uploads too", async () => {
    const graph = await graphOf(stage);
    const lifecycle = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2";
    const mail = one(graph, lifecycle, "MailBucketLifecycle");
    expect(mail.region).toBe("us-east-1");
    expect(mail.inputs.rules).toEqual([
      {
        id: "delivered",
        status: "Enabled",
        filter: { and: { prefix: "inbound/", tags: { frontdesk: "delivered" } } },
        expiration: { days: 90 },
      },
      {
        id: "unfinished-uploads",
        status: "Enabled",
        filter: { prefix: "" },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 3 },
      },
    ]);
    expect(one(graph, lifecycle, "HomeBucketLifecycle").inputs.rules).toEqual([
      expect.objectContaining({ status: "Enabled", filter: { prefix: "tmp/" }, expiration: { days: 3 } }),
    ]);
  });

  test("a bucket is emptied with its stage only where the stage is a developer's", async () => {
    for (const bucket of all(await graphOf(stage), "bucket"))
      expect(bucket.inputs.forceDestroy, bucket.name).toBe(!permanentStages.includes(stage));
  });
});
