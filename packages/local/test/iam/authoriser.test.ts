import { expect, test } from "vitest";
import { createClock } from "../../src/cloud/clock.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import type { Observation } from "../../src/cloud/types.ts";
import { createIam, evaluateAgainst } from "../../src/iam/index.ts";
import type { BucketSpec, Plan, PolicyStatement } from "../../src/plan/types.ts";
import {
  account,
  allow,
  deny,
  document,
  emptyPlan,
  queue,
  request,
  roleArn,
  service,
  sessionArn,
  to,
} from "./support.ts";

const bucket: BucketSpec = {
  arn: "arn:aws:s3:::mail",
  name: "mail",
  region: "us-east-1",
  notifications: [],
  lifecycle: [],
  cors: [],
  versioning: false,
  blockPublicAccess: true,
};
function planWith(own: PolicyStatement[], change: Partial<Plan> = {}): Plan {
  return emptyPlan({
    roles: [
      {
        arn: roleArn,
        name: "worker",
        trust: document([
          { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" },
        ]),
        policies: [{ name: "inline", document: document(own) }],
      },
    ],
    ...change,
  });
}
function start(plan: Plan) {
  const clock = createClock();
  const observer = createObserver(clock);
  const seen: Observation[] = [];
  observer.on((observation) => seen.push(observation));
  return { iam: createIam(plan, { observer, now: clock.now }), seen, clock };
}

test("a denial names the session, the action and the resource as AWS does, and the statement that is missing", () => {
  const { iam, seen } = start(planWith([allow("sqs:ReceiveMessage", queue)]));
  const message = `User: ${sessionArn} is not authorized to perform: sqs:SendMessage on resource: ${queue} because no identity-based policy allows the sqs:SendMessage action`;
  for (let at = 0; at < 3; at++)
    expect(() => iam.authorise(request("sqs:SendMessage", queue))).toThrow(
      expect.objectContaining({ code: "AccessDenied", status: 403, message }),
    );
  expect(iam.denials()).toEqual([
    {
      principal: sessionArn,
      role: roleArn,
      session: "worker-fn",
      action: "sqs:SendMessage",
      resource: queue,
      reason: "implicitDeny",
      message,
      missingStatement: { Effect: "Allow", Action: "sqs:SendMessage", Resource: queue },
      missingFrom: roleArn,
      nearMisses: [],
      count: 3,
    },
  ]);
  expect(seen.map(({ kind, resource }) => [kind, resource])).toEqual(Array(3).fill(["iam.denied", queue]));
});

test("the missing statement, once added, allows the call", () => {
  const asked = [
    request("s3:PutObject", "arn:aws:s3:::mail/a"),
    request("sqs:SendMessage", queue, {
      principal: service("sns.amazonaws.com", "arn:aws:sns:us-east-1:1:t", account),
    }),
  ];
  const { iam } = start(planWith([]));
  for (const one of asked) expect(() => iam.authorise(one)).toThrow();
  const [own, theirs] = iam.denials().map((denial) => denial.missingStatement as PolicyStatement);
  if (!own || !theirs) throw new Error("two denials were expected");
  const mended = planWith([own], { resourcePolicies: [{ resource: queue, document: document([theirs]) }] });
  expect(asked.map((one) => evaluateAgainst(mended, one).outcome)).toEqual(["allow", "allow"]);
});

test("a statement that nearly allowed is named with what it lacked", () => {
  const { iam } = start(
    planWith([
      allow("sqs:SendMessage", `${queue}-dlq`, { Sid: "OtherQueue" }),
      allow("sqs:*", "*", { Sid: "OnlyFromVpc", Condition: { StringEquals: { "aws:SourceVpc": "vpc-1" } } }),
    ]),
  );
  expect(() => iam.authorise(request("sqs:SendMessage", queue))).toThrow();
  expect(iam.denials()[0]?.nearMisses).toEqual([
    `statement "OtherQueue" of policy inline of ${roleArn} is for another resource`,
    `statement "OnlyFromVpc" of policy inline of ${roleArn} asks for StringEquals aws:SourceVpc, which the request does not meet`,
  ]);
});

test("an explicit deny names the statement that denied and proposes none", () => {
  const { iam } = start(planWith([allow("*", "*"), deny("sqs:SendMessage", "*", { Sid: "Frozen" })]));
  expect(() => iam.authorise(request("sqs:SendMessage", queue))).toThrow(
    /with an explicit deny in an identity-based policy: statement "Frozen"/,
  );
  expect(iam.denials()[0]).toMatchObject({ reason: "explicitDeny", deniedBy: { sid: "Frozen", index: 1 } });
  expect(iam.denials()[0]).not.toHaveProperty("missingStatement");
});

test("a service's denial names whom it acts for", () => {
  const { iam } = start(planWith([]));
  const principal = service("sns.amazonaws.com", "arn:aws:sns:us-east-1:1:t", account);
  expect(() => iam.authorise(request("sqs:SendMessage", queue, { principal }))).toThrow(
    `Service: sns.amazonaws.com acting for arn:aws:sns:us-east-1:1:t is not authorized to perform: sqs:SendMessage on resource: ${queue} because no resource-based policy allows the sqs:SendMessage action`,
  );
});

test("the developer may do everything and uses up no grant", () => {
  const { iam } = start(planWith([allow("*", "*")]));
  iam.authorise(request("sqs:SendMessage", queue, { principal: { kind: "developer" } }));
  expect(iam.usage().some((use) => use.used)).toBe(false);
  expect(iam.requests()).toEqual([]);
});

test("usage tells the used from the unused, down to the action and the resource", () => {
  const { iam } = start(
    planWith([
      allow(["sqs:SendMessage", "sqs:GetQueueUrl"], [queue, `${queue}-dlq`], { Sid: "Send" }),
      allow("s3:*", "*", { Sid: "Idle" }),
    ]),
  );
  iam.authorise(request("sqs:SendMessage", queue));
  const [send, idle, trust] = iam.usage();
  expect(send).toMatchObject({
    holder: roleArn,
    policy: "inline",
    index: 0,
    used: true,
    decisive: true,
    actions: ["sqs:SendMessage"],
    unusedActions: ["sqs:GetQueueUrl"],
    usedResources: [queue],
    unusedResources: [`${queue}-dlq`],
  });
  expect(idle).toMatchObject({ sid: "Idle", used: false, unusedActions: ["s3:*"] });
  expect(trust).toMatchObject({ kind: "trust", used: false });
});

test("of two statements that allow the same, neither is decisive", () => {
  const { iam } = start(planWith([allow("sqs:SendMessage", queue), allow("sqs:*", "*")]));
  iam.authorise(request("sqs:SendMessage", queue));
  expect(iam.usage().slice(0, 2)).toMatchObject([
    { used: true, decisive: false },
    { used: true, decisive: false },
  ]);
});

test("requests replayed against the graph without a decisive statement are denied", () => {
  const plan = planWith([allow("sqs:SendMessage", queue), allow("s3:GetObject", "arn:aws:s3:::mail/*")]);
  const { iam } = start(plan);
  iam.authorise(request("sqs:SendMessage", queue));
  for (let at = 0; at < 500; at++) iam.authorise(request("s3:GetObject", `arn:aws:s3:::mail/${at}`));
  const seen = iam.requests();
  expect(seen.length).toBeLessThan(200);
  const without = planWith([allow("sqs:SendMessage", queue)]);
  expect(seen.every((one) => evaluateAgainst(plan, one).allowed)).toBe(true);
  const denied = seen.filter((one) => !evaluateAgainst(without, one).allowed);
  expect(new Set(denied.map((one) => one.action))).toEqual(new Set(["s3:GetObject"]));
});

test("refusals without end are all refused and observed; what is listed stays bounded", () => {
  const { iam, seen } = start(planWith([]));
  for (let key = 0; key < 1_500; key++)
    expect(() => iam.authorise(request("s3:GetObject", `${bucket.arn}/${key}`))).toThrow("not authorized");
  expect(seen).toHaveLength(1_500);
  expect(iam.denials()).toHaveLength(1_000);
  expect(iam.denials()[0]).toMatchObject({ resource: `${bucket.arn}/0`, count: 1 });
});

test("a role is assumed only by the service that its trust policy names", () => {
  const { iam } = start(planWith([]));
  expect(iam.canAssume(roleArn, "lambda.amazonaws.com").allowed).toBe(true);
  expect(iam.canAssume(roleArn, "scheduler.amazonaws.com").allowed).toBe(false);
  expect(iam.denials()).toMatchObject([
    { principal: "scheduler.amazonaws.com", action: "sts:AssumeRole", resource: roleArn },
  ]);
  expect(iam.usage().find((use) => use.kind === "trust")).toMatchObject({ used: true, decisive: true });
});

test("a trust policy's source conditions are heeded", () => {
  const plan = planWith([]);
  const [role] = plan.roles;
  if (!role) throw new Error("no role");
  const group = `arn:aws:scheduler:eu-west-1:${account}:schedule-group/jobs`;
  role.trust = document([
    {
      Effect: "Allow",
      Principal: { Service: "scheduler.amazonaws.com" },
      Action: "sts:AssumeRole",
      Condition: { StringEquals: { "aws:SourceAccount": account, "aws:SourceArn": group } },
    },
  ]);
  const { iam } = start(plan);
  const from = (arn: string) =>
    ({
      kind: "service",
      service: "scheduler.amazonaws.com",
      sourceArn: arn,
      sourceAccount: account,
    }) as const;
  expect(iam.canAssume(roleArn, from(group)).allowed).toBe(true);
  expect(iam.canAssume(roleArn, from(`${group}2`)).allowed).toBe(false);
  expect(iam.canAssume(roleArn, "scheduler.amazonaws.com").allowed).toBe(false);
});

test("an answer depends on each context key that a policy asks for, and on the clock", () => {
  const { iam, clock } = start(
    planWith([
      allow("s3:ListBucket", bucket.arn, { Condition: { StringLike: { "s3:prefix": "home/*" } } }),
      allow("sqs:SendMessage", queue, {
        Condition: { DateLessThan: { "aws:CurrentTime": new Date(Date.now() + 60_000).toISOString() } },
      }),
    ]),
  );
  const list = (prefix: string) => () =>
    iam.authorise(request("s3:ListBucket", bucket.arn, { context: { "s3:prefix": prefix } }));
  list("home/a")();
  expect(list("etc/")).toThrow();
  list("home/a")();
  iam.authorise(request("sqs:SendMessage", queue));
  clock.advance(120_000);
  expect(() => iam.authorise(request("sqs:SendMessage", queue))).toThrow();
  clock.stop();
});

test("a bucket's policy covers its objects, a function's policy its aliases", () => {
  const fn = `arn:aws:lambda:eu-west-1:${account}:function:f`;
  const { iam } = start(
    emptyPlan({
      resourcePolicies: [
        {
          resource: bucket.arn,
          document: document([
            allow("s3:PutObject", `${bucket.arn}/*`, to({ Service: "ses.amazonaws.com" })),
          ]),
        },
        {
          resource: fn,
          document: document([allow("lambda:InvokeFunction", `${fn}*`, to({ Service: "s3.amazonaws.com" }))]),
        },
      ],
    }),
  );
  iam.authorise(request("s3:PutObject", `${bucket.arn}/a/b`, { principal: service("ses.amazonaws.com") }));
  iam.authorise(request("lambda:InvokeFunction", `${fn}:live`, { principal: service("s3.amazonaws.com") }));
  expect(() =>
    iam.authorise(request("s3:PutObject", `${bucket.arn}2/a`, { principal: service("ses.amazonaws.com") })),
  ).toThrow();
});

test("a bucket that blocks public access keeps the anonymous out, whatever its policy says", () => {
  const resourcePolicies = [
    { resource: bucket.arn, document: document([allow("s3:GetObject", `${bucket.arn}/*`, to("*"))]) },
  ];
  const anonymous = request("s3:GetObject", `${bucket.arn}/a`, { principal: { kind: "anonymous" } });
  const open = emptyPlan({ resourcePolicies, buckets: [{ ...bucket, blockPublicAccess: false }] });
  const closed = emptyPlan({ resourcePolicies, buckets: [bucket] });
  expect(evaluateAgainst(open, anonymous).outcome).toBe("allow");
  expect(evaluateAgainst(closed, anonymous).outcome).toBe("implicitDeny");
  expect(evaluateAgainst(closed, request("s3:GetObject", `${bucket.arn}/a`)).outcome).toBe("allow");
});

test("a key whose policy the graph does not give lets the account decide", () => {
  const key = `arn:aws:kms:eu-west-1:${account}:key/1`;
  expect(evaluateAgainst(planWith([allow("kms:Decrypt", key)]), request("kms:Decrypt", key)).outcome).toBe(
    "allow",
  );
  expect(evaluateAgainst(planWith([]), request("kms:Decrypt", key)).outcome).toBe("implicitDeny");
});

test("a statement that AWS would refuse grants nothing and is reported", () => {
  const { iam } = start(
    planWith([
      { Effect: "Allow", Action: "sqs:*", Resource: queue, Principal: "*" },
      { Effect: "Allow", Action: "sqs:*", NotAction: "s3:*", Resource: queue },
      { Effect: "Allow", Action: "sqs:*" },
      { Effect: "Allow", Action: "sqs:*", Resource: queue, Condition: { StringMatches: { k: "a" } } },
    ]),
  );
  expect(() => iam.authorise(request("sqs:SendMessage", queue))).toThrow();
  expect(iam.problems().map((line) => line.replace(/^.* is malformed: /, ""))).toEqual([
    "a role's policy takes no Principal",
    "Action and NotAction exclude each other",
    "it needs Resource or NotResource",
    '"StringMatches" is not a condition operator of IAM',
  ]);
});

test("two policies on one queue are reported, as AWS would keep only one", () => {
  const { iam } = start(
    emptyPlan({
      resourcePolicies: ["sns", "s3"].map((name) => ({
        resource: queue,
        document: document([allow("sqs:SendMessage", queue, to({ Service: `${name}.amazonaws.com` }))]),
      })),
    }),
  );
  expect(iam.problems()).toEqual([
    `${queue} has two policies in the graph; on AWS the one written last replaces the other`,
  ]);
});

test("a new plan replaces the policies and starts the record anew", () => {
  const { iam } = start(planWith([]));
  expect(() => iam.authorise(request("sqs:SendMessage", queue))).toThrow();
  iam.replace(planWith([allow("sqs:SendMessage", queue)]));
  iam.authorise(request("sqs:SendMessage", queue));
  expect(iam.denials()).toEqual([]);
});
