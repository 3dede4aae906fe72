/** `npm run smoke` against the local cloud: what it can be asked passes, and fails when it is broken. */
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Graph } from "@frontdesk/local";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { createSmoke, type Smoke, type SmokeOptions } from "../../scripts/smoke/context.ts";
import { fromGraph } from "../../scripts/smoke/deployed.ts";
import { items } from "../../scripts/smoke/items.ts";
import { report, runSmoke } from "../../scripts/smoke/run.ts";
import { type System, startSystem } from "./support/system.ts";

let system: System;
let token: string;
beforeAll(async () => {
  system = await startSystem({ template: inject("templateState") });
  token = (await system.signIn("admin")).token;
});
afterAll(() => system?.stop());

function smokeOf(change: Partial<SmokeOptions> = {}): Smoke {
  const { graph, addresses, developer } = system;
  return createSmoke({
    deployed: fromGraph(graph),
    local: addresses,
    credentials: developer.credentials,
    origin: developer.origin,
    token,
    patienceMs: 20_000,
    ...change,
  });
}
const only = async (id: string, smoke: Smoke) => {
  const [result] = await runSmoke(
    smoke,
    items.filter((item) => item.id === id),
  );
  if (!result) throw new Error(`there is no item ${id}`);
  return result;
};

test("whatever the local cloud can be asked passes, and the rest is left with its reason", async () => {
  const results = await runSmoke(smokeOf());
  const failed = results.filter(({ outcome }) => outcome === "failed");
  expect(failed).toEqual([]);
  expect(results.filter(({ outcome }) => outcome === "passed").map(({ item }) => item.id)).toEqual(
    items.filter(({ local }) => local).map(({ id }) => id),
  );
  const text = report(results);
  for (const result of results)
    if (result.outcome === "left") expect(text).toContain(`${result.item.id}`);
    else expect(text).not.toContain(result.item.claim);
});

describe("what is broken is found", () => {
  test("an API that answers something else", async () => {
    const { addresses } = system;
    const smoke = smokeOf({ local: { ...addresses, api: `${addresses.api}/elsewhere` } });
    expect(await only("api.answers", smoke)).toMatchObject({
      outcome: "failed",
      why: expect.stringMatching(/404|401/),
    });
  });

  test("an API that lets strangers in", async () => {
    const smoke = smokeOf();
    const open = { ...smoke, api: smoke.api.replace(/$/, "/health?") };
    expect(await only("api.refuses", open)).toMatchObject({
      outcome: "failed",
      why: expect.stringContaining("answered 200, not 401"),
    });
  });

  test("a bucket that its policy opens to everybody", async () => {
    const broken = await startSystem({
      template: inject("templateState"),
      change: (graph) => openBucket(graph, "HomeBucket"),
    });
    try {
      const { graph, addresses, developer } = broken;
      const smoke = smokeOf({
        deployed: fromGraph(graph),
        local: addresses,
        credentials: developer.credentials,
      });
      expect(await only("buckets.closed", smoke)).toMatchObject({
        outcome: "failed",
        why: expect.stringMatching(/^HomeBucketBucket can be (listed|read|written) by a stranger/),
      });
    } finally {
      await broken.stop();
    }
  });

  test("a dead-letter queue with something in it", async () => {
    const smoke = smokeOf();
    const dead = smoke.one("aws:sqs/queue:Queue", /^EmailDeadLetter/);
    const sqs = new SQSClient(smoke.aws(dead.region));
    await sqs.send(new SendMessageCommand({ QueueUrl: String(dead.outputs.url), MessageBody: "left over" }));
    sqs.destroy();
    expect(await only("dead-letters.empty", smoke)).toMatchObject({
      outcome: "failed",
      why: "EmailDeadLetterQueueQueue holds 1 messages",
    });
  });

  test("mail that nobody takes in, told apart from mail that does not come", async () => {
    await system.app.mappings.pause();
    try {
      expect(await only("mail.in", smokeOf({ patienceMs: 2_000 }))).toMatchObject({
        outcome: "failed",
        why: "the message is in the mail bucket, and the consumer did not take it in",
      });
    } finally {
      system.app.mappings.resume();
    }
  });

  test("a sweep that fails", async () => {
    const graph = structuredClone(system.graph);
    for (const resource of graph.resources)
      if (resource.name === "OutboxSweepFunction") resource.outputs.name = "nobody";
    expect(await only("network.reached", smokeOf({ deployed: fromGraph(graph) }))).toMatchObject({
      outcome: "failed",
    });
  });
});

test("without a token, what needs a person is left, and says how to give one", async () => {
  expect(await only("api.people", smokeOf({ token: undefined }))).toMatchObject({
    outcome: "left",
    why: expect.stringContaining("FRONTDESK_TOKEN"),
  });
});

function openBucket(graph: Graph, name: string) {
  for (const resource of graph.resources) {
    if (resource.name === `${name}PublicAccessBlock`)
      for (const key of ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"])
        resource.inputs[key] = resource.outputs[key] = false;
    if (resource.name !== `${name}Policy`) continue;
    const policy = JSON.parse(String(resource.inputs.policy)) as { Statement: object[] };
    policy.Statement.push({ Effect: "Allow", Principal: "*", Action: "s3:*", Resource: "*" });
    resource.inputs.policy = resource.outputs.policy = JSON.stringify(policy);
  }
}
