import type { Graph, GraphResource } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { graphOf as graphWith } from "../../scripts/run/graphs.ts";
import { graphOf, permanentStages, personalStages, stages } from "./support/graphs.ts";
import { all, needs, one, statements, text } from "./support/read.ts";

/** Alarms on a metric of what has these dimensions. */
function alarmsOn(graph: Graph, metric: string, dimensions: Record<string, unknown>): GraphResource[] {
  return all(graph, "alarm").filter(
    ({ inputs }) =>
      inputs.metricName === metric &&
      Object.entries(dimensions).every(
        ([name, value]) => (inputs.dimensions as Record<string, unknown> | undefined)?.[name] === value,
      ),
  );
}

/** ARNs that a redrive policy of a queue or of a subscription names. */
function deadLetterTargets(graph: Graph): Set<string> {
  return new Set(
    [...all(graph, "queue"), ...all(graph, "aws:sns/topicSubscription:TopicSubscription")]
      .map(({ inputs }) => inputs.redrivePolicy)
      .filter((policy) => policy !== undefined)
      .map((policy) => (JSON.parse(String(policy)) as { deadLetterTargetArn: string }).deadLetterTargetArn),
  );
}

describe.each(permanentStages)("permanent stage %s", (stage) => {
  test("every dead-letter queue, in its own region, has an alarm on its first message", async () => {
    const graph = await graphOf(stage);
    const dead = all(graph, "queue").filter(({ outputs }) =>
      deadLetterTargets(graph).has(String(outputs.arn)),
    );
    expect(new Set(dead.map(({ region }) => region))).toEqual(new Set(["ca-central-1", "us-east-1"]));
    for (const queue of dead) {
      const found = alarmsOn(graph, "ApproximateNumberOfMessagesVisible", { QueueName: queue.inputs.name });
      expect(
        found.map(({ region, inputs }) => [region, inputs.threshold, inputs.comparisonOperator]),
        queue.name,
      ).toEqual([[queue.region, 0, "GreaterThanThreshold"]]);
    }
  });

  test("every other queue has an alarm on its oldest message", async () => {
    const graph = await graphOf(stage);
    const work = all(graph, "queue").filter(
      ({ outputs }) => !deadLetterTargets(graph).has(String(outputs.arn)),
    );
    expect(work.length).toBeGreaterThan(0);
    for (const queue of work) {
      expect(
        alarmsOn(graph, "ApproximateAgeOfOldestMessage", { QueueName: queue.inputs.name }),
        queue.name,
      ).toHaveLength(1);
      expect(alarmsOn(graph, "ApproximateNumberOfMessagesVisible", { QueueName: queue.inputs.name })).toEqual(
        [],
      );
    }
  });

  test("every function has alarms on errors and on throttles", async () => {
    const graph = await graphOf(stage);
    for (const fn of all(graph, "function"))
      for (const metric of ["Errors", "Throttles"])
        expect(
          alarmsOn(graph, metric, { FunctionName: fn.inputs.name }),
          `${fn.name} ${metric}`,
        ).toHaveLength(1);
  });

  test("every API has alarms on the failures that its callers see", async () => {
    const graph = await graphOf(stage);
    for (const api of all(graph, "aws:apigatewayv2/api:Api"))
      for (const metric of api.inputs.protocolType === "HTTP"
        ? ["5xx"]
        : ["IntegrationError", "ExecutionError"])
        expect(alarmsOn(graph, metric, { ApiId: api.outputs.id }), `${api.name} ${metric}`).toHaveLength(1);
  });

  test("database, proxy, every cache node and every NAT gateway have theirs", async () => {
    const graph = await graphOf(stage);
    const cluster = { DBClusterIdentifier: one(graph, "cluster").inputs.clusterIdentifier };
    for (const metric of ["ACUUtilization", "CPUUtilization", "DatabaseConnections"])
      expect(alarmsOn(graph, metric, cluster), metric).toHaveLength(1);
    const proxy = { ProxyName: one(graph, "aws:rds/proxy:Proxy").inputs.name };
    for (const metric of ["DatabaseConnectionsBorrowLatency", "ClientConnectionsSetupFailedAuth"])
      expect(alarmsOn(graph, metric, proxy), metric).toHaveLength(1);
    const nodes = one(graph, "aws:elasticache/replicationGroup:ReplicationGroup").outputs
      .memberClusters as string[];
    expect(nodes).toHaveLength(stage === "production" ? 2 : 1);
    for (const CacheClusterId of nodes)
      for (const metric of ["DatabaseMemoryUsagePercentage", "Evictions", "EngineCPUUtilization"])
        expect(alarmsOn(graph, metric, { CacheClusterId }), metric).toHaveLength(1);
    for (const { outputs } of all(graph, "aws:ec2/natGateway:NatGateway"))
      expect(alarmsOn(graph, "ErrorPortAllocation", { NatGatewayId: outputs.id })).toHaveLength(1);
  });

  test("connections are alarmed before the proxy has opened all that it may", async () => {
    const graph = await graphOf(stage);
    const [alarm] = alarmsOn(graph, "DatabaseConnections", {});
    const pool = one(graph, "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup").inputs
      .connectionPoolConfig as { maxConnectionsPercent: number };
    // Aurora PostgreSQL takes 823 at 4 ACU.
    expect(Number(alarm?.inputs.threshold)).toBeLessThan(823 * (pool.maxConnectionsPercent / 100));
  });

  test("each alarm tells of its end too, to the topic of its own region, and says what it means", async () => {
    const graph = await graphOf(stage);
    for (const { name, region, inputs } of all(graph, "alarm")) {
      const topic = one(graph, "topic", region === "us-east-1" ? "MailOperationsTopic" : "OperationsTopic");
      expect(topic.region).toBe(region);
      expect([inputs.alarmActions, inputs.okActions], name).toEqual([
        [text(topic, "arn")],
        [text(topic, "arn")],
      ]);
      expect(String(inputs.alarmDescription).length, name).toBeGreaterThan(20);
      expect(inputs.treatMissingData, name).toBe("notBreaching");
    }
  });

  test("CloudWatch may publish to the topics, for alarms of this account alone, and use their key", async () => {
    const graph = await graphOf(stage);
    for (const [name, key] of [
      ["OperationsTopic", "HomeTopicKey"],
      ["MailOperationsTopic", "MailTopicKey"],
    ] as const) {
      const topic = one(graph, "topic", name);
      expect(topic.inputs.kmsMasterKeyId).toBe(text(one(graph, "aws:kms/key:Key", key), "arn"));
      const policy = one(graph, "aws:sns/topicPolicy:TopicPolicy", `${name}Policy`);
      expect(statements(policy.inputs.policy)).toContainEqual({
        Sid: "OurAlarms",
        Effect: "Allow",
        Principal: { Service: "cloudwatch.amazonaws.com" },
        Action: "sns:Publish",
        Resource: text(topic, "arn"),
        Condition: {
          StringEquals: { "aws:SourceAccount": "123456789012" },
          ArnLike: { "aws:SourceArn": `arn:aws:cloudwatch:${topic.region}:123456789012:alarm:*` },
        },
      });
      const publishers = statements(one(graph, "aws:kms/key:Key", key).inputs.policy).find(
        ({ Sid }) => Sid === "Publishers",
      );
      expect(publishers).toMatchObject({
        Action: ["kms:Decrypt", "kms:GenerateDataKey"],
        Principal: { Service: expect.arrayContaining(["cloudwatch.amazonaws.com"]) },
      });
      expect(one(graph, "aws:kms/key:Key", key).inputs.enableKeyRotation).toBe(true);
    }
  });

  test("what AWS says of the database reaches the same topic, once its policy is there", async () => {
    const graph = await graphOf(stage);
    const subscriptions = all(graph, "aws:rds/eventSubscription:EventSubscription");
    expect(subscriptions.map(({ inputs }) => inputs.sourceType).toSorted()).toEqual([
      "db-cluster",
      "db-instance",
      "db-parameter-group",
      "db-security-group",
    ]);
    for (const subscription of subscriptions) {
      expect(subscription.inputs.snsTopic).toBe(text(one(graph, "topic", "OperationsTopic"), "arn"));
      expect(needs(graph, subscription)).toContain(
        one(graph, "aws:sns/topicPolicy:TopicPolicy", "OperationsTopicPolicy").urn,
      );
    }
  });

  test("the dashboard shows every queue and every function", async () => {
    const graph = await graphOf(stage);
    const body = String(one(graph, "aws:cloudwatch/dashboard:Dashboard").inputs.dashboardBody);
    for (const { name, inputs } of [...all(graph, "queue"), ...all(graph, "function")])
      expect(body, name).toContain(JSON.stringify(inputs.name));
    const { widgets } = JSON.parse(body) as {
      widgets: { x: number; y: number; properties: { region: string } }[];
    };
    expect(new Set(widgets.map(({ x, y }) => `${x},${y}`)).size).toBe(widgets.length);
    expect(new Set(widgets.map(({ properties }) => properties.region))).toEqual(
      new Set(["ca-central-1", "us-east-1"]),
    );
  });
});

test("the account's reputation is watched once, by the stage that owns its mail, before SES acts", async () => {
  const production = await graphOf("production");
  expect(alarmsOn(production, "Reputation.BounceRate", {})[0]?.inputs.threshold).toBeLessThan(0.05);
  expect(alarmsOn(production, "Reputation.ComplaintRate", {})[0]?.inputs.threshold).toBeLessThan(0.001);
  expect(alarmsOn(await graphOf("staging"), "Reputation.BounceRate", {})).toEqual([]);
});

test.each(
  personalStages,
)("on %s nobody would hear them, so there are none, and no key and no dashboard", async (stage) => {
  const graph = await graphOf(stage);
  for (const type of ["alarm", "aws:cloudwatch/dashboard:Dashboard", "aws:kms/key:Key"])
    expect(all(graph, type), type).toEqual([]);
});

test("whoever the settings name hears both regions, on a personal stage too", async () => {
  const graph = await graphWith("anna", { settings: { alarmEmail: "anna@example.com" } });
  const mails = all(graph, "aws:sns/topicSubscription:TopicSubscription").filter(
    ({ inputs }) => inputs.protocol === "email",
  );
  expect(mails.map(({ region, inputs }) => [region, inputs.endpoint]).toSorted()).toEqual([
    ["ca-central-1", "anna@example.com"],
    ["us-east-1", "anna@example.com"],
  ]);
  expect(all(graph, "alarm").length).toBeGreaterThan(10);
});

test.each(stages)("on %s every log is kept for as long as the settings say", async (stage) => {
  for (const { name, inputs } of all(await graphOf(stage), "logGroup"))
    expect(inputs.retentionInDays, name).toBe(30);
});
