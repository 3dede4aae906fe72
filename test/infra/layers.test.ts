import { mkdtempSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inputsHash, type LayerName, layerNames, namesInLayers } from "../../layers/contents.ts";
import { root } from "../../scripts/run/root.ts";
import { type Deployed, deploy } from "../support/lambda.ts";
import { graphOf, stages } from "./support/graphs.ts";
import { all, one, text } from "./support/read.ts";

/** Which function loads what: the data layer whoever reaches Postgres or Redis, the others by what they do. */
const expected: Record<string, LayerName[]> = {
  ApiFunction: ["data"],
  AuthPreSignUp: [],
  AuthPreTokenGeneration: [],
  EmailConsumer: ["data", "mail"],
  ImageConsumer: ["data", "image"],
  JobsConsumer: ["data"],
  MailEventsConsumer: ["data"],
  Migrator: ["data"],
  OutboxSweep: ["data"],
  RealtimeAuthorizer: ["data"],
  RealtimeConnect: ["data"],
  RealtimeDefault: ["data"],
  RealtimeDisconnect: ["data"],
};
/** Milliseconds for a synthesis and for bundling everything, on a machine that does other things too. */
const PATIENCE = 180_000;
const versionType = "aws:lambda/layerVersion:LayerVersion";
const logicalName = (layer: LayerName) => `Layer${layer.charAt(0).toUpperCase()}${layer.slice(1)}`;

describe.each(stages)("stage %s", (stage) => {
  beforeAll(async () => void (await graphOf(stage)), PATIENCE);

  test("there are three layers, for arm64 and Node 22, whose old versions stay for whoever runs with them", async () => {
    const graph = await graphOf(stage);
    expect(
      all(graph, versionType)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(layerNames.map(logicalName));
    for (const layer of layerNames)
      expect(one(graph, versionType, logicalName(layer)).inputs).toMatchObject({
        layerName: `frontdesk-${stage}-${layer}`,
        compatibleArchitectures: ["arm64"],
        compatibleRuntimes: ["nodejs22.x"],
        skipDestroy: true,
      });
  });

  test("a version follows from its content alone: the key in the layers bucket is the hash", async () => {
    const graph = await graphOf(stage);
    const { region, outputs } = one(graph, "bucket", "LayersBucketBucket");
    const { bucket } = outputs;
    expect(region).toBe("ca-central-1");
    for (const layer of layerNames) {
      const key = `${layer}/${inputsHash(root, layer)}.zip`;
      const archive = one(graph, "aws:s3/bucketObjectv2:BucketObjectv2", `${logicalName(layer)}Archive`);
      expect(archive.inputs).toMatchObject({ bucket, key });
      expect(one(graph, versionType, logicalName(layer)).inputs).toMatchObject({
        s3Bucket: bucket,
        s3Key: key,
      });
    }
  });

  test("each function has the layers of what it loads, and leaves out of its bundle what they hold", async () => {
    const graph = await graphOf(stage);
    for (const [name, layers] of Object.entries(expected)) {
      const arns = layers.map((layer) => text(one(graph, versionType, logicalName(layer)), "arn"));
      expect(one(graph, "function", `${name}Function`).inputs.layers, name).toEqual(arns);
      expect(graph.functions[name]?.properties, name).toMatchObject({
        splitting: true,
        esbuild: { external: namesInLayers(root, layers) },
      });
    }
    expect(Object.keys(graph.functions).toSorted()).toEqual(Object.keys(expected).toSorted());
  });
});

describe("bundles", () => {
  const folder = mkdtempSync(join(tmpdir(), "frontdesk-bundles-"));
  const bundles = new Map<string, Deployed>();
  beforeAll(async () => {
    const { functions } = await graphOf("production");
    for (const [name, fn] of Object.entries(functions))
      bundles.set(name, await deploy(fn, join(folder, name)));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(Object.entries(expected))("%s holds nothing that its layers hold", (name, layers) => {
    const held = new Set(namesInLayers(root, layers));
    const inside = Object.keys(bundles.get(name)?.metafile.inputs ?? {})
      .map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
      .filter((packageName) => packageName !== undefined && held.has(packageName));
    expect([...new Set(inside)]).toEqual([]);
  });

  test.each(
    Object.entries(expected),
  )("%s leaves out what its layers hold and nothing else, and asks for it by require", (name, layers) => {
    const held = new Set(namesInLayers(root, layers));
    const asked = Object.values(bundles.get(name)?.metafile.inputs ?? {})
      .flatMap(({ imports }) => imports)
      // What has a colon or a bracket in it is of esbuild's own and of SST's.
      .filter(({ external, path }) => external && /^[@\w./-]+$/.test(path) && !isBuiltin(path));
    // What loads nothing of a layer asks for nothing.
    expect(asked.length > 0).toBe(layers.length > 0);
    for (const { path, kind } of asked) {
      expect(held, `${path} is in no layer of ${name}`).toContain(/^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
      // `import` does not look where layers lie, by Node's rules (docs/decisions/0045).
      expect(kind, path).toBe("require-call");
    }
  });
});
