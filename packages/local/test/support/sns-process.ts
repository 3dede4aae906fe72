/**
 * A process that publishes until it is killed, while nothing can be delivered:
 * `node sns-process.ts <state folder> <plan as JSON>`. Each line on stdout is a message that was accepted.
 */
import { createClock } from "../../src/cloud/clock.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type { Cloud, Ports } from "../../src/cloud/types.ts";
import type { Plan } from "../../src/plan/types.ts";
import { createSns } from "../../src/services/sns/index.ts";
import { createSqs } from "../../src/services/sqs/index.ts";

const [folder = "", plan = "{}"] = process.argv.slice(2);
const clock = createClock();
const cloud = {
  plan: JSON.parse(plan) as Plan,
  clock,
  faults: createFaults(),
  observer: createObserver(clock),
  authoriser: { authorise() {} },
  state: openState(folder),
  log() {},
} satisfies Partial<Cloud> as Partial<Cloud> as Cloud;
cloud.faults.add({
  service: "sqs",
  times: Number.POSITIVE_INFINITY,
  effect: { error: { code: "ServiceUnavailable", status: 503 } },
});
const ports = {} as Ports;
const sqs = createSqs(cloud, ports);
const sns = createSns(cloud, ports);
Object.assign(ports, { sqs, sns });
await Promise.all([sqs.start?.(), sns.start?.()]);
const topic = cloud.plan.topics[0]?.arn ?? "";
for (let at = 0; ; at++) {
  await sns.publish({ kind: "developer" }, topic, { message: `message ${at}` });
  process.stdout.write(`message ${at}\n`);
  if (at % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
}
