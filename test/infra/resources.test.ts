/** The document that maps the notes to the graph: what the graph does not have is found. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { graphsByKind } from "../../scripts/resources/graphs.ts";
import { sections } from "../../scripts/resources/notes.ts";
import { of, roleAllowing } from "../../scripts/resources/select.ts";
import { renderResources } from "../../scripts/resources/table.ts";
import { root } from "../../scripts/run/root.ts";
import { graphOf } from "./support/graphs.ts";

type Graphs = Awaited<ReturnType<typeof graphsByKind>>;
const without = (graphs: Graphs, type: string): Graphs => {
  const strip = (graph: Graphs["production"]) => ({
    ...graph,
    resources: graph.resources.filter((resource) => resource.type !== type),
  });
  const { production, staging, personal, configured } = graphs;
  return {
    production: strip(production),
    staging: strip(staging),
    personal: strip(personal),
    configured: strip(configured),
  };
};

test("every line of the notes that names resources finds them, in the file that declares them", async () => {
  expect(renderResources(await graphsByKind()).wrong).toEqual([]);
});

test("a resource that leaves the program makes each line that names it fail", async () => {
  const { wrong } = renderResources(without(await graphsByKind(), "aws:rds/proxy:Proxy"));
  expect(wrong).toEqual([expect.stringContaining('"RDS Proxy (Private Subnets)" names aws.rds.Proxy')]);
});

test("what the document says is not there makes it fail once it is", async () => {
  const all = await graphsByKind();
  const user = {
    urn: "urn:pulumi:anna::frontdesk::aws:iam/user:User::Everything",
    type: "aws:iam/user:User",
    name: "Everything",
    region: "ca-central-1",
    custom: true,
    inputs: {},
    outputs: {},
  };
  const personal = { ...all.personal, resources: [...all.personal.resources, user] };
  const { wrong } = renderResources({ ...all, personal });
  expect(wrong.length).toBeGreaterThan(0);
  for (const line of wrong)
    expect(line).toMatch(/says that there is no aws\.iam\.User .*personal has Everything/);
});

test("a role is found by what it may do, wildcards in what was granted included", async () => {
  const graph = structuredClone(await graphOf("anna"));
  const names = (action: string) =>
    roleAllowing(action)
      .find(graph)
      .map(({ name }) => name);
  expect(names("s3:PutObjectTagging")).toContain("EmailConsumerRole");
  expect(names("s3:PutObjectAcl")).toEqual([]);
  const role = of("aws.iam.Role", /^EmailConsumerRole$/).find(graph)[0];
  (role?.inputs.inlinePolicies as { policy: string }[]).push({
    policy: JSON.stringify({ Statement: [{ Effect: "Allow", Action: "s3:Put*", Resource: "*" }] }),
  });
  expect(names("s3:PutObjectAcl")).toEqual(["EmailConsumerRole"]);
});

test("docs/resources.md is what the graph says", async () => {
  const { markdown } = renderResources(await graphsByKind());
  expect(readFileSync(join(root, "docs/resources.md"), "utf8")).toBe(markdown);
});

test("the lines are in the notes' order, each once", () => {
  const lines = sections.flatMap((section) => section.lines);
  const numbers = lines.flatMap(({ line, to = line }) =>
    Array.from({ length: to - line + 1 }, (_, index) => line + index),
  );
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
});
