import { expect, it } from "vitest";
import { AccessDenied, AwsError } from "../../src/cloud/errors.ts";
import type { Principal } from "../../src/cloud/types.ts";
import type { RuleSpec } from "../../src/plan/types.ts";
import { createRules } from "../../src/rules/index.ts";
import { accountId, createTestCloud, type TestCloud } from "../functions/support.ts";

const functionArn = `arn:aws:lambda:ca-central-1:${accountId}:function:sweep`;
const queueArn = `arn:aws:sqs:ca-central-1:${accountId}:jobs`;
const topicArn = `arn:aws:sns:ca-central-1:${accountId}:news`;

function rule(schedule: string, changes: Partial<RuleSpec> = {}): RuleSpec {
  return {
    arn: `arn:aws:events:ca-central-1:${accountId}:rule/sweep`,
    name: "sweep",
    region: "ca-central-1",
    schedule,
    enabled: true,
    targets: [{ id: "function", arn: functionArn }],
    ...changes,
  };
}

interface Delivery {
  principal: Principal;
  target: string;
  payload: unknown;
}
/** Stands for function, queue and topic: takes what the rule sends, or throws what `refuse` holds next. */
function recordDeliveries(test: TestCloud, refuse: Error[] = []) {
  const deliveries: Delivery[] = [];
  let arrived = () => {};
  const take = async (principal: Principal, target: string, payload: unknown) => {
    const error = refuse.shift();
    if (!error) deliveries.push({ principal, target, payload });
    arrived();
    if (error) throw error;
  };
  Object.assign(test.ports, {
    lambda: { invokeAsync: take },
    sqs: {
      send: (principal: Principal, arn: string, { body }: { body: string }) => take(principal, arn, body),
    },
    sns: {
      publish: (principal: Principal, arn: string, { message }: { message: string }) =>
        take(principal, arn, message),
    },
  });
  return {
    deliveries,
    /** Moves the clock on, and resolves when something has been tried to deliver since. */
    async advance(ms: number) {
      const next = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      test.cloud.clock.advance(ms);
      await next;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

it("a rule sends EventBridge's event to its function, as EventBridge for the rule", async () => {
  await using test = createTestCloud({ rules: [rule("rate(5 minutes)")] });
  const { deliveries, advance } = recordDeliveries(test);
  const rules = createRules(test.cloud, test.ports);
  const started = test.cloud.clock.now();
  await rules.start();
  await advance(5 * 60_000);
  await rules.stop();
  expect(deliveries).toHaveLength(1);
  expect(deliveries[0]).toMatchObject({
    principal: {
      kind: "service",
      service: "events.amazonaws.com",
      sourceArn: rule("").arn,
      sourceAccount: accountId,
    },
    target: functionArn,
    payload: {
      version: "0",
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: accountId,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      region: "ca-central-1",
      resources: [rule("").arn],
      detail: {},
    },
  });
  const { time } = deliveries[0]?.payload as { time: string };
  expect(Date.parse(time) - started).toSatisfy((ms: number) => ms > 298_000 && ms < 302_000);
  expect(test.observations.map(({ kind }) => kind)).toEqual(["schedule.fire"]);
});

it("what falls due while the clock moves on is made up for, up to a bound", async () => {
  await using test = createTestCloud({ rules: [rule("rate(1 minute)")] });
  const { deliveries, advance } = recordDeliveries(test);
  const rules = createRules(test.cloud, test.ports);
  await rules.start();
  await advance(3 * 60_000);
  expect(deliveries).toHaveLength(3);
  await advance(30 * 24 * 3_600_000);
  expect(deliveries).toHaveLength(103);
  expect(test.logs.join()).toContain("due more than 100 times at once");
  await advance(60_000);
  expect(deliveries).toHaveLength(104);
  await rules.stop();
});

it("queues and topics are targets too, and a target's own input replaces the event", async () => {
  await using test = createTestCloud({
    rules: [
      rule("rate(1 minute)", {
        targets: [
          { id: "queue", arn: queueArn, input: '{"job":"clean"}' },
          { id: "topic", arn: topicArn },
          { id: "qualified", arn: `${functionArn}:live`, input: "[1]" },
          { id: "machine", arn: `arn:aws:states:ca-central-1:${accountId}:stateMachine:m` },
        ],
      }),
    ],
  });
  const { deliveries, advance } = recordDeliveries(test);
  const rules = createRules(test.cloud, test.ports);
  await rules.start();
  await advance(60_000);
  await rules.stop();
  expect(deliveries.map(({ target }) => target)).toEqual([queueArn, topicArn, functionArn]);
  expect(deliveries[0]?.payload).toBe('{"job":"clean"}');
  expect(JSON.parse(String(deliveries[1]?.payload))).toMatchObject({ source: "aws.events" });
  expect(deliveries[2]?.payload).toEqual([1]);
  expect(test.logs).toEqual([expect.stringContaining("only functions, queues and topics are targets here")]);
});

it("a target that is busy is tried again, one that may not be reached is not", async () => {
  await using test = createTestCloud({ rules: [rule("cron(0 0 1 1 ? *)")] });
  const busy = new AwsError("TooManyRequestsException", "Rate Exceeded.", 429);
  const { deliveries, advance } = recordDeliveries(test, [busy, busy, new AccessDenied("not allowed")]);
  const rules = createRules(test.cloud, test.ports);
  await rules.start();
  await advance(366 * 24 * 3_600_000);
  await advance(1000);
  await advance(2000);
  expect(deliveries).toEqual([]);
  expect(test.logs).toEqual([expect.stringContaining("not allowed")]);
  await rules.stop();
});

it("a rate keeps its rhythm over a restart", async () => {
  await using test = createTestCloud({ rules: [rule("rate(1 hour)")] });
  const { deliveries, advance } = recordDeliveries(test);
  const first = createRules(test.cloud, test.ports);
  await first.start();
  test.cloud.clock.advance(50 * 60_000);
  await first.stop();
  const second = createRules(test.cloud, test.ports);
  await second.start();
  await advance(10 * 60_000);
  expect(deliveries).toHaveLength(1);
  await second.stop();
});

it("a disabled rule does nothing, and a schedule that EventBridge refuses is named with its rule", async () => {
  await using test = createTestCloud({ rules: [rule("rate(1 minute)", { enabled: false })] });
  const { deliveries } = recordDeliveries(test);
  const rules = createRules(test.cloud, test.ports);
  await rules.start();
  test.cloud.clock.advance(3_600_000);
  await rules.stop();
  expect(deliveries).toEqual([]);
  await using wrong = createTestCloud({ rules: [rule("rate(1 minutes)")] });
  expect(() => createRules(wrong.cloud, wrong.ports)).toThrow("rule sweep: rate(1 minutes) is no rate");
});
