import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Graph, GraphResource } from "../../src/graph/types.ts";
import { buildPlan } from "../../src/plan/index.ts";
import { typesFile } from "../../src/synth/types-file.ts";
import { type App, makeApp } from "./support.ts";

let app: App;
let graph: Graph;
beforeAll(async () => {
  app = await makeApp("whole");
  graph = await app.synthesise({ secretSeed: "one", accountId: "123456789012" });
});
afterAll(() => app.remove());

function one(type: string, name: string): GraphResource {
  const found = graph.resources.filter((resource) => resource.type === type && resource.name === name);
  expect(found, `${type} "${name}"`).toHaveLength(1);
  return found[0] as GraphResource;
}
const all = (type: string) => graph.resources.filter((resource) => resource.type === type);

describe("completeness", () => {
  test("what SST makes after a build, inside an apply, is in the graph", () => {
    expect(all("aws:lambda/function:Function").map(({ name }) => name)).toHaveLength(8);
    expect(all("aws:rds/proxyTarget:ProxyTarget")).toHaveLength(1);
    expect(all("aws:s3/bucketNotification:BucketNotification")).toHaveLength(1);
    expect(all("aws:apigatewayv2/route:Route").map(({ inputs }) => inputs.routeKey)).toEqual(
      expect.arrayContaining(["GET /things/{id}", "$connect", "$default"]),
    );
  });

  test("no type of the fixture is unknown to the mocks", () => {
    expect(graph.unknownTypes).toEqual([]);
  });

  test("a resource comes after everything that it needs", () => {
    const seen = new Set<string>();
    const urns = new Set(graph.resources.map(({ urn }) => urn));
    for (const { urn, parent, dependsOn } of graph.resources) {
      if (parent) expect(seen).toContain(parent);
      for (const needed of dependsOn ?? []) if (urns.has(needed)) expect(seen).toContain(needed);
      seen.add(urn);
    }
  });

  test("a plan can be drawn from it", () => {
    const plan = buildPlan(graph);
    expect(plan.functions).toHaveLength(8);
    expect(plan.eventSourceMappings[0]).toMatchObject({ batchSize: 5, reportBatchItemFailures: true });
    expect(plan.databaseProxies[0]?.clusterId).toBe(plan.databases[0]?.id);
  });

  test("the return value of run() is resolved", () => {
    expect(graph.outputs).toEqual({
      api: expect.stringMatching(/^https:\/\/[a-z0-9]{10}\.execute-api\.ca-central-1\.amazonaws\.com$/),
      socket: expect.stringMatching(
        /^wss:\/\/[a-z0-9]{10}\.execute-api\.ca-central-1\.amazonaws\.com\/\$default$/,
      ),
      east: expect.stringMatching(/^whole-test-eastfilesbucket-[a-z]{8}$/),
    });
  });
});

describe("the shapes of AWS", () => {
  test("account and region are in every ARN where AWS has them", () => {
    expect(one("aws:sqs/queue:Queue", "WorkQueue").outputs).toMatchObject({
      arn: expect.stringMatching(/^arn:aws:sqs:ca-central-1:123456789012:whole-test-WorkQueue-[a-z]{8}$/),
      url: expect.stringMatching(
        /^https:\/\/sqs\.ca-central-1\.amazonaws\.com\/123456789012\/whole-test-WorkQueue-/,
      ),
    });
    expect(one("aws:s3/bucketV2:BucketV2", "FilesBucket").outputs.arn).toMatch(
      /^arn:aws:s3:::whole-test-files/,
    );
    expect(one("aws:iam/role:Role", "ToolRole").outputs.arn).toMatch(/^arn:aws:iam::123456789012:role\//);
  });

  test("a resource with a provider of another region is of that region, and so is what SST makes for it", () => {
    expect(one("aws:s3/bucketV2:BucketV2", "EastFilesBucket").region).toBe("us-east-1");
    const topic = one("aws:sns/topic:Topic", "TopicTopic");
    expect(topic.region).toBe("us-east-1");
    expect(topic.outputs.arn).toMatch(/^arn:aws:sns:us-east-1:123456789012:/);
    const subscriber = all("aws:lambda/function:Function").find(({ name }) =>
      name.startsWith("TopicSubscriber"),
    );
    expect(subscriber?.outputs.arn).toMatch(/^arn:aws:lambda:us-east-1:/);
  });

  test("database, cache and pool have the host names and ids that AWS gives", () => {
    const cluster = one("aws:rds/cluster:Cluster", "DatabaseCluster").outputs;
    expect(cluster.endpoint).toMatch(
      /^whole-test-databasecluster-[a-z]{8}\.cluster-[a-z0-9]{12}\.ca-central-1\.rds\.amazonaws\.com$/,
    );
    expect(cluster.clusterResourceId).toMatch(/^cluster-[A-Z0-9]{26}$/);
    expect(one("aws:rds/proxy:Proxy", "DatabaseProxy").outputs.arn).toMatch(/:db-proxy:prx-[0-9a-f]{17}$/);
    expect(one("aws:elasticache/replicationGroup:ReplicationGroup", "CacheCluster").outputs).toMatchObject({
      primaryEndpointAddress: expect.stringMatching(/^master\..+\.cac1\.cache\.amazonaws\.com$/),
      configurationEndpointAddress: "",
    });
    expect(one("aws:cognito/userPool:UserPool", "PeopleUserPool").outputs.id).toMatch(
      /^ca-central-1_[A-Za-z0-9]{9}$/,
    );
  });

  test("a function's policy has the statements that it was granted, in IAM's casing", () => {
    const [inline] = one("aws:iam/role:Role", "ToolRole").inputs.inlinePolicies as { policy: string }[];
    expect(JSON.parse(inline?.policy ?? "")).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: "s3:GetObject",
          Resource: `${one("aws:s3/bucketV2:BucketV2", "EastFilesBucket").outputs.arn}/*`,
        },
      ],
    });
  });

  test("a function without grants gets no empty policy", () => {
    expect(one("aws:iam/role:Role", "SocketRouteDefaultHandlerRole").inputs.inlinePolicies).toEqual([]);
  });

  test("log group and function, named by SST apart, get different letters", () => {
    const fn = one("aws:lambda/function:Function", "ToolFunction").inputs;
    const group = (fn.loggingConfig as { logGroup: string }).logGroup;
    expect(group).toMatch(/^\/aws\/lambda\/whole-test-ToolFunction-/);
    expect(group).not.toBe(`/aws/lambda/${fn.name}`);
  });
});

describe("functions and links", () => {
  test("a build carries handler, options and the values of its links, secrets included", () => {
    const work = Object.values(graph.functions).find(({ handler }) => handler === "src/work.handler");
    expect(work).toMatchObject({
      runtime: "nodejs20.x",
      properties: { minify: true },
      links: {
        Files: { type: "sst:aws:Bucket", name: expect.stringMatching(/^whole-test-filesbucket-/) },
        ApiKey: { type: "sst:sst:Secret", value: "placeholder" },
        Database: { port: 5432, password: expect.stringMatching(/^[A-Za-z0-9]{32}$/) },
      },
    });
  });

  test("every linkable of the program is listed, linked to something or not", () => {
    expect(Object.keys(graph.links)).toEqual(
      expect.arrayContaining(["Api", "Cache", "Dead", "EastFiles", "Mail", "Socket", "Topic", "Web", "Work"]),
    );
    expect(graph.links.Work).toEqual({ type: "sst.aws.Queue", url: expect.stringContaining("https://sqs.") });
  });

  test("sst-env.d.ts has the shape that SST writes", () => {
    const text = typesFile(graph);
    expect(text).toContain(`    "Work": {\n      "type": "sst.aws.Queue"\n      "url": string\n    }\n`);
    expect(text).toMatch(/^\/\* This file is auto-generated by SST\. Do not edit\. \*\/\n/);
    expect(text).toMatch(/\nimport "sst"\nexport \{\}$/);
  });
});

describe("again", () => {
  let again: Graph;
  beforeAll(async () => {
    again = await app.synthesise({ secretSeed: "two", accountId: "123456789012" });
  });
  const withoutSecrets = ({ resources, functions }: Graph) =>
    [resources, functions].map((value) =>
      JSON.stringify(value, (key, item) =>
        [
          "password",
          "authToken",
          "masterPassword",
          "secretString",
          "result",
          "SST_KEY",
          "base64",
          "hex",
        ].includes(key)
          ? "…"
          : item,
      ),
    );

  test("the same program gives the same graph, but for passwords, which follow the installation's seed", () => {
    expect(withoutSecrets(again)).toEqual(withoutSecrets(graph));
    expect(again.links.Database?.password).not.toBe(graph.links.Database?.password);
    expect(again.links.Cache?.password).not.toBe(graph.links.Cache?.password);
  });

  test("nothing is left behind in the platform's folder", () => {
    // Other tests' programs come and go in the same folder. A source map names the app that it is of.
    const folder = join(app.dir, ".sst", "platform");
    const ofThisApp = (name: string) => {
      try {
        return readFileSync(join(folder, name), "utf8").includes(basename(app.dir));
      } catch {
        return false; // gone by now
      }
    };
    const programs = readdirSync(folder).filter((name) => name.startsWith("sst.config."));
    expect(programs.filter(ofThisApp)).toEqual([]);
  });
});
