import { describe, expect, test } from "vitest";
import { graphOf, permanentStages, stages } from "./support/graphs.ts";
import { needs, one, statements, text } from "./support/read.ts";

describe.each(stages)("stage %s", (stage) => {
  test("the topic has the notes' name in production, with the stage behind it elsewhere, in the mail region", async () => {
    const topic = one(await graphOf(stage), "topic", "MailTopicTopic");
    expect(topic.inputs.name).toBe(
      stage === "production" ? "incoming-mail-east-1-topic" : `incoming-mail-east-1-topic-${stage}`,
    );
    expect(topic.outputs.arn).toBe(`arn:aws:sns:us-east-1:123456789012:${topic.inputs.name}`);
  });

  test("only our bucket and our receipt rule, of this account, may publish to it", async () => {
    const graph = await graphOf(stage);
    const policy = one(graph, "aws:sns/topicPolicy:TopicPolicy", "MailTopicPolicy");
    const topic = text(one(graph, "topic", "MailTopicTopic"), "arn");
    expect(policy.region).toBe("us-east-1");
    expect(policy.inputs.arn).toBe(topic);
    const from = (service: string, arn: string) => ({
      Effect: "Allow",
      Principal: { Service: service },
      Action: "sns:Publish",
      Resource: topic,
      Condition: {
        ArnEquals: { "aws:SourceArn": arn },
        StringEquals: { "aws:SourceAccount": "123456789012" },
      },
    });
    const allowed = statements(policy.inputs.policy).filter(({ Effect }) => Effect === "Allow");
    expect(allowed).toEqual([
      expect.objectContaining(
        from("s3.amazonaws.com", text(one(graph, "bucket", "MailBucketBucket"), "arn")),
      ),
      expect.objectContaining(
        from("ses.amazonaws.com", text(one(graph, "aws:ses/receiptRule:ReceiptRule"), "arn")),
      ),
    ]);
  });

  test("what passes through the topic is encrypted under a key that both publishers may use, on permanent stages", async () => {
    const graph = await graphOf(stage);
    const topic = one(graph, "topic", "MailTopicTopic");
    if (!permanentStages.includes(stage)) {
      expect(topic.inputs.kmsMasterKeyId).toBeUndefined();
      return;
    }
    const key = one(graph, "aws:kms/key:Key", "MailTopicKey");
    expect(key.region).toBe(topic.region);
    expect(topic.inputs.kmsMasterKeyId).toBe(text(key, "arn"));
    expect(statements(key.inputs.policy).find(({ Sid }) => Sid === "Publishers")).toMatchObject({
      Principal: { Service: expect.arrayContaining(["s3.amazonaws.com", "ses.amazonaws.com"]) },
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
    });
  });

  test("the subscription is in the topic's region and hands on to the home queue; what fails waits in a queue beside the topic", async () => {
    const graph = await graphOf(stage);
    const subscription = one(graph, "aws:sns/topicSubscription:TopicSubscription", "MailSubscription");
    const dead = one(graph, "queue", "MailSubscriptionDeadLetterQueueQueue");
    expect(subscription.region).toBe("us-east-1");
    expect(dead.region).toBe("us-east-1");
    expect(dead.inputs.messageRetentionSeconds).toBe(14 * 24 * 60 * 60);
    expect(subscription.inputs).toMatchObject({
      topic: text(one(graph, "topic", "MailTopicTopic"), "arn"),
      protocol: "sqs",
      endpoint: text(one(graph, "queue", "EmailQueueQueue"), "arn"),
      rawMessageDelivery: true,
    });
    expect(JSON.parse(text(subscription, "redrivePolicy"))).toEqual({
      deadLetterTargetArn: text(dead, "arn"),
    });
    const needed = needs(graph, subscription);
    for (const name of ["EmailQueuePolicy", "MailSubscriptionDeadLetterQueuePolicy"])
      expect(needed, name).toContain(one(graph, "queuePolicy", name).urn);
  });

  test("the bucket tells the topic of every raw message, and SST adds no second notification or topic policy", async () => {
    const graph = await graphOf(stage);
    const notification = one(graph, "aws:s3/bucketNotification:BucketNotification", "MailBucketNotification");
    expect(notification.region).toBe("us-east-1");
    expect(notification.inputs.topics).toEqual([
      {
        id: "raw-mail",
        topicArn: text(one(graph, "topic", "MailTopicTopic"), "arn"),
        events: ["s3:ObjectCreated:*"],
        filterPrefix: "inbound/",
      },
    ]);
    expect(needs(graph, notification)).toContain(
      one(graph, "aws:sns/topicPolicy:TopicPolicy", "MailTopicPolicy").urn,
    );
  });

  test("the receipt rule scans, stores under the raw prefix without client-side encryption, and notifies with the envelope", async () => {
    const graph = await graphOf(stage);
    const rule = one(graph, "aws:ses/receiptRule:ReceiptRule");
    expect(rule.region).toBe("us-east-1");
    expect(rule.inputs).toMatchObject({
      name: stage === "production" ? "frontdesk" : `frontdesk-${stage}`,
      ruleSetName: "frontdesk",
      enabled: true,
      scanEnabled: true,
    });
    expect(rule.inputs.s3Actions).toEqual([
      {
        bucketName: text(one(graph, "bucket", "MailBucketBucket"), "bucket"),
        objectKeyPrefix: "inbound/",
        topicArn: text(one(graph, "topic", "MailTopicTopic"), "arn"),
        position: 1,
      },
    ]);
  });

  test("SES finds both policies in place when the rule is made", async () => {
    const graph = await graphOf(stage);
    const needed = needs(graph, one(graph, "aws:ses/receiptRule:ReceiptRule"));
    expect(needed).toContain(one(graph, "aws:sns/topicPolicy:TopicPolicy", "MailTopicPolicy").urn);
    expect(needed).toContain(one(graph, "bucketPolicy", "MailBucketPolicy").urn);
  });
});
