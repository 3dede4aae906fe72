import { describe, expect, test } from "vitest";
import { graphOf, permanentStages, personalStages, stages } from "./support/graphs.ts";
import { all, list, needs, one, statements, text } from "./support/read.ts";

const instances = "aws:rds/clusterInstance:ClusterInstance";

describe.each(stages)("stage %s", (stage) => {
  test("the cluster is encrypted, takes IAM tokens, refuses plain connections and has a pinned version", async () => {
    const graph = await graphOf(stage);
    expect(one(graph, "cluster").inputs).toMatchObject({
      engine: "aurora-postgresql",
      engineVersion: "17.5",
      databaseName: "frontdesk",
      storageEncrypted: true,
      iamDatabaseAuthenticationEnabled: true,
      copyTagsToSnapshot: true,
    });
    const parameters = one(graph, "aws:rds/clusterParameterGroup:ClusterParameterGroup").inputs.parameters;
    expect(parameters).toContainEqual({ name: "rds.force_ssl", value: "1" });
  });

  test("a slow statement is logged without its values, and logs are kept no longer than the settings say", async () => {
    const graph = await graphOf(stage);
    expect(one(graph, "aws:rds/clusterParameterGroup:ClusterParameterGroup").inputs.parameters).toEqual(
      expect.arrayContaining([
        { name: "log_min_duration_statement", value: "1000" },
        { name: "log_parameter_max_length", value: "0" },
        { name: "log_parameter_max_length_on_error", value: "0" },
      ]),
    );
    const cluster = one(graph, "cluster");
    expect(cluster.inputs.enabledCloudwatchLogsExports).toEqual(["postgresql"]);
    const log = one(graph, "logGroup", "AuroraLogGroup");
    expect(log.inputs).toMatchObject({
      name: `/aws/rds/cluster/${text(cluster, "clusterIdentifier")}/postgresql`,
      retentionInDays: 30,
    });
    // Otherwise RDS makes the group first, and keeps everything for ever.
    expect(needs(graph, cluster)).toContain(log.urn);
  });

  test("AWS's minor upgrades are taken, and the next deployment does not try to go back", async () => {
    const graph = await graphOf(stage);
    expect(one(graph, "cluster").ignoreChanges).toEqual(["engineVersion"]);
    for (const instance of all(graph, instances)) {
      expect(instance.inputs.autoMinorVersionUpgrade, instance.name).toBe(true);
      expect(instance.ignoreChanges, instance.name).toContain("engineVersion");
    }
  });

  test("a reader that can take over at once stands by in production only", async () => {
    const found = all(await graphOf(stage), instances);
    expect(found).toHaveLength(stage === "production" ? 2 : 1);
    for (const { inputs, name } of found) expect(inputs.promotionTier, name).toBe(1);
  });

  test("the cluster is in the private subnets and in its own security group", async () => {
    const graph = await graphOf(stage);
    const group = text(one(graph, "securityGroup", "DatabaseGroup"), "id");
    expect(one(graph, "cluster").inputs.vpcSecurityGroupIds).toEqual([group]);
    const subnets = all(graph, "subnet").filter(({ name }) => name.includes("Private"));
    expect(one(graph, "aws:rds/subnetGroup:SubnetGroup").inputs.subnetIds).toEqual(
      subnets.map(({ outputs }) => outputs.id),
    );
  });

  test("the link names the way in and no password", async () => {
    const graph = await graphOf(stage);
    expect(graph.links.Database).toMatchObject({
      port: 5432,
      name: "frontdesk",
      region: "ca-central-1",
      appUser: "frontdesk_app",
      migratorUser: "frontdesk_migrator",
    });
    expect(graph.links.DatabaseMaster).toMatchObject({
      host: one(graph, "cluster").outputs.endpoint,
      secretArn: expect.stringContaining(":secret:"),
    });
    expect(Object.keys(graph.links.Aurora ?? {}).toSorted()).toEqual(["host", "port", "type"]);
  });
});

describe.each(permanentStages)("permanent stage %s", (stage) => {
  test("the cluster does not pause, is protected, backed up, and leaves a snapshot", async () => {
    const graph = await graphOf(stage);
    const { inputs } = one(graph, "cluster");
    expect(inputs).toMatchObject({
      deletionProtection: true,
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: stage === "production" ? "frontdesk-final" : "frontdesk-final-staging",
      backupRetentionPeriod: 14,
      serverlessv2ScalingConfiguration: { minCapacity: stage === "production" ? 1 : 0.5, maxCapacity: 4 },
    });
  });

  test("clients of the proxy need TLS and an IAM token; it knows the app's and the migrator's user, never the master", async () => {
    const graph = await graphOf(stage);
    const proxy = one(graph, "aws:rds/proxy:Proxy").inputs;
    expect(proxy).toMatchObject({ requireTls: true, engineFamily: "POSTGRESQL", debugLogging: false });
    const auths = proxy.auths as { authScheme: string; iamAuth: string; secretArn: string }[];
    expect(auths.map(({ authScheme, iamAuth }) => [authScheme, iamAuth])).toEqual([
      ["SECRETS", "REQUIRED"],
      ["SECRETS", "REQUIRED"],
    ]);
    const users = auths.map(({ secretArn }) => {
      const version = all(graph, "aws:secretsmanager/secretVersion:SecretVersion").find(
        ({ inputs }) => inputs.secretId === secretArn,
      );
      return (JSON.parse(String(version?.inputs.secretString)) as { username: string }).username;
    });
    expect(users).toEqual(["frontdesk_app", "frontdesk_migrator"]);
  });

  test("the proxy sits in its own group in the private subnets, not in the default group", async () => {
    const graph = await graphOf(stage);
    expect(one(graph, "aws:rds/proxy:Proxy").inputs).toMatchObject({
      vpcSecurityGroupIds: [text(one(graph, "securityGroup", "ProxyGroup"), "id")],
      vpcSubnetIds: all(graph, "subnet")
        .filter(({ name }) => name.includes("Private"))
        .map(({ outputs }) => outputs.id),
    });
  });

  test("the proxy's role reads those two secrets and nothing else, and only RDS of this account may take it", async () => {
    const graph = await graphOf(stage);
    const role = one(graph, "role", "DatabaseProxyRole");
    const auths = one(graph, "aws:rds/proxy:Proxy").inputs.auths as { secretArn: string }[];
    const [inline, ...more] = role.inputs.inlinePolicies as { policy: string }[];
    expect(more).toEqual([]);
    const [statement, ...others] = statements(inline?.policy);
    expect(others).toEqual([]);
    expect(statement?.Action).toBe("secretsmanager:GetSecretValue");
    expect(list(statement?.Resource)).toEqual(auths.map(({ secretArn }) => secretArn));
    expect(role.inputs.managedPolicyArns ?? []).toEqual([]);
    expect(statements(role.inputs.assumeRolePolicy)).toEqual([
      {
        Effect: "Allow",
        Action: "sts:AssumeRole",
        Principal: { Service: "rds.amazonaws.com" },
        Condition: {
          StringEquals: { "aws:SourceAccount": "123456789012" },
          ArnLike: { "aws:SourceArn": "arn:aws:rds:ca-central-1:123456789012:db-proxy:*" },
        },
      },
    ]);
  });

  test("the proxy's log is kept no longer than the settings say", async () => {
    const graph = await graphOf(stage);
    const proxy = one(graph, "aws:rds/proxy:Proxy");
    const log = one(graph, "logGroup", "DatabaseProxyLogGroup");
    expect(log.inputs).toMatchObject({ name: `/aws/rds/proxy/${text(proxy, "name")}`, retentionInDays: 30 });
    expect(needs(graph, proxy)).toContain(log.urn);
  });

  test("the operating system below the database is watched, by a role that RDS of this account alone takes", async () => {
    const graph = await graphOf(stage);
    const role = one(graph, "role", "AuroraMonitoringRole");
    for (const { inputs, name } of all(graph, instances))
      expect(inputs, name).toMatchObject({
        monitoringInterval: 60,
        monitoringRoleArn: text(role, "arn"),
        performanceInsightsEnabled: true,
      });
    expect(role.inputs.managedPolicyArns ?? []).toEqual([]);
    const [{ policy }] = role.inputs.inlinePolicies as [{ policy: string }];
    for (const { Resource } of statements(policy))
      expect(Resource).toMatch(
        /^arn:aws:logs:ca-central-1:123456789012:log-group:RDSOSMetrics(:log-stream:\*)?$/,
      );
    expect(statements(role.inputs.assumeRolePolicy)[0]).toMatchObject({
      Principal: { Service: "monitoring.rds.amazonaws.com" },
      Condition: { StringEquals: { "aws:SourceAccount": "123456789012" } },
    });
  });

  test("functions are sent to the proxy, the migrator's bootstrap to the cluster", async () => {
    const graph = await graphOf(stage);
    expect(graph.links.Database?.host).toBe(one(graph, "aws:rds/proxy:Proxy").outputs.endpoint);
    expect(graph.links.DatabaseSecrets).toMatchObject({
      appSecretArn: text(one(graph, "secret", "DatabaseAppSecret"), "arn"),
      migratorSecretArn: text(one(graph, "secret", "DatabaseMigratorSecret"), "arn"),
    });
  });

  test("a deleted secret can be taken back for a month", async () => {
    for (const secret of all(await graphOf(stage), "secret"))
      expect(secret.inputs.recoveryWindowInDays, secret.name).toBe(30);
  });
});

describe.each(personalStages)("personal stage %s", (stage) => {
  test("no proxy, which would keep the cluster from pausing: it scales to zero and goes with its stage", async () => {
    const graph = await graphOf(stage);
    expect(all(graph, "aws:rds/proxy:Proxy")).toEqual([]);
    expect(one(graph, "cluster").inputs).toMatchObject({
      deletionProtection: false,
      skipFinalSnapshot: true,
      serverlessv2ScalingConfiguration: { minCapacity: 0, secondsUntilAutoPause: 300 },
    });
    expect(graph.links.Database?.host).toBe(one(graph, "cluster").outputs.endpoint);
    expect(graph.links.DatabaseSecrets).toBeUndefined();
  });
});

describe("migrations", () => {
  test.each(stages)("on %s the migrator runs when the way to the database is there", async (stage) => {
    const graph = await graphOf(stage);
    const invocation = one(graph, "aws:lambda/invocation:Invocation", "Migration");
    expect(invocation.inputs.functionName).toBe(text(one(graph, "function", "MigratorFunction"), "name"));
    const needed = needs(graph, invocation);
    expect(needed).toContain(one(graph, instances, "AuroraInstance").urn);
    for (const target of all(graph, "aws:rds/proxyTarget:ProxyTarget")) expect(needed).toContain(target.urn);
    for (const version of all(graph, "aws:secretsmanager/secretVersion:SecretVersion"))
      if (version.name.startsWith("Database") || version.name.startsWith("Aurora"))
        expect(needed, version.name).toContain(version.urn);
  });

  test("it runs again when its code or the mailboxes change", async () => {
    const graph = await graphOf("production");
    const { triggers, input } = one(graph, "aws:lambda/invocation:Invocation", "Migration").inputs;
    expect((triggers as { code: string }).code).toMatch(/^assets\/Migrator-code-[0-9a-f]{64}\.zip$/);
    expect(JSON.parse(String(input))).toEqual({ mailboxes: graph.links.Settings?.mailboxes });
  });

  test.each(
    stages,
  )("on %s nothing takes traffic before it: every other function in the VPC waits with its new code", async (stage) => {
    const graph = await graphOf(stage);
    const invocation = one(graph, "aws:lambda/invocation:Invocation", "Migration").urn;
    // Who needs no database is outside the VPC.
    const waiting = all(graph, "function").filter(
      ({ name, inputs }) => name !== "MigratorFunction" && inputs.vpcConfig !== undefined,
    );
    expect(waiting.length).toBeGreaterThan(5);
    for (const fn of waiting) expect(needs(graph, fn), fn.name).toContain(invocation);
  });
});
