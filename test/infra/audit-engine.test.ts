import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { evaluate } from "../../scripts/audit/evaluate.ts";
import { renderJson } from "../../scripts/audit/json.ts";
import { notApplicable } from "../../scripts/audit/not-applicable.ts";
import { rules } from "../../scripts/audit/rules/index.ts";
import type { Suppression } from "../../scripts/audit/suppressions.ts";
import { renderTable } from "../../scripts/audit/table.ts";
import { root } from "../../scripts/run/root.ts";
import type { Sample } from "./audit/sample.ts";
import { soundGraph } from "./audit/sound.ts";

/** The sound graph keeps a user and an access key's rule busy; our own reasons say there is none. */
const lasting = notApplicable.map(({ holds: _, ...rest }) => rest);
const audit = (sample: Sample, suppressions: readonly Suppression[] = [], stage = "production") =>
  evaluate({ ...sample.graph(), stage }, { rules, notApplicable: lasting, suppressions });
const outcomeOf = (report: ReturnType<typeof audit>, id: string) =>
  report.controls.find((control) => control.id === id);

function unlogged() {
  const sample = soundGraph();
  sample.set("HttpStage", { accessLogSettings: undefined });
  sample.set("SocketStage", { accessLogSettings: undefined });
  return sample;
}

describe("a suppression", () => {
  const reason = "Because.";

  test("covers what it names and nothing beside it", () => {
    const all = audit(unlogged(), [{ rules: ["api.access-logs"], reason }]);
    expect(outcomeOf(all, "APIGateway.9")).toMatchObject({ outcome: "suppressed", reason, resources: 2 });
    expect(all.counts.fail).toBe(0);
    const one = audit(unlogged(), [{ rules: ["api.access-logs"], resources: /^HttpStage$/, reason }]);
    expect(outcomeOf(one, "APIGateway.9")?.outcome).toBe("fail");
    expect(one.rules.find(({ rule }) => rule.name === "api.access-logs")?.findings).toEqual([
      expect.objectContaining({ resource: "HttpStage", suppressed: reason }),
      expect.not.objectContaining({ suppressed: reason }),
    ]);
    const other = audit(unlogged(), [{ rules: ["api.access-logs"], findings: /something else/, reason }]);
    expect(outcomeOf(other, "APIGateway.9")?.outcome).toBe("fail");
  });

  test("that matches nothing is an error that names it", () => {
    const { errors } = audit(soundGraph(), [{ rules: ["api.access-logs"], resources: /^Old$/, reason }]);
    expect(errors).toEqual([
      expect.stringMatching(/api\.access-logs.*Old.*matches nothing in stage "production"/),
    ]);
  });

  test("of several rules is an error for each that it does not need", () => {
    const { errors } = audit(unlogged(), [{ rules: ["api.access-logs", "logs.retention"], reason }]);
    expect(errors).toEqual([expect.stringContaining("logs.retention")]);
  });

  test("of a rule that does not exist is an error", () => {
    expect(audit(soundGraph(), [{ rules: ["api.acess-logs"], reason }]).errors).toEqual([
      expect.stringContaining("api.acess-logs"),
    ]);
  });

  test("for other kinds of stage neither covers nor is missed", () => {
    const suppressions: Suppression[] = [{ rules: ["api.access-logs"], stages: ["personal"], reason }];
    expect(audit(unlogged(), suppressions, "anna").counts.fail).toBe(0);
    expect(audit(unlogged(), suppressions, "staging").counts.fail).toBe(3);
    expect(audit(soundGraph(), suppressions, "staging").errors).toEqual([]);
    expect(audit(soundGraph(), suppressions, "local").errors).toHaveLength(1);
  });

  test("for graphs that have something neither covers nor is missed in others", () => {
    const suppressions: Suppression[] = [
      { rules: ["api.access-logs"], where: (world) => world.all("vpc").length > 1, reason },
    ];
    expect(audit(unlogged(), suppressions).counts.fail).toBe(3);
    expect(audit(soundGraph(), suppressions).errors).toEqual([]);
  });
});

test("a reason not to apply that no longer holds is an error", () => {
  const errors = (type: string, inputs = {}) => {
    const graph = soundGraph().graph();
    const [some] = graph.resources;
    if (!some) throw new Error("the sample is empty");
    graph.resources.push({ ...some, type, inputs, name: "New" });
    return evaluate(graph, { rules, notApplicable, suppressions: [] }).errors.join("\n");
  };
  expect(errors("aws:apigateway/restApi:RestApi")).toContain("AwsSolutions-APIG2");
  expect(errors("aws:cloudtrail/trail:Trail")).toContain("CloudTrail.1");
  expect(errors("aws:iam/accessKey:AccessKey")).toContain("IAM.3");
  expect(errors("aws:rds/instance:Instance", { engine: "mysql" })).toContain("RDS.39");
  expect(errors("aws:s3/bucketWebsiteConfigurationV2:BucketWebsiteConfigurationV2")).toContain(
    "AwsSolutions-S5",
  );
  expect(errors("aws:apigatewayv2/integration:Integration", { integrationType: "HTTP_PROXY" })).toContain(
    "CKV2_AWS_51",
  );
  expect(errors("aws:apigatewayv2/integration:Integration", { integrationType: "AWS_PROXY" })).not.toContain(
    "CKV2_AWS_51",
  );
});

test("each control has one outcome, and the counts are theirs", () => {
  const { controls, counts } = audit(unlogged());
  expect(new Set(controls.map(({ id }) => id)).size).toBe(controls.length);
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(controls.length);
  for (const { id, outcome, resources, reason } of controls) {
    if (outcome === "pass") expect(resources, id).toBeGreaterThan(0);
    if (outcome === "not applicable") expect(reason, id).toMatch(/\.$/);
  }
});

test("the table names each failure once, with its controls, its resources, and how to mend it", () => {
  const text = renderTable(audit(unlogged()));
  expect(text).toContain(
    "FAIL  api.access-logs: Every API logs its requests (APIGateway.9 AwsSolutions-APIG1 CKV_AWS_76)",
  );
  expect(text).toContain("HttpStage, SocketStage: has no access log");
  expect(text).toContain("To mend it: set accessLog.");
  expect(text).toContain("315 controls: 252 pass, 0 suppressed, 60 not applicable, 3 fail");
});

test("JSON carries what the table does", () => {
  const report = audit(unlogged());
  const parsed = JSON.parse(renderJson(report)) as typeof report;
  expect(parsed).toMatchObject({ stage: "production", kind: "production", counts: report.counts });
  expect(parsed.controls).toEqual(JSON.parse(JSON.stringify(report.controls)));
  expect(parsed.rules.find(({ outcome }) => outcome === "fail")).toMatchObject({
    name: "api.access-logs",
    findings: [{ resource: "HttpStage", wrong: "has no access log" }, { resource: "SocketStage" }],
  });
});

test.each([
  [
    ["--stage", "Prod"],
    /--stage "Prod": there is no such stage; production, staging, local, or a personal one/,
  ],
  [["--stage"], /--stage/],
  [["--jsn"], /--jsn/],
  [["production"], /production/],
])("called with %j it says what is wrong and how to call it, and exits with 2", (args, wrong) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [join(root, "scripts/audit.ts"), ...args], {
    cwd: root,
    encoding: "utf8",
  });
  expect(stderr).toMatch(wrong);
  expect(stderr).toContain("usage: npm run audit [-- --stage name] [--json]");
  expect(stdout).toBe("");
  expect(status).toBe(2);
});
