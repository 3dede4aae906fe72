import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { controlIds, controlSets } from "../../scripts/audit/controls.ts";
import { notApplicable } from "../../scripts/audit/not-applicable.ts";
import { rules } from "../../scripts/audit/rules/index.ts";
import { root } from "../../scripts/run/root.ts";

/** The list as it was handed over; it is not part of the repository, whose own list of ids stands for it elsewhere. */
function listedIds(): string[] {
  const file = join(root, "../shared/controls.tsv");
  if (!existsSync(file)) return [...controlIds];
  const [, ...lines] = readFileSync(file, "utf8").trim().split("\n");
  return lines.map((line) => line.split("\t")[1] ?? "");
}

const ruled = rules.flatMap(({ controls }) => controls);
const exempt = notApplicable.flatMap(({ controls }) => controls);

test("every listed control has one place: a rule, or a reason why it does not apply", () => {
  for (const id of listedIds())
    expect(
      [...ruled, ...exempt].filter((known) => known === id),
      id,
    ).toEqual([id]);
});

test("the repository's own list is the one that was handed over", () => {
  expect([...controlIds].toSorted()).toEqual([...new Set(listedIds())].toSorted());
  expect(controlIds.length).toBe(315);
});

test("rules and reasons name listed controls only", () => {
  expect([...ruled, ...exempt].toSorted()).toEqual([...controlIds].toSorted());
});

test("at least 100 controls are answered by rules", () => {
  expect(ruled.length).toBeGreaterThanOrEqual(100);
});

test("each set is told by its ids", () => {
  for (const id of controlSets["cdk-nag"]) expect(id).toMatch(/^AwsSolutions-[A-Z]+\d+$/);
  for (const id of controlSets.checkov) expect(id).toMatch(/^CKV2?_AWS_\d+$/);
  for (const id of controlSets.fsbp) expect(id).toMatch(/^[A-Z][A-Za-z0-9]+\.\d+$/);
});

test("every rule is named after its noun, once, and says what must be so, how to mend it, and when it does not apply", () => {
  expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  for (const { name, statement, absent, controls } of rules) {
    expect(name).toMatch(/^[a-z]+\.[a-z0-9-]+$/);
    expect(controls.length, name).toBeGreaterThan(0);
    expect(statement, name).toMatch(/^[A-Z].{10,}[^.]$/);
    expect(absent, name).toMatch(/^(no|nothing) /);
  }
});

test("every exemption says what is asked and gives a reason in a sentence", () => {
  for (const { controls, statement, reason } of notApplicable) {
    expect(statement, controls.join()).toMatch(/^[A-Z].{10,}[^.]$/);
    expect(reason, controls.join()).toMatch(/^[A-Z].{20,}\.$/);
  }
});
