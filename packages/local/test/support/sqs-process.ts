/**
 * A process that sends and receives until it is killed: `node sqs-process.ts <state folder> <queue specs as JSON>`.
 * Each line on stdout is something the process was told has happened.
 */
import { createClock } from "../../src/cloud/clock.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type { Cloud, Ports, Principal } from "../../src/cloud/types.ts";
import type { Plan, QueueSpec } from "../../src/plan/types.ts";
import { createSqs } from "../../src/services/sqs/index.ts";

const [folder = "", specs = "[]"] = process.argv.slice(2);
const queues = JSON.parse(specs) as QueueSpec[];
const clock = createClock();
const cloud = {
  plan: { queues, resourcePolicies: [], accountId: "111122223333" } as Partial<Plan> as Plan,
  clock,
  faults: createFaults(),
  observer: createObserver(clock),
  authoriser: { authorise() {} },
  state: openState(folder),
  log() {},
} satisfies Partial<Cloud> as Partial<Cloud> as Cloud;
const sqs = createSqs(cloud, {} as Ports);
await sqs.start?.();

const developer: Principal = { kind: "developer" };
const arn = queues[0]?.arn ?? "";
const say = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);
for (let at = 0; ; at++) {
  const { messageId } = await sqs.send(developer, arn, { body: `message ${at}`, delaySeconds: 0 });
  say({ sent: messageId });
  if (at % 3 === 0) {
    const [message] = await sqs.receive(developer, arn, { max: 1, waitMs: 0, visibilitySeconds: 600 });
    if (!message) continue;
    say({ received: message.messageId });
    if (at % 2 === 0) {
      await sqs.delete(developer, arn, [message.receiptHandle]);
      say({ deleted: message.messageId });
    }
  }
  if (at % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
}
