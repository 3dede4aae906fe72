import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SubscribeCommand } from "@aws-sdk/client-sns";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Plan } from "../../src/plan/types.ts";
import {
  allowService,
  developer,
  planOf,
  queueSpec,
  type Services,
  startServices,
  topicSpec,
} from "../support/services.ts";

let folder: string;
let services: Services | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sns-"));
});
afterEach(async () => {
  await services?.stop({ keep: true });
  services = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const topic = topicSpec("topic");
const queue = queueSpec("queue");
const subscription = {
  arn: `${topic.arn}:00000000-0000-0000-0000-000000000001`,
  topicArn: topic.arn,
  protocol: "sqs" as const,
  endpoint: queue.arn,
  rawMessageDelivery: true,
  filterPolicyScope: "MessageAttributes" as const,
};
const plan = (change: Partial<Plan> = {}) =>
  planOf({
    topics: [topic],
    queues: [queue],
    subscriptions: [subscription],
    resourcePolicies: [allowService("sns.amazonaws.com", "sqs:SendMessage", queue.arn, topic.arn)],
    ...change,
  });
const receive = ({ ports }: Services) =>
  ports.sqs.receive(developer, queue.arn, { max: 10_000, waitMs: 20_000 });

test("what was accepted is delivered after a kill that came before the delivery", async () => {
  const script = fileURLToPath(new URL("../support/sns-process.ts", import.meta.url));
  const child = spawn(process.execPath, [script, folder, JSON.stringify(plan())], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const accepted = new Set<string>();
  for await (const line of createInterface({ input: child.stdout })) {
    accepted.add(line);
    if (accepted.size === 200) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");

  services = await startServices(plan(), { folder });
  const delivered = new Set<string>();
  while (![...accepted].every((body) => delivered.has(body))) {
    const messages = await receive(services);
    expect(messages.length).toBeGreaterThan(0);
    for (const { body } of messages) delivered.add(body);
  }
});

test("what is being tried again when the run ends is tried again in the next, and delivered once", async () => {
  services = await startServices(plan(), {
    folder,
    arrange: ({ faults }) =>
      void faults.add({
        service: "sqs",
        times: Number.POSITIVE_INFINITY,
        effect: { error: { code: "ServiceUnavailable", status: 503 } },
      }),
  });
  await services.ports.sns.publish(developer, topic.arn, {
    message: "x",
    messageAttributes: { b: { dataType: "Binary", binaryValue: Buffer.from([1]) } },
  });
  await services.stop({ keep: true });
  services = await startServices(plan(), { folder });
  const [message] = await receive(services);
  expect(message).toMatchObject({ body: "x", messageAttributes: { b: { binaryValue: Buffer.from([1]) } } });
  await services.stop({ keep: true });
  services = await startServices(plan(), { folder });
  expect(services.sqs.counts(queue.arn)).toMatchObject({ visible: 0, inFlight: 1 });
});

test("a subscription that has gone from the program gets nothing more", async () => {
  services = await startServices(plan(), {
    folder,
    arrange: ({ faults }) =>
      void faults.add({ service: "sqs", times: Number.POSITIVE_INFINITY, effect: { disconnect: true } }),
  });
  await services.ports.sns.publish(developer, topic.arn, { message: "x" });
  await services.stop({ keep: true });
  services = await startServices(plan({ subscriptions: [] }), { folder });
  await services.stop({ keep: true });
  services = await startServices(plan(), { folder });
  expect(services.sqs.counts(queue.arn)).toMatchObject({ visible: 0, inFlight: 0 });
});

test("a subscription made while the app ran is there at the next start", async () => {
  services = await startServices(plan({ subscriptions: [] }), { folder });
  await services
    .snsClient()
    .send(new SubscribeCommand({ TopicArn: topic.arn, Protocol: "sqs", Endpoint: queue.arn }));
  await services.stop({ keep: true });
  services = await startServices(plan({ subscriptions: [] }), { folder });
  await services.ports.sns.publish(developer, topic.arn, { message: "x" });
  const [message] = await receive(services);
  expect(JSON.parse(message?.body ?? "")).toMatchObject({ Message: "x" });
});
