import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Graph } from "../../src/graph/types.ts";
import { buildPlan } from "../../src/plan/index.ts";
import { type App, makeApp } from "./support.ts";

let app: App;
let graph: Graph;
beforeAll(async () => {
  app = await makeApp("components");
  graph = await app.synthesise({ secretSeed: "components" });
});
afterAll(() => app.remove());

const names = (type: string) => graph.resources.filter((one) => one.type === type).map(({ name }) => name);

test("every component of SST that its examples use is synthesised, and the mocks know all that it makes", () => {
  expect(graph.unknownTypes).toEqual([]);
  const program = readFileSync(join(app.dir, "infra.ts"), "utf8");
  const used = new Set(
    [...program.matchAll(/new sst\.aws\.([A-Z]\w+)/g)].map(([, name]) => `sst:aws:${name}`),
  );
  const made = new Set(graph.resources.map(({ type }) => type));
  expect(used.size).toBeGreaterThanOrEqual(30);
  expect([...used].filter((type) => !made.has(type))).toEqual([]);
});

test("every resource of a cloud has an id", () => {
  const without = graph.resources.filter(({ custom, outputs }) => custom && !outputs.id);
  expect(without.map(({ type, name }) => `${type} ${name}`)).toEqual([]);
});

test("the region is SST's own default where the app names none", () => {
  expect(graph.homeRegion).toBe("us-east-1");
});

test("what is looked up rather than declared is marked so, with the id it was asked for", () => {
  const shared = graph.resources.find(
    ({ type, name }) => type === "aws:ec2/vpc:Vpc" && name === "SharedVpcVpc",
  );
  expect(shared).toMatchObject({ external: true, outputs: { id: "vpc-0d19d2b8ca2b268a1" } });
});

test("a bundled function's handler leads into its bundle; files to copy are relative to the app", () => {
  expect(graph.functions.Bundled?.handler).toBe("src/index.handler");
  expect(graph.functions.Copied?.copyFiles).toEqual([{ from: "schema.graphql", to: "schema.graphql" }]);
  expect(graph.functions.Python?.runtime).toBe("python3.11");
});

test("a wrapped raw resource carries the wrapper's link and grants", () => {
  expect(graph.functions.Linked?.links).toEqual({
    Raw: { tableName: expect.stringMatching(/^Raw-[0-9a-f]{7}$/), type: "aws:dynamodb/table:Table" },
    Plain: { a: 1, type: "sst:sst:Linkable" },
  });
  const role = graph.resources.find(({ name }) => name === "LinkedRole");
  expect(JSON.stringify(role?.inputs.inlinePolicies)).toContain("dynamodb:*");
});

test("domains are validated by records in the zone that was looked up", () => {
  const records = graph.resources.filter(({ type }) => type === "aws:route53/record:Record");
  expect(records.length).toBeGreaterThan(4);
  for (const { inputs } of records) expect(inputs.zoneId).toMatch(/^Z[A-Z0-9]{20}$/);
  expect(names("aws:acm/certificateValidation:CertificateValidation")).toHaveLength(2);
});

test("a plan is drawn from all of it, and what cannot run here is named with the reason", () => {
  const plan = buildPlan(graph);
  const reasons = new Map(plan.notRun.map(({ name, reason }) => [name, reason]));
  expect(reasons.get("GoFunction")).toBe("runtime go: only Node.js functions run here");
  expect(reasons.get("TableTable")).toBe("there is no DynamoDB here");
  expect([...reasons.values()].join()).toContain(
    "AmazonEC2ReadOnlyAccess is neither in the graph nor known here",
  );
  expect([...reasons.values()].join()).not.toContain("AmazonECSTaskExecutionRolePolicy");
  expect(plan.functions.length).toBeGreaterThan(20);
});
