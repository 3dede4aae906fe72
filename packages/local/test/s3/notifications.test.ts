import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterEach, expect, test } from "vitest";
import { uniqueId } from "../../src/iam/principal.ts";
import type { BucketNotificationTarget, BucketSpec, Plan } from "../../src/plan/types.ts";
import {
  account,
  allow,
  allowService,
  bucketSpec,
  developer,
  planOf,
  queueSpec,
  roleArn,
  type Services,
  settled,
  startServices,
  topicSpec,
  worker,
} from "../support/services.ts";

let services: Services;
afterEach(() => services.stop());

const queue = queueSpec("events");
const topic = topicSpec("events");
const functionArn = `arn:aws:lambda:eu-west-1:${account}:function:worker`;
const source = "arn:aws:s3:::files";
const target = (change: Partial<BucketNotificationTarget> = {}): BucketNotificationTarget => ({
  id: "all",
  kind: "queue",
  arn: queue.arn,
  events: ["s3:ObjectCreated:*"],
  ...change,
});
const plan = (
  notifications: BucketNotificationTarget[],
  change: Partial<Plan> = {},
  bucket: Partial<BucketSpec> = {},
) =>
  planOf({
    queues: [queue],
    topics: [topic],
    buckets: [bucketSpec("files", { notifications, ...bucket })],
    grants: [allow("s3:PutObject", "arn:aws:s3:::files/*")],
    resourcePolicies: [
      allowService("s3.amazonaws.com", "sqs:SendMessage", queue.arn, source),
      allowService("s3.amazonaws.com", "sns:Publish", topic.arn, source),
      allowService("s3.amazonaws.com", "lambda:InvokeFunction", functionArn, source),
    ],
    ...change,
  });
const put = (Key: string, more: object = {}) =>
  services.s3Client().send(new PutObjectCommand({ Bucket: "files", Key, Body: "hello", ...more }));

interface Event {
  Event?: string;
  Records?: {
    eventName: string;
    s3: { configurationId: string; object: Record<string, unknown> };
    [name: string]: unknown;
  }[];
}
/** Events in the queue, the test event left out. */
async function take(count: number): Promise<NonNullable<Event["Records"]>> {
  const records: NonNullable<Event["Records"]> = [];
  while (records.length < count) {
    const messages = await services.ports.sqs.receive(developer, queue.arn, { max: 1, waitMs: 20_000 });
    expect(messages).toHaveLength(1);
    for (const { body, receiptHandle } of messages) {
      records.push(...((JSON.parse(body) as Event).Records ?? []));
      await services.ports.sqs.delete(developer, queue.arn, [receiptHandle]);
    }
  }
  return records;
}
const names = (records: NonNullable<Event["Records"]>) => records.map(({ eventName }) => eventName);

test("a queue gets S3's record of what was put, by whom, under an encoded key, with the trace", async () => {
  services = await startServices(plan([target()]));
  const trace = "Root=1-66b1d2f0-0123456789abcdef01234567";
  await services.ports.s3.put(worker, "files", "a folder/ü+&'(1)*.txt", Buffer.from("hello"), { trace });
  await services.observed(({ kind, traces }) => kind === "sqs.send" && traces.includes(trace));
  const [record] = await take(1);
  expect(record).toEqual({
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: "eu-west-1",
    eventTime: expect.stringMatching(/^\d{4}-.*Z$/),
    eventName: "ObjectCreated:Put",
    userIdentity: { principalId: `AWS:${uniqueId("AROA", roleArn)}:worker-fn` },
    requestParameters: { sourceIPAddress: "127.0.0.1" },
    responseElements: { "x-amz-request-id": expect.any(String), "x-amz-id-2": expect.any(String) },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: "all",
      bucket: { name: "files", ownerIdentity: { principalId: expect.any(String) }, arn: source },
      object: {
        key: "a+folder/%C3%BC%2B%26%27%281%29*.txt",
        size: 5,
        eTag: "5d41402abc4b2a76b9719d911017c592",
        sequencer: expect.stringMatching(/^[0-9A-F]{16,}$/),
      },
    },
  });
});

test("each way of making, changing and removing an object has its own name", async () => {
  services = await startServices(
    plan([target({ events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"] })]),
  );
  const s3 = services.s3Client();
  const key = { Bucket: "files", Key: "k" };
  await put("k");
  await s3.send(new CopyObjectCommand({ ...key, Key: "copy", CopySource: "files/k" }));
  await s3.send(new PutObjectTaggingCommand({ ...key, Tagging: { TagSet: [] } }));
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand(key));
  const { ETag } = await s3.send(new UploadPartCommand({ ...key, UploadId, PartNumber: 1, Body: "x" }));
  await s3.send(
    new CompleteMultipartUploadCommand({
      ...key,
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  );
  await s3.send(new DeleteObjectCommand(key));
  await s3.send(new DeleteObjectCommand(key));
  const records = await take(5);
  expect(names(records)).toEqual([
    "ObjectCreated:Put",
    "ObjectCreated:Copy",
    "ObjectTagging:Put",
    "ObjectCreated:CompleteMultipartUpload",
    "ObjectRemoved:Delete",
  ]);
  expect(records[4]?.s3.object).toEqual({ key: "k", sequencer: expect.any(String) });
  const sequencers = records.map(({ s3: { object } }) => object.sequencer);
  expect(sequencers).toEqual(sequencers.toSorted());
  expect(services.sqs.counts(queue.arn).visible).toBe(0);
});

test("versions are named, and hiding is not deleting", async () => {
  services = await startServices(
    plan([target({ events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"] })], {}, { versioning: true }),
  );
  const { VersionId } = await put("k");
  const marker = await services.s3Client().send(new DeleteObjectCommand({ Bucket: "files", Key: "k" }));
  await services.s3Client().send(new DeleteObjectCommand({ Bucket: "files", Key: "k", VersionId }));
  const records = await take(3);
  expect(records.map(({ eventName, s3: { object } }) => [eventName, object.versionId])).toEqual([
    ["ObjectCreated:Put", VersionId],
    ["ObjectRemoved:DeleteMarkerCreated", marker.VersionId],
    ["ObjectRemoved:Delete", VersionId],
  ]);
});

test("only what a target's events, prefix and suffix ask for is told", async () => {
  services = await startServices(
    plan([
      target({ id: "pictures", prefix: "in/", suffix: ".png" }),
      target({ id: "copies", events: ["s3:ObjectCreated:Copy"] }),
    ]),
  );
  for (const key of ["in/a.png", "in/a.txt", "out/a.png", "in/.png"]) await put(key);
  await services
    .s3Client()
    .send(new CopyObjectCommand({ Bucket: "files", Key: "x", CopySource: "files/in/a.png" }));
  const records = await take(3);
  expect(records.map(({ s3: { configurationId, object } }) => [configurationId, object.key])).toEqual([
    ["pictures", "in/a.png"],
    ["pictures", "in/.png"],
    ["copies", "x"],
  ]);
});

test("topics and functions are told as S3, for the bucket", async () => {
  services = await startServices(
    plan(
      [target({ kind: "topic", arn: topic.arn }), target({ id: "fn", kind: "function", arn: functionArn })],
      {
        subscriptions: [
          {
            arn: `${topic.arn}:1`,
            topicArn: topic.arn,
            protocol: "sqs",
            endpoint: queue.arn,
            rawMessageDelivery: true,
            filterPolicyScope: "MessageAttributes",
          },
        ],
        resourcePolicies: [
          allowService("sns.amazonaws.com", "sqs:SendMessage", queue.arn, topic.arn),
          allowService("s3.amazonaws.com", "sns:Publish", topic.arn, source),
          allowService("s3.amazonaws.com", "lambda:InvokeFunction", functionArn, source),
        ],
      },
    ),
  );
  await put("k");
  expect(names(await take(1))).toEqual(["ObjectCreated:Put"]);
  while (services.invocations.events.length === 0) await settled();
  expect(services.invocations.events).toMatchObject([
    {
      principal: { service: "s3.amazonaws.com", sourceArn: source, sourceAccount: account },
      event: { Records: [{ eventName: "ObjectCreated:Put" }] },
    },
  ]);
});

test("a target that denies it is not asked again, and is named", async () => {
  services = await startServices(plan([target()], { resourcePolicies: [] }));
  await put("k");
  while (services.logs.length < 2) await settled();
  expect(services.logs[1]).toMatch(/files could not notify .*:events.*sqs:SendMessage/);
  expect(services.iam.denials()).toMatchObject([{ action: "sqs:SendMessage", resource: queue.arn }]);
});

test("a target that fails is told again", async () => {
  services = await startServices(plan([target()]));
  await services.observed(({ kind }) => kind === "sqs.send");
  services.cloud.faults.add({
    service: "sqs",
    operation: "SendMessage",
    times: 3,
    effect: { error: { code: "ServiceUnavailable", status: 503 } },
  });
  await put("k");
  while (services.sqs.counts(queue.arn).visible < 2) {
    await settled();
    services.cloud.clock.advance(1000);
  }
  expect(names(await take(1))).toEqual(["ObjectCreated:Put"]);
});

test("a topic or queue is tested once when the configuration is made, and again when it changes", async () => {
  services = await startServices(plan([target(), target({ id: "fn", kind: "function", arn: functionArn })]));
  const tests = async () => {
    await settled();
    const messages = await services.ports.sqs.receive(developer, queue.arn, { max: 10, waitMs: 0 });
    return messages.map(({ body }) => JSON.parse(body) as unknown);
  };
  expect(await tests()).toEqual([
    {
      Service: "Amazon S3",
      Event: "s3:TestEvent",
      Time: expect.any(String),
      Bucket: "files",
      RequestId: expect.any(String),
      HostId: expect.any(String),
    },
  ]);
  expect(services.invocations.events).toEqual([]);
  const restart = async (next: Plan) => {
    await services.stop({ keep: true });
    services = await startServices(next, { folder: services.folder });
  };
  await restart(plan([target(), target({ id: "fn", kind: "function", arn: functionArn })]));
  expect(await tests()).toEqual([]);
  await restart(plan([target({ prefix: "in/" })]));
  expect(await tests()).toMatchObject([{ Event: "s3:TestEvent" }]);
});
