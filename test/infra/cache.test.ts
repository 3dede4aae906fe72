import { describe, expect, test } from "vitest";
import { graphOf, stages } from "./support/graphs.ts";
import { one, text } from "./support/read.ts";

const group = "aws:elasticache/replicationGroup:ReplicationGroup";

describe.each(stages)("stage %s", (stage) => {
  test("Redis has one shard, TLS, an auth token, encryption, and its own security group", async () => {
    const graph = await graphOf(stage);
    expect(one(graph, group).inputs).toMatchObject({
      engine: "redis",
      engineVersion: "7.1",
      clusterMode: "disabled",
      transitEncryptionEnabled: true,
      transitEncryptionMode: "required",
      atRestEncryptionEnabled: true,
      authToken: expect.stringMatching(/^.{32}$/),
      securityGroupIds: [text(one(graph, "securityGroup", "CacheGroup"), "id")],
    });
  });

  test("a replica and failover in production only", async () => {
    const production = stage === "production";
    expect(one(await graphOf(stage), group).inputs).toMatchObject({
      numCacheClusters: production ? 2 : 1,
      automaticFailoverEnabled: production,
      multiAzEnabled: production,
    });
  });

  test("the link names host, port and the token's secret, not the token", async () => {
    const graph = await graphOf(stage);
    const cluster = one(graph, group);
    expect(graph.links.Cache).toEqual({
      type: "sst.sst.Linkable",
      host: cluster.outputs.primaryEndpointAddress,
      port: 6379,
      local: false,
      secretArn: text(one(graph, "secret", "RedisProxySecret"), "arn"),
    });
    const version = one(graph, "aws:secretsmanager/secretVersion:SecretVersion", "RedisProxySecretVersion");
    expect(JSON.parse(text(version, "secretString"))).toEqual({ authToken: cluster.inputs.authToken });
  });
});
