import { account, allow, policy, region, type Sample, tlsOnly } from "./sample.ts";
import type { Violations } from "./violations.ts";

/** Adds statements to a resource's policy; what was there stays. */
const also =
  (name: string, ...statements: Record<string, unknown>[]) =>
  (sample: Sample) => {
    const { Statement } = JSON.parse(String(sample.get(name).inputs.policy)) as {
      Statement: Record<string, unknown>[];
    };
    sample.set(name, { policy: policy(...Statement, ...statements) });
  };

const queueArn = `arn:aws:sqs:${region}:${account}:work`;
const topicArn = `arn:aws:sns:${region}:${account}:topic`;
const from = (Principal: unknown, Condition?: unknown) => ({
  Principal,
  ...(Condition ? { Condition } : {}),
});

export const messagingViolations: Violations = {
  "queues.encrypted": {
    "a queue says nothing of encryption": (sample) => {
      sample.set("Work", { kmsMasterKeyId: undefined });
    },
  },
  "queues.dead-letters": {
    "a queue loses what cannot be processed": (sample) => sample.set("Work", { redrivePolicy: undefined }),
  },
  "queues.tls": {
    "a queue has no policy": (sample) => sample.remove("WorkPolicy"),
    "a denial has another condition": (sample) =>
      sample.set("WorkPolicy", {
        policy: policy({
          ...tlsOnly(queueArn, "sqs:*"),
          Condition: { Bool: { "aws:SecureTransport": "true" } },
        }),
      }),
  },
  "queues.policy": {
    "everybody may send": also("WorkPolicy", allow("sqs:SendMessage", queueArn, from("*"))),
    "everybody by AWS may send": also("WorkPolicy", allow("sqs:SendMessage", queueArn, from({ AWS: "*" }))),
    "everybody from any source may send": also(
      "WorkPolicy",
      allow("sqs:SendMessage", queueArn, from("*", { ArnLike: { "aws:SourceArn": "*" } })),
    ),
    "a service may do everything": also(
      "WorkPolicy",
      allow("sqs:*", queueArn, from({ Service: "sns.amazonaws.com" })),
    ),
  },
  "topics.encrypted": {
    "a topic is not encrypted": (sample) => sample.set("Topic", { kmsMasterKeyId: undefined }),
  },
  "topics.tls": {
    "a topic takes messages without TLS": (sample) =>
      sample.set("TopicPolicy", {
        policy: policy(allow("sns:Publish", topicArn, from({ Service: "s3.amazonaws.com" }))),
      }),
  },
  "topics.policy": {
    "everybody may subscribe": also("TopicPolicy", allow("sns:Subscribe", topicArn, from("*"))),
    "another account may publish": also(
      "TopicPolicy",
      allow("sns:Publish", topicArn, from({ AWS: "arn:aws:iam::999999999999:root" })),
    ),
  },
  "topics.delivery-status": {
    "failed deliveries are logged nowhere": (sample) =>
      sample.set("Topic", { sqsFailureFeedbackRoleArn: undefined }),
    "deliveries by another protocol are logged": (sample) =>
      sample.set("Topic", {
        sqsFailureFeedbackRoleArn: undefined,
        httpFailureFeedbackRoleArn: sample.arn("Machine"),
      }),
  },
  "mail.tls": {
    "mail goes out in the clear": (sample) =>
      sample.set("Mail", { deliveryOptions: { tlsPolicy: "OPTIONAL" } }),
    "a configuration set of the older kind says nothing": (sample) => {
      sample.add("configurationSetV1", "Older", { name: "older" });
    },
  },
  "storage.private": {
    "a bucket does not block public access": (sample) => sample.remove("PicturesBlock"),
    "a bucket takes public policies": (sample) => sample.set("PicturesBlock", { blockPublicPolicy: false }),
  },
  "storage.acl": {
    "a bucket is readable by ACL": (sample) => {
      sample.add("bucketAcl", "PicturesAcl", { bucket: sample.id("Pictures"), acl: "public-read" });
    },
    "a bucket is writable by ACL": (sample) => {
      sample.add("bucketAcl", "PicturesAcl", { bucket: sample.id("Pictures"), acl: "public-read-write" });
    },
    "a bucket has grants": (sample) => {
      sample.add("bucketAcl", "PicturesAcl", {
        bucket: sample.id("Pictures"),
        accessControlPolicy: {
          owner: { id: "1" },
          grants: [{ permission: "READ", grantee: { type: "CanonicalUser", id: "2" } }],
        },
      });
    },
  },
  "storage.tls": {
    "a bucket has no policy": (sample) => sample.remove("PicturesPolicy"),
  },
  "storage.encrypted": {
    "a bucket says nothing of encryption": (sample) => sample.remove("PicturesEncryption"),
    "a bucket has rules without a default": (sample) =>
      sample.set("LogsEncryption", { rules: [{ bucketKeyEnabled: true }] }),
  },
  "storage.policy": {
    "everybody may read": also("PicturesPolicy", allow("s3:GetObject", "arn:aws:s3:::pictures/*", from("*"))),
    "another account may take the bucket over": also(
      "PicturesPolicy",
      allow("s3:PutBucketPolicy", "arn:aws:s3:::pictures", from({ AWS: "999999999999" })),
    ),
  },
  "storage.lock-out": {
    "everybody is denied everything": also("PicturesPolicy", {
      Effect: "Deny",
      Principal: { AWS: "*" },
      Action: "s3:*",
      Resource: "arn:aws:s3:::pictures",
    }),
  },
  "storage.lifecycle": {
    "a bucket keeps everything": (sample) => sample.remove("PicturesLifecycle"),
    "a lifecycle is switched off": (sample) =>
      sample.set("PicturesLifecycle", {
        rules: [{ id: "old", status: "Disabled", expiration: { days: 9 } }],
      }),
  },
  "storage.notifications": {
    "a bucket tells nobody": (sample) => sample.remove("PicturesNotification"),
  },
  "storage.access-logs": {
    "a bucket logs nothing": (sample) => sample.set("PicturesLogging", { bucket: "elsewhere" }),
  },
  "storage.versioning": {
    "a bucket keeps no versions": (sample) => sample.remove("PicturesVersioning"),
    "versions are suspended": (sample) =>
      sample.set("PicturesVersioning", { versioningConfiguration: { status: "Suspended" } }),
  },
  "storage.replication": {
    "a bucket is in one region only": (sample) => sample.remove("PicturesReplication"),
  },
  "storage.object-lock": {
    "a bucket has no lock": (sample) => sample.set("Pictures", { objectLockEnabled: undefined }),
  },
};
