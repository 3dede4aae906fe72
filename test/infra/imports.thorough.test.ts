import { describe, expect, test } from "vitest";
import { importable } from "../../infra/settings-import.ts";
import { graphOf as graphWith } from "../../scripts/run/graphs.ts";
import { graphOf, permanentStages } from "./support/graphs.ts";
import { all, one, statements } from "./support/read.ts";

test.each(
  permanentStages,
)("on %s every name that can be imported is of one resource, and every input that it leaves alone is one", async (stage) => {
  const graph = await graphOf(stage);
  for (const [name, inputs] of Object.entries(importable)) {
    const [resource, ...more] = graph.resources.filter(
      (candidate) => candidate.custom && candidate.name === name,
    );
    expect(more, name).toEqual([]);
    for (const input of inputs) expect(resource?.outputs, `${name}.${input}`).toHaveProperty(input);
  }
});

describe("a stage whose settings import", () => {
  const settings = { import: { HomeBucketBucket: "acme-files", UsersUserPool: "ca-central-1_AbCdEfGhI" } };
  const importing = () => graphWith("production", { settings });

  test("takes over those resources, with their names and tags as they are, and makes the others", async () => {
    const graph = await importing();
    const bucket = one(graph, "bucket", "HomeBucketBucket");
    expect(bucket.outputs.id).toBe("acme-files");
    expect(bucket.external).toBeUndefined();
    expect(bucket.ignoreChanges).toEqual(expect.arrayContaining(["bucket", "tags", "tagsAll"]));
    const pool = one(graph, "aws:cognito/userPool:UserPool");
    expect(pool.outputs.id).toBe("ca-central-1_AbCdEfGhI");
    expect(pool.ignoreChanges).toEqual(expect.arrayContaining(["name", "schemas", "tags"]));
    expect(one(graph, "bucket", "MailBucketBucket").outputs.id).toMatch(/^frontdesk-production-/);
  });

  test("everything else follows them: links, policies, access logs", async () => {
    const graph = await importing();
    expect(graph.links.HomeBucket).toMatchObject({ name: "acme-files" });
    expect(graph.links.Auth).toMatchObject({ userPoolId: "ca-central-1_AbCdEfGhI" });
    expect(one(graph, "bucketPolicy", "HomeBucketPolicy").inputs.bucket).toBe("acme-files");
    const logs = statements(one(graph, "bucketPolicy", "AccessLogsPolicy").inputs.policy).find(
      ({ Effect }) => Effect === "Allow",
    );
    expect(logs?.Condition?.ArnLike?.["aws:SourceArn"]).toContain("arn:aws:s3:::acme-files");
  });
});

test("production protects what holds data; no other stage does", async () => {
  const stateful = ["bucket", "cluster", "secret", "aws:cognito/userPool:UserPool", "aws:kms/key:Key"];
  for (const type of stateful) {
    for (const resource of all(await graphOf("production"), type))
      expect(resource.protect, resource.name).toBe(true);
    for (const stage of ["anna", "staging"] as const)
      for (const resource of all(await graphOf(stage), type))
        expect(resource.protect, resource.name).toBeUndefined();
  }
});
