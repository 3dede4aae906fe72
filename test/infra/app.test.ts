import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../scripts/run/root.ts";
import { graphOf, permanentStages, personalStages, stages } from "./support/graphs.ts";
import { all } from "./support/read.ts";

describe.each(stages)("stage %s", (stage) => {
  test("nothing in the graph is guessed", async () => {
    expect((await graphOf(stage)).unknownTypes).toEqual([]);
  });

  test("everything is in the home region or the mail region", async () => {
    const graph = await graphOf(stage);
    expect(graph.homeRegion).toBe("ca-central-1");
    expect(new Set(graph.resources.map(({ region }) => region))).toEqual(
      new Set(["ca-central-1", "us-east-1"]),
    );
  });

  test("the mail region's resources carry SST's tags, which only the default provider gets by itself", async () => {
    const [provider] = all(await graphOf(stage), "pulumi:providers:aws");
    expect(JSON.parse(String(provider?.inputs.defaultTags))).toEqual({
      tags: { "sst:app": "frontdesk", "sst:stage": stage },
    });
  });
});

test("permanent stages keep every resource that leaves the program, not only what SST calls retained", async () => {
  for (const stage of permanentStages) {
    const graph = await graphOf(stage);
    const stateful = [
      "aws:rds/cluster:Cluster",
      "aws:cognito/userPool:UserPool",
      "aws:s3/bucketV2:BucketV2",
      "aws:secretsmanager/secret:Secret",
      "aws:sqs/queue:Queue",
    ];
    for (const type of stateful) {
      expect(all(graph, type).length, type).toBeGreaterThan(0);
      for (const resource of all(graph, type)) expect(resource.retainOnDelete, resource.name).toBe(true);
    }
  }
  for (const stage of personalStages)
    for (const resource of all(await graphOf(stage), "bucket"))
      expect(resource.retainOnDelete).toBeUndefined();
});

test("providers are pinned to the versions that SST 3.19.3 is made with", () => {
  const platform = JSON.parse(readFileSync(join(root, ".sst/platform/package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const lock = JSON.parse(readFileSync(join(root, ".sst/provider-lock.json"), "utf8")) as {
    package: string;
    version: string;
  }[];
  expect(readFileSync(join(root, ".sst/platform/version"), "utf8")).toBe("3.19.3");
  for (const { package: name, version } of lock) expect(version, name).toBe(platform.dependencies[name]);
});

test("sst.config.ts holds app() and imports in their order, and no resource", () => {
  const source = readFileSync(join(root, "sst.config.ts"), "utf8");
  expect(source).not.toMatch(/new (sst|aws)\./);
  expect(source).toContain("protect: production");
});

test("links are names and addresses: no secret is in one", async () => {
  for (const stage of stages) {
    const graph = await graphOf(stage);
    const secrets = graph.resources.flatMap(({ type, outputs }) =>
      type === "random:index/randomPassword:RandomPassword" ? [String(outputs.result)] : [],
    );
    expect(secrets.length).toBeGreaterThan(1);
    const linked = JSON.stringify([graph.links, Object.values(graph.functions).map(({ links }) => links)]);
    for (const secret of secrets) expect(linked).not.toContain(secret);
    expect(linked).not.toMatch(/"(password|token|authToken|secret)":"[^"]/i);
  }
});

test("no function's plain environment holds a secret", async () => {
  for (const fn of all(await graphOf("production"), "function")) {
    const { variables } = fn.inputs.environment as { variables: Record<string, string> };
    expect(Object.keys(variables).toSorted()).toEqual([
      "NODE_EXTRA_CA_CERTS",
      "SST_KEY",
      "SST_KEY_FILE",
      "SST_RESOURCE_App",
    ]);
  }
});
