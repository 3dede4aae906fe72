import { describe, expect, test } from "vitest";
import { graphOf, permanentStages, personalStages, type Stage, stages } from "./support/graphs.ts";
import { all, grantsOf, list, one, statements, text } from "./support/read.ts";

const expectedFunctions = [
  "ApiFunction",
  "EmailConsumer",
  "Migrator",
  "OutboxSweep",
  "RealtimeAuthorizer",
  "RealtimeConnect",
  "RealtimeDefault",
  "RealtimeDisconnect",
];

describe.each(stages)("stage %s", (stage) => {
  test("the functions are these, on Node 22 and arm64", async () => {
    const graph = await graphOf(stage);
    expect(Object.keys(graph.functions)).toEqual(expectedFunctions);
    for (const { inputs, name } of all(graph, "function"))
      expect(inputs, name).toMatchObject({ runtime: "nodejs22.x", architectures: ["arm64"] });
  });

  test("each has a role of its own that only Lambda may take, without AWS's broad managed policies", async () => {
    const graph = await graphOf(stage);
    const roles = all(graph, "function").map(({ inputs }) => inputs.role);
    expect(new Set(roles).size).toBe(roles.length);
    for (const name of expectedFunctions) {
      const role = one(graph, "role", `${name}Role`);
      expect(role.inputs.managedPolicyArns, name).toEqual([]);
      expect(statements(role.inputs.assumeRolePolicy).map(({ Principal }) => Principal)).toEqual([
        { Service: "lambda.amazonaws.com" },
      ]);
    }
  });

  test("each writes its own log and no other, kept for a month", async () => {
    const graph = await graphOf(stage);
    for (const name of expectedFunctions) {
      const group = one(graph, "logGroup", `${name}LogGroup`);
      expect(group.inputs).toMatchObject({
        name: `/aws/lambda/frontdesk-${stage}-${name}`,
        retentionInDays: 30,
      });
      const fn = one(graph, "function", `${name}Function`);
      expect(fn.inputs.loggingConfig).toMatchObject({ logFormat: "JSON", logGroup: group.inputs.name });
      const [log] = runtimePolicy(await graphOf(stage), name);
      expect(log).toMatchObject({
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: `${text(group, "arn")}:*`,
      });
    }
  });

  test("those in the VPC sit in the private subnets and in their tier's group", async () => {
    const graph = await graphOf(stage);
    for (const fn of all(graph, "function")) {
      const group = fn.name === "MigratorFunction" ? "MigratorGroup" : "FunctionGroup";
      expect(fn.inputs.vpcConfig, fn.name).toMatchObject({
        securityGroupIds: [text(one(graph, "securityGroup", group), "id")],
      });
    }
  });

  test("`*` stands for the resource of network interface and session calls alone, and for no action", async () => {
    const graph = await graphOf(stage);
    const interfaces =
      /^ec2:(Create|Delete|Describe)NetworkInterfaces?$|^ec2:DescribeSubnets$|^ec2:(Una|A)ssignPrivateIpAddresses$|^ssmmessages:(Create|Open)(Control|Data)Channel$/;
    for (const role of all(graph, "role"))
      for (const { policy } of (role.inputs.inlinePolicies ?? []) as { policy: string }[])
        for (const statement of statements(policy)) {
          for (const action of list(statement.Action)) expect(action, role.name).not.toContain("*");
          if (list(statement.Resource).includes("*"))
            for (const action of list(statement.Action)) expect(action, role.name).toMatch(interfaces);
        }
  });

  test("functions that reach Postgres or Redis trust Amazon's CAs, which Node 22 on Lambda does not by itself", async () => {
    for (const { inputs, name } of all(await graphOf(stage), "function"))
      expect(
        (inputs.environment as { variables: Record<string, string> }).variables.NODE_EXTRA_CA_CERTS,
        name,
      ).toBe("/var/runtime/ca-cert.pem");
  });

  test("the sweep runs every minute and is done before the next", async () => {
    const graph = await graphOf(stage);
    const rule = one(graph, "aws:cloudwatch/eventRule:EventRule");
    expect(rule.inputs).toMatchObject({ scheduleExpression: "rate(1 minute)", state: "ENABLED" });
    const sweep = one(graph, "function", "OutboxSweepFunction");
    expect(sweep.inputs.timeout).toBeLessThan(60);
    expect(one(graph, "aws:cloudwatch/eventTarget:EventTarget").inputs).toMatchObject({
      rule: rule.inputs.name,
      arn: text(sweep, "arn"),
    });
  });
});

/** The whole matrix: a grant more or less fails here. */
describe.each(stages)("permissions of stage %s", (stage) => {
  const arns = async (at: Stage) => {
    const graph = await graphOf(at);
    const cluster = one(graph, "cluster");
    const proxy = all(graph, "aws:rds/proxy:Proxy")[0];
    const database = proxy ? text(proxy, "arn").split(":").at(-1) : text(cluster, "clusterResourceId");
    const websocket = all(graph, "aws:apigatewayv2/api:Api").find(
      ({ inputs }) => inputs.protocolType === "WEBSOCKET",
    );
    const user = (name: string) =>
      `rds-db:connect on arn:aws:rds-db:ca-central-1:123456789012:dbuser:${database}/${name}`;
    const connections = (method: string) =>
      `execute-api:ManageConnections on ${websocket?.outputs.executionArn}/$default/${method}/@connections/*`;
    return {
      graph,
      app: user("frontdesk_app"),
      migrator: user("frontdesk_migrator"),
      token: `secretsmanager:GetSecretValue on ${text(one(graph, "secret", "RedisProxySecret"), "arn")}`,
      secret: (name: string) => `secretsmanager:GetSecretValue on ${text(one(graph, "secret", name), "arn")}`,
      mail: text(one(graph, "bucket", "MailBucketBucket"), "arn"),
      home: text(one(graph, "bucket", "HomeBucketBucket"), "arn"),
      queue: text(one(graph, "queue", "EmailQueueQueue"), "arn"),
      push: [connections("GET"), connections("POST")],
    };
  };

  test("the email consumer takes from its queue, reads and tags raw mail, writes attachments, and pushes", async () => {
    const { graph, app, mail, home, queue, push } = await arns(stage);
    expect(grantsOf(graph, "EmailConsumer")).toEqual(
      [
        ...["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"].map(
          (action) => `${action} on ${queue}`,
        ),
        `s3:GetObject on ${mail}/inbound/*`,
        `s3:PutObjectTagging on ${mail}/inbound/*`,
        `s3:ListBucket on ${mail}`,
        `s3:PutObject on ${home}/attachments/*`,
        app,
        ...push,
      ].toSorted(),
    );
  });

  test("the sweep pushes, looks for raw mail and puts what it finds into the queue; it reads no message", async () => {
    const { graph, app, mail, queue, push } = await arns(stage);
    expect(grantsOf(graph, "OutboxSweep")).toEqual(
      [
        app,
        ...push,
        `s3:ListBucket on ${mail} if {"StringLike":{"s3:prefix":"inbound/*"}}`,
        `s3:PutObjectTagging on ${mail}/inbound/*`,
        `sqs:SendMessage on ${queue}`,
      ].toSorted(),
    );
  });

  test("the API reads attachments and raw mail, and writes no object", async () => {
    const { graph, app, token, mail, home } = await arns(stage);
    expect(grantsOf(graph, "ApiFunction")).toEqual(
      [app, token, `s3:GetObject on ${home}/attachments/*`, `s3:GetObject on ${mail}/inbound/*`].toSorted(),
    );
  });

  test("socket functions know the database; only $default pushes, and asks the cache who may listen", async () => {
    const { graph, app, token, push } = await arns(stage);
    for (const name of ["RealtimeAuthorizer", "RealtimeConnect", "RealtimeDisconnect"])
      expect(grantsOf(graph, name), name).toEqual([app]);
    expect(grantsOf(graph, "RealtimeDefault")).toEqual([app, token, ...push].toSorted());
  });

  test("the migrator alone reads the master's secret, and on permanent stages those of the users behind the proxy", async () => {
    const { graph, migrator, secret } = await arns(stage);
    const secrets = permanentStages.includes(stage)
      ? ["AuroraProxySecret", "DatabaseAppSecret", "DatabaseMigratorSecret"]
      : ["AuroraProxySecret"];
    expect(grantsOf(graph, "Migrator")).toEqual([migrator, ...secrets.map(secret)].toSorted());
    for (const name of expectedFunctions)
      if (name !== "Migrator")
        expect(grantsOf(graph, name).join(), name).not.toMatch(
          /AuroraProxySecret|Database(App|Migrator)Secret/,
        );
  });

  test("nothing is granted through a link: what a function is linked to adds no statement", async () => {
    const graph = await graphOf(stage);
    for (const name of expectedFunctions)
      expect(grantsOf(graph, name).join(), name).not.toMatch(/sqs:\*|s3:\*|rds-data|cognito|lambda:Invoke/);
  });
});

test("functions are linked to what they use", async () => {
  const links = async (stage: Stage) =>
    Object.fromEntries(
      Object.values((await graphOf(stage)).functions).map(({ id, links: linked }) => [
        id,
        Object.keys(linked).toSorted(),
      ]),
    );
  const common = {
    ApiFunction: ["Auth", "Cache", "Database", "HomeBucket", "MailBucket", "Realtime", "Settings"],
    EmailConsumer: ["Database", "HomeBucket", "MailBucket", "Realtime", "Settings"],
    OutboxSweep: ["Database", "EmailQueue", "MailBucket", "Realtime", "Settings"],
    RealtimeAuthorizer: ["Database", "Settings"],
    RealtimeConnect: ["Database", "Settings"],
    RealtimeDisconnect: ["Database", "Settings"],
    RealtimeDefault: ["Cache", "Database", "Realtime", "Settings"],
  };
  for (const stage of personalStages)
    expect(await links(stage)).toEqual({ ...common, Migrator: ["Database", "DatabaseMaster", "Settings"] });
  for (const stage of permanentStages)
    expect(await links(stage)).toEqual({
      ...common,
      Migrator: ["Database", "DatabaseMaster", "DatabaseSecrets", "Settings"],
    });
});

function runtimePolicy(graph: Parameters<typeof one>[0], name: string) {
  const inline = one(graph, "role", `${name}Role`).inputs.inlinePolicies as {
    name: string;
    policy: string;
  }[];
  return statements(inline.find((policy) => policy.name === "runtime")?.policy);
}
