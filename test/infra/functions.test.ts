import { describe, expect, test } from "vitest";
import { graphOf, permanentStages, personalStages, type Stage, stages } from "./support/graphs.ts";
import { all, list, one, statements, text } from "./support/read.ts";

const expectedFunctions = [
  "ApiFunction",
  "AuthPreSignUp",
  "AuthPreTokenGeneration",
  "EmailConsumer",
  "ImageConsumer",
  "JobsConsumer",
  "MailEventsConsumer",
  "Migrator",
  "OutboxSweep",
  "RealtimeAuthorizer",
  "RealtimeConnect",
  "RealtimeDefault",
  "RealtimeDisconnect",
];

/** Need neither Postgres nor Redis. */
const outside = ["AuthPreSignUpFunction", "AuthPreTokenGenerationFunction"];

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
      if (outside.includes(fn.name)) {
        expect(fn.inputs.vpcConfig, fn.name).toBeUndefined();
        continue;
      }
      const group = fn.name === "MigratorFunction" ? "MigratorGroup" : "FunctionGroup";
      expect(fn.inputs.vpcConfig, fn.name).toMatchObject({
        securityGroupIds: [text(one(graph, "securityGroup", group), "id")],
      });
    }
  });

  test("`*` stands for the resource of calls alone that know no narrower one, and for no action", async () => {
    const graph = await graphOf(stage);
    // Network interfaces, sessions, and the account's suppression list.
    const unnarrowed =
      /^ses:(Delete|Get|List|Put)SuppressedDestinations?$|^ec2:(Create|Delete|Describe)NetworkInterfaces?$|^ec2:DescribeSubnets$|^ec2:(Una|A)ssignPrivateIpAddresses$|^ssmmessages:(Create|Open)(Control|Data)Channel$/;
    for (const role of all(graph, "role"))
      for (const { policy } of (role.inputs.inlinePolicies ?? []) as { policy: string }[])
        for (const statement of statements(policy)) {
          for (const action of list(statement.Action)) expect(action, role.name).not.toContain("*");
          if (list(statement.Resource).includes("*"))
            for (const action of list(statement.Action)) expect(action, role.name).toMatch(unnarrowed);
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

test("functions are linked to what they use", async () => {
  const links = async (stage: Stage) =>
    Object.fromEntries(
      Object.values((await graphOf(stage)).functions).map(({ id, links: linked }) => [
        id,
        Object.keys(linked).toSorted(),
      ]),
    );
  const common = {
    ApiFunction: [
      "Auth",
      "Cache",
      "Cdn",
      "Database",
      ...["Email", "Image", "Jobs", "MailEvents"].flatMap((name) => [
        `${name}DeadLetterQueue`,
        `${name}Queue`,
      ]),
      "HomeBucket",
      "MailBucket",
      "Realtime",
      "Settings",
    ].toSorted(),
    AuthPreSignUp: ["Settings"],
    AuthPreTokenGeneration: ["Settings"],
    EmailConsumer: [
      "Database",
      "EmailQueue",
      "HomeBucket",
      "ImageQueue",
      "MailBucket",
      "Realtime",
      "Settings",
    ],
    ImageConsumer: ["Database", "HomeBucket", "ImageQueue", "JobsQueue", "Realtime", "Settings"],
    JobsConsumer: [
      "Cdn",
      "Database",
      "HomeBucket",
      "JobsDeadLetterQueue",
      "JobsQueue",
      "Outbound",
      "Realtime",
      "Scheduler",
      "Settings",
    ],
    MailEventsConsumer: ["Database", "JobsQueue", "MailEventsQueue", "Realtime", "Settings"],
    OutboxSweep: [
      "Database",
      "EmailQueue",
      "ImageQueue",
      "JobsDeadLetterQueue",
      "JobsQueue",
      "MailBucket",
      "Realtime",
      "Settings",
    ],
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
