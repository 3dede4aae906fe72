import { afterAll, beforeAll, expect, test } from "vitest";
import type { Graph } from "../../src/graph/types.ts";
import { type App, config, makeApp } from "./support.ts";

let app: App;
let graph: Graph;
beforeAll(async () => {
  app = await makeApp({
    "sst.config.ts": config(`
    await import("./infra/queues");
    const { work } = await import("./infra/work");
    new aws.sns.Topic("Here");
    return { work: work.name, dev: $dev, command: $cli.command };`),
    "infra/helper.ts": `
export const bucket = (name: string) => new sst.aws.Bucket(name);`,
    "infra/queues.ts": `
import { bucket } from "./helper";
export const queue = new sst.aws.Queue("Queue");
bucket("Made");`,
    "infra/work.ts": `
import { queue } from "./queues";
export const work = new sst.aws.Function("Work", { handler: "work.handler" });
queue.subscribe(work.arn);
$output(queue.url).apply((url) => new aws.ssm.Parameter("Late", { type: "String", value: url }));`,
    "work.ts": "export const handler = async () => {};",
  });
  graph = await app.synthesise({ dev: true });
});
afterAll(() => app.remove());

const declaredIn = (name: string) => graph.resources.find((resource) => resource.name === name)?.declaredIn;

test("a resource is declared in the module that makes it, whatever helper it calls for it", () => {
  expect(declaredIn("Queue")).toBe("infra/queues.ts");
  expect(declaredIn("QueueQueue")).toBe("infra/queues.ts");
  expect(declaredIn("MadeBucket")).toBe("infra/queues.ts");
  expect(declaredIn("Here")).toBe("sst.config.ts");
});

test("what is made later, inside an output, is declared where the output was handed its callback", () => {
  expect(declaredIn("Late")).toBe("infra/work.ts");
  const mapping = graph.resources.find(({ type }) => type.endsWith(":EventSourceMapping"));
  expect(mapping?.declaredIn).toBe("infra/work.ts");
});

test("every resource has its file", () => {
  expect(graph.resources.filter((resource) => !resource.declaredIn)).toEqual([]);
});

test("a program can be evaluated as `sst dev` does, with live functions", () => {
  expect(graph.outputs).toMatchObject({ dev: true, command: "dev" });
  const fn = graph.resources.find(({ type }) => type === "aws:lambda/function:Function");
  expect(fn?.inputs.environment).toMatchObject({ variables: { SST_FUNCTION_ID: "Work" } });
});
