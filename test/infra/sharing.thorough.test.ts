import type { Graph, GraphResource } from "@frontdesk/local";
import { describe, expect, test } from "vitest";
import { graphOf, receivingAtHome, type Stage } from "./support/graphs.ts";
import { all, one } from "./support/read.ts";

/** Stages that live in the company's account; `local` has one of its own. */
const sharing: Stage[] = ["production", "staging", "anna"];
const ruleSet = "aws:ses/receiptRuleSet:ReceiptRuleSet";
const activeRuleSet = "aws:ses/activeReceiptRuleSet:ActiveReceiptRuleSet";
const receiptRule = "aws:ses/receiptRule:ReceiptRule";
const identity = "aws:sesv2/emailIdentity:EmailIdentity";

/**
 * One for all stages, and none takes it away: API Gateway's account settings, which the AWS provider leaves as they are
 * when it is to delete them, and SST's archives of the same code, which are kept on delete.
 */
const common = ({ type, retainOnDelete }: GraphResource) =>
  type === "aws:apigateway/account:Account" ||
  (type === "aws:s3/bucketObjectv2:BucketObjectv2" && retainOnDelete === true);

/** What AWS would tell a resource apart by. A gateway's stage is called `$default` in each. */
const physical = ({ type, region, inputs, outputs }: GraphResource) =>
  `${type} ${region} ${inputs.apiId ?? ""} ${outputs.id}`;
const made = (graph: Graph) =>
  graph.resources.filter((resource) => resource.type.startsWith("aws:") && !common(resource)).map(physical);

describe("stages of one account", () => {
  test("own nothing in common: deploying or removing one leaves every resource of the others as it was", async () => {
    const account = new Map<string, Stage>();
    for (const stage of sharing) {
      const own = made(await graphOf(stage));
      expect(own.length).toBeGreaterThan(100);
      expect(own.filter((key) => account.has(key))).toEqual([]);
      for (const key of own) account.set(key, stage);
    }
    // Removed in the order that they came, each takes away what is its own alone.
    for (const stage of sharing) {
      const before = [...account].filter(([, owner]) => owner !== stage);
      for (const key of made(await graphOf(stage))) account.delete(key);
      expect([...account]).toEqual(before);
    }
    expect(account.size).toBe(0);
  });

  test("production, and a machine of its own, make the rule set and activate it; nobody else does", async () => {
    for (const stage of [...sharing, "local"] as const) {
      const graph = await graphOf(stage);
      const owns = stage === "production" || stage === "local";
      expect(all(graph, ruleSet).map(({ inputs }) => inputs.ruleSetName)).toEqual(owns ? ["frontdesk"] : []);
      expect(all(graph, activeRuleSet).map(({ inputs }) => inputs.ruleSetName)).toEqual(
        owns ? ["frontdesk"] : [],
      );
    }
  });

  test("each adds one rule, of its own name, to production's set", async () => {
    const rules = await Promise.all(sharing.map(async (stage) => one(await graphOf(stage), receiptRule)));
    expect(rules.map(({ inputs }) => inputs.name)).toEqual([
      "frontdesk",
      "frontdesk-staging",
      "frontdesk-anna",
    ]);
    const set = one(await graphOf("production"), ruleSet);
    for (const rule of rules) {
      expect(rule.inputs.ruleSetName).toBe(set.inputs.ruleSetName);
      expect(rule.region).toBe(set.region);
    }
  });

  test("no rule is placed behind another stage's, stops the ones behind it, or takes another's mail", async () => {
    const seen = new Set<string>();
    for (const stage of sharing) {
      const { inputs } = one(await graphOf(stage), receiptRule);
      expect(inputs.after).toBeUndefined();
      expect(inputs.stopActions ?? []).toEqual([]);
      // SES matches a domain exactly, its subdomains not (a leading dot would mean them).
      const recipients = inputs.recipients as string[];
      expect(recipients.length).toBeGreaterThan(0);
      for (const recipient of recipients) {
        expect(recipient).not.toMatch(/^\./);
        expect(seen).not.toContain(recipient);
        seen.add(recipient);
      }
    }
    expect([...seen]).toEqual([
      "in.frontdesk.example",
      "frontdesk.example",
      "staging.in.frontdesk.example",
      "anna.in.frontdesk.example",
    ]);
  });

  test("identities are production's: verified in both regions, and declared by no other stage", async () => {
    expect(
      all(await graphOf("production"), identity)
        .map(({ inputs, region }) => `${region} ${inputs.emailIdentity}`)
        .toSorted(),
    ).toEqual([
      "ca-central-1 frontdesk.example",
      "ca-central-1 in.frontdesk.example",
      "us-east-1 frontdesk.example",
      "us-east-1 in.frontdesk.example",
    ]);
    for (const stage of ["staging", "anna"] as const) {
      const graph = await graphOf(stage);
      for (const type of [
        identity,
        "aws:sesv2/emailIdentityMailFromAttributes:EmailIdentityMailFromAttributes",
      ])
        expect(all(graph, type), `${stage} ${type}`).toEqual([]);
    }
  });
});

describe("a receiving region at home", () => {
  test("keeps mail out of the United States: no resource there but what CloudFront demands", async () => {
    const abroad = (await receivingAtHome()).resources.filter(({ region }) => region === "us-east-1");
    expect(abroad.map(({ type, name }) => `${type} ${name}`)).toEqual([]);
  });

  test("verifies each domain once, with DKIM and MAIL FROM", async () => {
    const graph = await receivingAtHome();
    expect(all(graph, identity).map(({ inputs, region }) => `${region} ${inputs.emailIdentity}`)).toEqual([
      "ca-central-1 in.frontdesk.example",
      "ca-central-1 frontdesk.example",
    ]);
    expect(one(graph, "topic", "MailTopicTopic").outputs.arn).toBe(
      "arn:aws:sns:ca-central-1:123456789012:incoming-mail-east-1-topic",
    );
    expect(one(graph, receiptRule).region).toBe("ca-central-1");
  });
});
