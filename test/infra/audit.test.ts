import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Graph } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { evaluate } from "../../scripts/audit/evaluate.ts";
import { rules } from "../../scripts/audit/rules/index.ts";
import { kindOf } from "../../scripts/audit/stages.ts";
import { suppressions } from "../../scripts/audit/suppressions.ts";
import { type ResourceType, types } from "../../scripts/audit/types.ts";
import { graphOf as graphWith } from "../../scripts/run/graphs.ts";
import { root } from "../../scripts/run/root.ts";
import { graphOf, permanentStages, stages } from "./support/graphs.ts";

/** Production as a company runs it, with what the defaults leave out. */
const configured = () =>
  graphWith("production", {
    settings: {
      domain: "desk.example.com",
      zone: "example.com",
      zoneId: "Z0123456789ABCDEFGHIJ",
      workspaceDomain: "example.com",
      deploy: { repository: "acme/frontdesk" },
      alarmEmail: "operations@example.com",
    },
  });

describe.each(stages)("stage %s", (stage) => {
  test("nothing fails", async () => {
    const failures = evaluate(await graphOf(stage)).rules.flatMap(({ rule, findings }) =>
      findings
        .filter(({ suppressed }) => suppressed === undefined)
        .map(({ resource, wrong }) => `${rule.name}: ${resource} ${wrong} (${rule.mend})`),
    );
    expect(failures).toEqual([]);
  });

  test("every suppression excuses something, and every reason not to ask still holds", async () => {
    const { errors, needless } = evaluate(await graphOf(stage));
    expect(errors).toEqual([]);
    const broughtBySettings = evaluate(await configured()).needless;
    expect(needless.filter((rule) => broughtBySettings.includes(rule))).toEqual([]);
  });

  test("its kind is what the program makes of its name", async () => {
    const { links, resources } = await graphOf(stage);
    expect(kindOf(stage) !== "personal").toBe(links.Settings?.permanent);
    expect(kindOf(stage) === "production").toBe(resources.some(({ protect }) => protect === true));
  });
});

test("nothing fails in a production with a domain, a deploy role and somebody to wake", async () => {
  const { counts, errors, rules: results } = evaluate(await configured());
  expect(results.filter(({ outcome }) => outcome === "fail").flatMap(({ findings }) => findings)).toEqual([]);
  expect(errors).toEqual([]);
  expect(counts.fail).toBe(0);
  expect(results.find(({ rule }) => rule.name === "cdn.certificate")?.outcome).toBe("pass");
});

test("there are at most 15 suppressions, each of rules that exist, with a reason in sentences", () => {
  expect(suppressions.length).toBeLessThanOrEqual(15);
  const known = rules.map(({ name }) => name);
  for (const { rules: names, settable = [], reason } of suppressions) {
    for (const name of names) expect(known).toContain(name);
    for (const name of settable) expect(names).toContain(name);
    expect(reason, names.join()).toMatch(/^[A-Z].{60,}\.$/);
  }
});

test("a rule is suppressed for the same stages once, so that one reason is given", () => {
  for (const kind of ["production", "staging", "personal"] as const) {
    const names = suppressions
      .filter(({ stages: own }) => !own || own.includes(kind))
      .flatMap((suppression) => suppression.rules);
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
  }
});

test("docs/audit.md has the counts as they are", async () => {
  const rows = await Promise.all(
    stages.map(async (stage) => {
      const { counts } = evaluate(await graphOf(stage));
      const name = permanentStages.includes(stage) || stage === "local" ? stage : "personal";
      return `| ${name} | ${counts.pass} | ${counts.suppressed} | ${counts["not applicable"]} | ${counts.fail} |`;
    }),
  );
  const text = readFileSync(join(root, "docs/audit.md"), "utf8");
  expect(text.split("\n").filter((line) => rows.includes(line))).toEqual(rows);
  expect(text).toContain(
    `of which ${rules.flatMap(({ controls }) => controls).length} are answered by ${rules.length} rules`,
  );
});

/** The rules see the program's own graph, not only the small ones that they are tried on. */
describe("what goes wrong in the program itself is found", () => {
  type Change = (graph: Graph) => void;
  const set =
    (type: ResourceType, changes: Record<string, unknown>): Change =>
    ({ resources }) => {
      const found = resources.filter((resource) => resource.type === types[type]);
      expect(found, type).not.toEqual([]);
      for (const { inputs, outputs } of found)
        for (const side of [inputs, outputs]) Object.assign(side, changes);
    };
  const remove =
    (token: string): Change =>
    (graph) => {
      const left = graph.resources.filter(({ type }) => type !== token);
      expect(left.length, token).toBeLessThan(graph.resources.length);
      graph.resources = left;
    };
  const allowing = (action: string, resource: string): Change => {
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: action, Resource: resource }],
    });
    return set("role", { inlinePolicies: [{ name: "wide", policy }] });
  };

  test.each<[string, Change]>([
    ["api.access-logs", set("gatewayStage", { accessLogSettings: undefined })],
    ["cache.encrypted", set("cacheCluster", { transitEncryptionEnabled: false })],
    [
      "cdn.origin-access",
      set("distribution", { origins: [{ domainName: "x.s3.ca-central-1.amazonaws.com" }] }),
    ],
    ["database.encrypted", set("databaseCluster", { storageEncrypted: false })],
    ["database.private", set("databaseClusterInstance", { publiclyAccessible: true })],
    ["database.tls", remove(types.databaseParameters)],
    ["functions.private", set("permission", { principal: "*", sourceArn: undefined })],
    ["functions.secrets", set("function", { environment: { variables: { API_KEY: "0123456789abcdef" } } })],
    ["iam.administrator", allowing("*", "*")],
    ["iam.exfiltration", allowing("secretsmanager:GetSecretValue", "*")],
    ["instances.metadata", set("instance", { metadataOptions: { httpTokens: "optional" } })],
    ["logs.retention", set("logGroup", { retentionInDays: 0 })],
    ["mail.tls", set("configurationSet", { deliveryOptions: { tlsPolicy: "OPTIONAL" } })],
    ["network.closed-to-internet", set("ingressRule", { cidrIpv4: "0.0.0.0/0" })],
    ["network.default-group", set("defaultSecurityGroup", { ingress: [{ protocol: "-1", self: true }] })],
    ["network.flow-logs", remove(types.flowLog)],
    ["queues.tls", remove("aws:sqs/queuePolicy:QueuePolicy")],
    ["storage.private", remove(types.accessBlock)],
    ["storage.tls", remove("aws:s3/bucketPolicy:BucketPolicy")],
    ["topics.tls", remove("aws:sns/topicPolicy:TopicPolicy")],
  ])("%s", async (rule, change) => {
    const graph = structuredClone(await graphOf("production"));
    change(graph);
    expect(evaluate(graph).rules.find((result) => result.rule.name === rule)?.outcome).toBe("fail");
  });
});
