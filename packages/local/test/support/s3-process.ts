/**
 * A process that puts objects until it is killed:
 * `node s3-process.ts <state folder> <plan as JSON>`. Each line on stdout is a key and size that were acknowledged.
 */
import { createClock } from "../../src/cloud/clock.ts";
import { createFaults } from "../../src/cloud/faults.ts";
import { createObserver } from "../../src/cloud/observer.ts";
import { openState } from "../../src/cloud/state.ts";
import type { Cloud, Ports } from "../../src/cloud/types.ts";
import { createCredentialStore } from "../../src/front-door/credentials.ts";
import type { Plan } from "../../src/plan/types.ts";
import { createS3 } from "../../src/services/s3/index.ts";
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
// Nothing is told before the kill: the next run has to.
cloud.faults.add({
  service: "sqs",
  times: Number.POSITIVE_INFINITY,
  effect: { error: { code: "ServiceUnavailable", status: 503 } },
});
const ports = {} as Ports;
const sqs = createSqs(cloud, ports);
const s3 = createS3(cloud, ports, { credentials: createCredentialStore() });
Object.assign(ports, { sqs, s3 });
await Promise.all([sqs.start?.(), s3.start?.()]);
for (let at = 0; ; at++) {
  const key = `${String.fromCharCode(97 + (at % 26))}${at}`;
  const size = at % 3 === 0 ? 700_000 : 1000 + at;
  await s3.put({ kind: "developer" }, "files", key, Buffer.alloc(size, key[0]));
  process.stdout.write(`${key} ${size}\n`);
}
