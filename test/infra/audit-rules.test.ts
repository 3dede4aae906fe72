import { describe, expect, test } from "vitest";
import { evaluate } from "../../scripts/audit/evaluate.ts";
import { notApplicable } from "../../scripts/audit/not-applicable.ts";
import { rules } from "../../scripts/audit/rules/index.ts";
import { types } from "../../scripts/audit/types.ts";
import { World } from "../../scripts/audit/world.ts";
import { providerTypes } from "./audit/provider.ts";
import { allow, policy, type Sample } from "./audit/sample.ts";
import { soundGraph } from "./audit/sound.ts";
import { variants } from "./audit/variants.ts";
import { violations } from "./audit/violations.ts";

const audit = (sample: Sample) => evaluate(sample.graph(), { rules, notApplicable, suppressions: [] });
const failing = (sample: Sample) =>
  audit(sample)
    .rules.filter(({ outcome }) => outcome === "fail")
    .map(({ rule }) => rule.name);

const changed = (change: (sample: Sample) => void) => {
  const sample = soundGraph();
  change(sample);
  return sample;
};
const cases = Object.entries(violations).flatMap(([rule, ways]) =>
  Object.entries(ways).map(([way, change]) => ({ rule, way, change })),
);

test("a sound graph passes every rule, each over a resource at least", () => {
  for (const { rule, outcome, resources, findings } of audit(soundGraph()).rules) {
    expect(findings, rule.name).toEqual([]);
    expect(outcome, rule.name).toBe("pass");
    expect(resources, rule.name).toBeGreaterThan(0);
  }
});

test("every rule has a graph that breaks it, and there is none for rules that are gone", () => {
  expect(Object.keys(violations).toSorted()).toEqual(rules.map(({ name }) => name).toSorted());
  for (const [rule, ways] of Object.entries(violations)) expect(Object.keys(ways), rule).not.toEqual([]);
});

test.each(cases)("$rule alone fails where $way", ({ rule, change }) => {
  expect(failing(changed(change))).toEqual([rule]);
});

test.each(Object.entries(variants))("nothing fails where %s", (_, change) => {
  expect(failing(changed(change))).toEqual([]);
});

test("a failure names the resource, what is wrong with it, and how to mend it", () => {
  for (const { rule, change, way } of cases) {
    const result = audit(changed(change)).rules.find((candidate) => candidate.rule.name === rule);
    expect(result?.findings.length, way).toBeGreaterThan(0);
    for (const { resource, wrong } of result?.findings ?? []) {
      expect(resource, way).toMatch(/^[A-Z]\w*$/);
      expect(wrong, way).toMatch(/^[a-z].{5,}[^.]$/);
    }
    expect(result?.rule.mend, rule).toMatch(/^[a-z].{5,}[^.]$/);
  }
});

test("a graph without resources passes nothing: what is not there cannot be right", () => {
  const sample = soundGraph();
  sample.resources.length = 0;
  for (const { rule, outcome } of audit(sample).rules) expect(outcome, rule.name).toBe("not applicable");
});

test("what another program owns and is only looked up is not judged", () => {
  for (const { rule, change } of cases) {
    const sample = changed(change);
    for (const resource of sample.resources) resource.external = true;
    const results = audit(sample).rules;
    expect(results.find((result) => result.rule.name === rule)?.outcome, rule).toBe("not applicable");
  }
});

test("the order of resources in the graph changes nothing", () => {
  const sample = soundGraph();
  sample.resources.reverse();
  expect(failing(sample)).toEqual([]);
  for (const { rule, change } of cases) {
    const other = changed(change);
    other.resources.reverse();
    expect(failing(other)).toEqual([rule]);
  }
});

describe("as Pulumi's AWS provider has it", () => {
  test("every type that rules ask for exists", async () => {
    const provider = await providerTypes();
    for (const token of Object.values(types)) expect(provider.knows(token), token).toBe(true);
  });

  test("every property that the graphs give, down to the last block, is one that the provider takes", async () => {
    const provider = await providerTypes();
    for (const sample of [
      soundGraph(),
      ...cases.map(({ change }) => changed(change)),
      ...Object.values(variants).map(changed),
    ])
      for (const { type, name, inputs } of sample.resources)
        expect(provider.unknownProperties(type, inputs), name).toEqual([]);
  });

  test("a property that the provider has not is noticed", async () => {
    const provider = await providerTypes();
    expect(provider.knows("aws:s3/bucketV3:BucketV3")).toBe(false);
    expect(
      provider.unknownProperties(types.instance, { metadataOptions: { httpToken: "required" }, colour: 1 }),
    ).toEqual(["metadataOptions.httpToken", "colour"]);
    expect(
      provider.unknownProperties(types.distribution, { origins: [{ customOriginConfig: { tls: true } }] }),
    ).toEqual(["origins.customOriginConfig.tls"]);
  });
});

test("a policy is read once, however many rules ask for it", () => {
  const world = new World(
    changed((sample) => sample.set("Boundary", { policy: policy(allow("s3:GetObject", "*")) })).graph(),
  );
  expect(world.identityStatements()).toBe(world.identityStatements());
});
