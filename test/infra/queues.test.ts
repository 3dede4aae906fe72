import type { Graph } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { lambdaPoolSize } from "../../packages/core/src/pool/index.ts";
import { graphOf, stages } from "./support/graphs.ts";
import { all, one, type Statement, statements, text } from "./support/read.ts";

const day = 24 * 60 * 60;

/** Each work queue, its consumer, and the batch that it takes. */
const work = [
  { name: "Email", consumer: "EmailConsumer", batch: 10 },
  { name: "Jobs", consumer: "JobsConsumer", batch: 10 },
  { name: "Image", consumer: "ImageConsumer", batch: 2 },
  { name: "MailEvents", consumer: "MailEventsConsumer", batch: 10 },
];
const queueOf = (graph: Graph, name: string) => one(graph, "queue", `${name}QueueQueue`);
const deadLettersOf = (graph: Graph, name: string) => one(graph, "queue", `${name}DeadLetterQueueQueue`);
const mappings = (graph: Graph) => all(graph, "aws:lambda/eventSourceMapping:EventSourceMapping");
const concurrency = (mapping: { inputs: Record<string, unknown> }) =>
  (mapping.inputs.scalingConfig as { maximumConcurrency: number }).maximumConcurrency;

describe.each(stages)("stage %s", (stage) => {
  test.each(
    work,
  )("a message of $name that fails five times goes to a dead-letter queue that keeps it longer", async ({
    name,
  }) => {
    const graph = await graphOf(stage);
    const queue = queueOf(graph, name);
    const dead = deadLettersOf(graph, name);
    expect(JSON.parse(text(queue, "redrivePolicy"))).toEqual({
      deadLetterTargetArn: text(dead, "arn"),
      maxReceiveCount: 5,
    });
    expect(dead.inputs.messageRetentionSeconds).toBe(14 * day);
    expect(queue.inputs.messageRetentionSeconds).toBeLessThan(14 * day);
    const allow = one(graph, "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", `${name}DeadLetterAllow`);
    expect(allow.inputs.queueUrl).toBe(text(dead, "url"));
    expect(JSON.parse(String(allow.inputs.redriveAllowPolicy))).toEqual({
      redrivePermission: "byQueue",
      sourceQueueArns: [text(queue, "arn")],
    });
  });

  test("no queue is left out of these, but the one of what could not be delivered across regions", async () => {
    const names = all(await graphOf(stage), "queue").map(({ name }) => name.replace(/Queue$/, ""));
    expect(names.toSorted()).toEqual(
      [
        ...work.flatMap(({ name }) => [`${name}Queue`, `${name}DeadLetterQueue`]),
        "MailSubscriptionDeadLetterQueue",
      ].toSorted(),
    );
  });

  test.each(
    work,
  )("$consumer answers for each message of its queue, within a sixth of its visibility and a limit", async ({
    name,
    consumer,
    batch,
  }) => {
    const graph = await graphOf(stage);
    const queue = queueOf(graph, name);
    const fn = one(graph, "function", `${consumer}Function`);
    const [mapping, ...others] = mappings(graph).filter(
      ({ inputs }) => inputs.eventSourceArn === queue.outputs.arn,
    );
    expect(others).toEqual([]);
    expect(mapping?.inputs).toMatchObject({
      functionName: text(fn, "name"),
      batchSize: batch,
      functionResponseTypes: ["ReportBatchItemFailures"],
      scalingConfig: { maximumConcurrency: expect.any(Number) },
    });
    expect(Number(queue.inputs.visibilityTimeoutSeconds)).toBeGreaterThanOrEqual(
      6 * Number(fn.inputs.timeout),
    );
  });

  test("all consumers at their limits hold at most half of the connections that the database gives", async () => {
    const graph = await graphOf(stage);
    expect(mappings(graph)).toHaveLength(work.length);
    const held = mappings(graph).reduce((sum, mapping) => sum + concurrency(mapping), 0) * lambdaPoolSize;
    expect(held).toBeLessThanOrEqual(connectionsOf(graph) / 2);
    // Settings may make the cluster smaller, down to one unit.
    expect(held).toBeLessThanOrEqual((connectionsAt(1) * share(graph)) / 2);
  });

  test("every queue is encrypted with SQS's own key, which SNS and S3 can send to", async () => {
    for (const { name, inputs } of all(await graphOf(stage), "queue")) {
      expect(inputs.sqsManagedSseEnabled, name).toBe(true);
      expect(inputs.kmsMasterKeyId, name).toBeUndefined();
    }
  });

  test("every queue has exactly one policy, which refuses plain HTTP", async () => {
    const graph = await graphOf(stage);
    for (const queue of all(graph, "queue")) {
      const policies = all(graph, "queuePolicy").filter(
        ({ inputs }) => inputs.queueUrl === queue.outputs.url,
      );
      expect(policies, queue.name).toHaveLength(1);
      expect(policies[0]?.region).toBe(queue.region);
      expect(statements(policies[0]?.inputs.policy)).toContainEqual({
        Sid: "TlsOnly",
        Effect: "Deny",
        Principal: "*",
        Action: "sqs:*",
        Resource: queue.outputs.arn,
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      });
    }
  });

  test("a queue's policy lets in only its named source: the mail topic, the home bucket, the topic of sent mail", async () => {
    const graph = await graphOf(stage);
    const allowed = Object.fromEntries(
      all(graph, "queuePolicy")
        .map(({ name, inputs }): [string, Statement[]] => [
          name,
          statements(inputs.policy).filter(({ Effect }) => Effect === "Allow"),
        ])
        .filter(([, list]) => list.length > 0),
    );
    const from = (service: string, arn: string, account?: string) => [
      expect.objectContaining({
        Action: "sqs:SendMessage",
        Principal: { Service: service },
        Condition: {
          ArnEquals: { "aws:SourceArn": arn },
          ...(account && { StringEquals: { "aws:SourceAccount": account } }),
        },
      }),
    ];
    const mail = from("sns.amazonaws.com", text(one(graph, "topic", "MailTopicTopic"), "arn"));
    const events = from("sns.amazonaws.com", text(one(graph, "topic", "MailEventsTopic"), "arn"));
    expect(allowed).toEqual({
      EmailQueuePolicy: mail,
      MailEventsQueuePolicy: events,
      MailEventsDeadLetterQueuePolicy: events,
      MailSubscriptionDeadLetterQueuePolicy: mail,
      ImageQueuePolicy: from(
        "s3.amazonaws.com",
        text(one(graph, "bucket", "HomeBucketBucket"), "arn"),
        "123456789012",
      ),
    });
  });

  test("what SES tells of sent mail waits in its queue; what SNS cannot deliver is a dead letter", async () => {
    const graph = await graphOf(stage);
    const topic = text(one(graph, "topic", "MailEventsTopic"), "arn");
    const subscriptions = all(graph, "aws:sns/topicSubscription:TopicSubscription").filter(
      ({ inputs }) => inputs.topic === topic,
    );
    expect(subscriptions.map(({ name, region }) => [name, region])).toEqual([
      ["MailEventsSubscription", "ca-central-1"],
    ]);
    const { inputs } = one(graph, "aws:sns/topicSubscription:TopicSubscription", "MailEventsSubscription");
    expect(inputs).toMatchObject({
      protocol: "sqs",
      endpoint: text(queueOf(graph, "MailEvents"), "arn"),
    });
    expect(JSON.parse(String(inputs.redrivePolicy))).toEqual({
      deadLetterTargetArn: text(deadLettersOf(graph, "MailEvents"), "arn"),
    });
  });

  test("what is uploaded is told to the image queue, and nothing else of the home bucket to anybody", async () => {
    const graph = await graphOf(stage);
    const bucket = text(one(graph, "bucket", "HomeBucketBucket"), "bucket");
    const notifications = all(graph, "aws:s3/bucketNotification:BucketNotification").filter(
      ({ inputs }) => inputs.bucket === bucket,
    );
    expect(notifications).toHaveLength(1);
    expect(notifications[0]?.inputs).toEqual({
      bucket,
      queues: [
        {
          id: "uploads",
          queueArn: text(queueOf(graph, "Image"), "arn"),
          events: ["s3:ObjectCreated:*"],
          filterPrefix: "tmp/uploads/",
        },
      ],
    });
    expect(notifications[0]?.dependsOn).toContain(one(graph, "queuePolicy", "ImageQueuePolicy").urn);
  });
});

/**
 * Connections of an Aurora Serverless v2 cluster by its greatest capacity in ACU, as AWS lists them.
 * https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html
 */
function connectionsAt(capacity: number): number {
  const listed = [
    [64, 5_000],
    [32, 5_000],
    [16, 3_360],
    [8, 1_669],
    [4, 823],
    [1, 189],
  ] as const;
  const [, connections] = listed.find(([units]) => units <= capacity) ?? [];
  if (connections === undefined) throw new Error(`a cluster of ${capacity} ACU is none`);
  return connections;
}

/** The part of them that functions get: what the proxy may use of them, or all without one. */
function share(graph: Graph): number {
  const [group] = all(graph, "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup");
  const pool = group?.inputs.connectionPoolConfig as { maxConnectionsPercent: number } | undefined;
  return pool ? pool.maxConnectionsPercent / 100 : 1;
}

function connectionsOf(graph: Graph): number {
  const { maxCapacity } = one(graph, "cluster").inputs.serverlessv2ScalingConfiguration as {
    maxCapacity: number;
  };
  return connectionsAt(maxCapacity) * share(graph);
}
