import { describe, expect, test } from "vitest";
import { graphOf, stages } from "./support/graphs.ts";
import { all, one, statements, text } from "./support/read.ts";

const day = 24 * 60 * 60;

describe.each(stages)("stage %s", (stage) => {
  test("a message that fails five times goes to a dead-letter queue that keeps it longer than its source", async () => {
    const graph = await graphOf(stage);
    const queue = one(graph, "queue", "EmailQueueQueue");
    const dead = one(graph, "queue", "EmailDeadLetterQueueQueue");
    expect(JSON.parse(text(queue, "redrivePolicy"))).toEqual({
      deadLetterTargetArn: text(dead, "arn"),
      maxReceiveCount: 5,
    });
    expect(dead.inputs.messageRetentionSeconds).toBe(14 * day);
    expect(queue.inputs.messageRetentionSeconds).toBeLessThan(14 * day);
    const allow = one(graph, "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy").inputs;
    expect(allow.queueUrl).toBe(text(dead, "url"));
    expect(JSON.parse(String(allow.redriveAllowPolicy))).toEqual({
      redrivePermission: "byQueue",
      sourceQueueArns: [text(queue, "arn")],
    });
  });

  test("a message stays hidden for six times its consumer's timeout", async () => {
    const graph = await graphOf(stage);
    const consumer = one(graph, "function", "EmailConsumerFunction");
    const queue = one(graph, "queue", "EmailQueueQueue");
    expect(Number(queue.inputs.visibilityTimeoutSeconds)).toBeGreaterThanOrEqual(
      6 * Number(consumer.inputs.timeout),
    );
  });

  test("the consumer answers for each message on its own, and its concurrency is limited", async () => {
    const graph = await graphOf(stage);
    const mapping = one(graph, "aws:lambda/eventSourceMapping:EventSourceMapping");
    expect(mapping.inputs).toMatchObject({
      eventSourceArn: text(one(graph, "queue", "EmailQueueQueue"), "arn"),
      functionName: text(one(graph, "function", "EmailConsumerFunction"), "name"),
      batchSize: 10,
      functionResponseTypes: ["ReportBatchItemFailures"],
      scalingConfig: { maximumConcurrency: 10 },
    });
  });

  test("every queue is encrypted with SQS's own key, which SNS can send to", async () => {
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

  test("only the mail topic may send to the email queue, and to the queue of what could not be delivered", async () => {
    const graph = await graphOf(stage);
    const topic = text(one(graph, "topic", "MailTopicTopic"), "arn");
    const allowed = all(graph, "queuePolicy").flatMap(({ name, inputs }) =>
      statements(inputs.policy)
        .filter(({ Effect }) => Effect === "Allow")
        .map((statement) => ({ name, statement })),
    );
    expect(allowed.map(({ name }) => name).toSorted()).toEqual([
      "EmailQueuePolicy",
      "MailSubscriptionDeadLetterQueuePolicy",
    ]);
    for (const { statement } of allowed)
      expect(statement).toMatchObject({
        Action: "sqs:SendMessage",
        Principal: { Service: "sns.amazonaws.com" },
        Condition: { ArnEquals: { "aws:SourceArn": topic } },
      });
  });
});
