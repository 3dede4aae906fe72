import { expect, it } from "vitest";
import type { Graph, GraphResource } from "../../src/graph/types.ts";
import { buildPlan } from "../../src/plan/index.ts";

const resource = (type: string, name: string, inputs: Record<string, unknown>): GraphResource => ({
  urn: `urn:${type}:${name}`,
  type,
  name,
  region: "eu-west-1",
  custom: true,
  inputs,
  outputs: inputs,
});
const instance = (identifier: string, more: Record<string, unknown>) =>
  resource("aws:rds/instance:Instance", identifier, {
    identifier,
    arn: `arn:aws:rds:eu-west-1:1:db:${identifier}`,
    resourceId: `db-${identifier}`,
    address: `${identifier}.rds.example`,
    ...more,
  });
const plan = (...resources: GraphResource[]) =>
  buildPlan({
    app: "app",
    stage: "test",
    accountId: "123456789012",
    homeRegion: "eu-west-1",
    resources,
    functions: {},
    links: {},
    outputs: {},
    unknownTypes: [],
  } satisfies Graph);

it("an RDS instance of PostgreSQL runs, and answers to its replicas' names and its proxy too", () => {
  const { databases, databaseProxies, notRun } = plan(
    instance("main", { engine: "postgres", engineVersion: "17.2", dbName: "shop", username: "master" }),
    instance("copy", { engine: "postgres", replicateSourceDb: "main" }),
    resource("aws:rds/proxy:Proxy", "proxy", {
      name: "proxy",
      arn: "arn:aws:rds:eu-west-1:1:db-proxy:prx-1",
      endpoint: "proxy.rds.example",
      roleArn: "arn:aws:iam::1:role/proxy",
    }),
    resource("aws:rds/proxyTarget:ProxyTarget", "target", {
      dbProxyName: "proxy",
      dbInstanceIdentifier: "main",
    }),
  );
  expect(databases).toEqual([
    expect.objectContaining({
      id: "main",
      hosts: ["main.rds.example", "copy.rds.example"],
      databaseName: "shop",
      masterUsername: "master",
      resourceId: "db-main",
    }),
  ]);
  expect(databaseProxies).toMatchObject([{ name: "proxy", clusterId: "main" }]);
  expect(notRun).toEqual([]);
});

it("TLS is demanded as rds.force_ssl says, else as the version's default has it", () => {
  const group = resource("aws:rds/parameterGroup:ParameterGroup", "group", {
    name: "group",
    parameters: [{ name: "rds.force_ssl", value: "0" }],
  });
  const cluster = (id: string, engineVersion: string) =>
    resource("aws:rds/cluster:Cluster", id, {
      clusterIdentifier: id,
      arn: `arn:${id}`,
      clusterResourceId: id,
      endpoint: `${id}.rds.example`,
      engine: "aurora-postgresql",
      engineVersion,
    });
  const { databases } = plan(
    group,
    instance("said", { engine: "postgres", engineVersion: "17.2", parameterGroupName: "group" }),
    instance("rds14", { engine: "postgres", engineVersion: "14.9" }),
    instance("rds15", { engine: "postgres", engineVersion: "15" }),
    instance("newest", { engine: "postgres" }),
    cluster("aurora16", "16.4"),
    cluster("aurora17", "17"),
  );
  const open = databases.filter(({ plainAllowed }) => plainAllowed).map(({ id }) => id);
  expect(open.sort()).toEqual(["aurora16", "rds14", "said"]);
});

it("an instance of another engine is named with its engine, and the rest runs", () => {
  const { databases, notRun } = plan(
    instance("my", { engine: "mysql" }),
    instance("pg", { engine: "postgres" }),
  );
  expect(databases.map(({ id }) => id)).toEqual(["pg"]);
  expect(notRun).toMatchObject([{ name: "my", reason: expect.stringContaining("engine mysql") }]);
});
