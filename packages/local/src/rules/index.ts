/** EventBridge rules with a schedule, such as `sst.aws.Cron` makes. */
import { randomUUID } from "node:crypto";
import { AwsError } from "../cloud/errors.ts";
import type { Cloud, Part, Ports, Principal } from "../cloud/types.ts";
import type { RuleSpec } from "../plan/types.ts";
import { parseSchedule, type Schedule } from "./schedule.ts";

/** ARN of a rule -> its schedule, and when it was first seen with it: the rhythm goes on over a restart. */
type Anchors = Record<string, { schedule: string; at: number }>;

/** A clock that is moved on by days, or a machine that slept, makes up for no more than this at once. */
const MAX_CATCH_UP = 100;
/** EventBridge tries a target for a day. */
const RETRY_MS = 24 * 3_600_000;

/** @throws Error naming the rule whose schedule EventBridge would refuse. */
export function createRules(cloud: Cloud, ports: Ports): Part & { start(): Promise<void> } {
  const { clock, plan } = cloud;
  const timers = new Map<string, () => void>();
  const active = new Set<Promise<void>>();
  const stopping = new AbortController();
  const rules = plan.rules
    .filter(({ enabled }) => enabled)
    .map((rule) => {
      try {
        parseSchedule(rule.schedule, 0);
      } catch (error) {
        throw new Error(`rule ${rule.name}: ${(error as Error).message}`);
      }
      return rule;
    });

  function arm(rule: RuleSpec, schedule: Schedule, after: number) {
    const due = schedule.next(after);
    if (due === undefined) return;
    timers.set(
      rule.arn,
      clock.after(due - clock.now(), () => {
        let last = due;
        let next: number | undefined = due;
        for (let count = 0; next !== undefined && next <= clock.now(); count++) {
          if (count === MAX_CATCH_UP) {
            cloud.log(
              `rule ${rule.name} was due more than ${MAX_CATCH_UP} times at once: the others are left out`,
            );
            last = clock.now();
            break;
          }
          fire(rule, next);
          last = next;
          next = schedule.next(next);
        }
        arm(rule, schedule, last);
      }),
    );
  }

  function fire(rule: RuleSpec, due: number) {
    const event = scheduledEvent(rule, due);
    for (const target of rule.targets) {
      cloud.observer.record("schedule.fire", rule.arn, undefined, { due, target: target.arn });
      const delivery = deliver(rule, target.arn, target.input ?? JSON.stringify(event))
        .catch((error: Error) => cloud.log(`rule ${rule.name} cannot reach ${target.arn}: ${error.message}`))
        .finally(() => active.delete(delivery));
      active.add(delivery);
    }
  }

  async function deliver(rule: RuleSpec, target: string, input: string): Promise<void> {
    const principal: Principal = {
      kind: "service",
      service: "events.amazonaws.com",
      sourceArn: rule.arn,
      sourceAccount: plan.accountId,
    };
    const until = clock.now() + RETRY_MS;
    for (let pause = 1000; ; pause = Math.min(pause * 2, 300_000)) {
      try {
        return await send(principal, target, input);
      } catch (error) {
        const passing = error instanceof AwsError && (error.status === 429 || error.status >= 500);
        if (!passing || clock.now() + pause > until) throw error;
        await clock.sleep(pause, stopping.signal);
        if (stopping.signal.aborted) throw error;
      }
    }
  }

  async function send(principal: Principal, target: string, input: string): Promise<void> {
    switch (target.split(":")[2]) {
      case "lambda":
        return ports.lambda.invokeAsync(
          principal,
          target.split(":").slice(0, 7).join(":"),
          JSON.parse(input),
        );
      case "sqs":
        return void (await ports.sqs.send(principal, target, { body: input }));
      case "sns":
        return void (await ports.sns.publish(principal, target, { message: input }));
      default:
        throw new Error("only functions, queues and topics are targets here");
    }
  }

  function scheduledEvent(rule: RuleSpec, due: number) {
    return {
      version: "0",
      id: randomUUID(),
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: plan.accountId,
      time: new Date(due).toISOString().replace(/\.\d{3}Z$/, "Z"),
      region: rule.region,
      resources: [rule.arn],
      detail: {},
    };
  }

  return {
    async start() {
      const now = clock.now();
      const known = cloud.state.read<Anchors>("rules/anchors", {});
      const anchors: Anchors = {};
      for (const rule of rules) {
        const before = known[rule.arn];
        const at = before?.schedule === rule.schedule && before.at <= now ? before.at : now;
        anchors[rule.arn] = { schedule: rule.schedule, at };
        arm(rule, parseSchedule(rule.schedule, at), now);
      }
      cloud.state.write("rules/anchors", anchors);
    },
    async stop() {
      for (const cancel of timers.values()) cancel();
      timers.clear();
      stopping.abort();
      await Promise.all(active);
    },
  };
}
