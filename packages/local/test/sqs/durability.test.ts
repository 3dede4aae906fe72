import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { developer, planOf, queueSpec, type Services, startServices } from "../support/services.ts";

let folder: string;
const open: Services[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sqs-"));
});
afterEach(async () => {
  for (const services of open.splice(0)) await services.stop({ keep: true });
  rmSync(folder, { recursive: true, force: true });
});
async function start(queues = [queueSpec("kept")]): Promise<Services> {
  const services = await startServices(planOf({ queues }), { folder });
  open.push(services);
  return services;
}
async function restart(services: Services, queues = [queueSpec("kept")]): Promise<Services> {
  await services.stop({ keep: true });
  open.splice(open.indexOf(services), 1);
  return start(queues);
}
const { arn, url } = queueSpec("kept");
const journal = () => join(folder, "sqs", "eu-west-1", "kept.jsonl");
const receive = (services: Services, max = 10, visibilitySeconds = 30) =>
  services.ports.sqs.receive(developer, arn, { max, waitMs: 0, visibilitySeconds });

test("a killed process loses nothing that it was told was done: sent, received or deleted", async () => {
  const script = fileURLToPath(new URL("../support/sqs-process.ts", import.meta.url));
  const child = spawn(process.execPath, [script, folder, JSON.stringify([queueSpec("kept")])], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const told: Record<"sent" | "received" | "deleted", Set<string>> = {
    sent: new Set(),
    received: new Set(),
    deleted: new Set(),
  };
  for await (const line of createInterface({ input: child.stdout })) {
    for (const [kind, id] of Object.entries(JSON.parse(line) as Record<keyof typeof told, string>))
      told[kind as keyof typeof told].add(id);
    if (told.sent.size === 2000) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");

  const services = await start();
  const ids = async () => {
    const found = new Set<string>();
    for (
      let messages = await receive(services, 10_000);
      messages.length > 0;
      messages = await receive(services, 10_000)
    )
      for (const { messageId } of messages) found.add(messageId);
    return found;
  };
  const visible = await ids();
  const inFlight = [...told.received].filter((id) => !told.deleted.has(id));
  // What was in flight stays with its receiver until its timeout ends.
  expect(inFlight.filter((id) => visible.has(id))).toEqual([]);
  services.cloud.clock.advance(600_000);
  const later = await ids();
  // The one call that was cut off may have taken effect without having been told.
  const lost = [...told.sent].filter((id) => !told.deleted.has(id) && !later.has(id));
  expect(lost.length).toBeLessThanOrEqual(1);
  expect([...told.deleted].filter((id) => later.has(id))).toEqual([]);
});

test("a torn last line is dropped and the rest is there", async () => {
  let services = await start();
  await services.ports.sqs.send(developer, arn, { body: "whole" });
  await services.stop({ keep: true });
  open.length = 0;
  appendFileSync(journal(), '["m",{"id":"torn","bo');
  services = await start();
  await services.ports.sqs.send(developer, arn, { body: "after" });
  services = await restart(services);
  expect((await receive(services)).map(({ body }) => body)).toEqual(["whole", "after"]);
});

test("damage in the middle is told, with the file and the way out", async () => {
  const services = await start();
  await services.ports.sqs.send(developer, arn, { body: "x" });
  await services.stop({ keep: true });
  open.length = 0;
  writeFileSync(journal(), `garbage\n${readFileSync(journal(), "utf8")}`);
  await expect(start()).rejects.toThrow(/kept\.jsonl is damaged .*--fresh/);
});

test("receive counts, handles, attributes and traces survive a restart", async () => {
  let services = await start();
  const trace = "Root=1-66b1d2f0-0123456789abcdef01234567";
  await services.ports.sqs.send(developer, arn, {
    body: "x",
    trace,
    messageAttributes: { bytes: { dataType: "Binary", binaryValue: Buffer.from([0, 255]) } },
  });
  const [first] = await receive(services, 1, 60);
  await services.ports.sqs.changeVisibility(developer, arn, first?.receiptHandle ?? "", 0);
  const [second] = await receive(services, 1, 60);
  services = await restart(services);
  expect(services.sqs.counts(arn)).toMatchObject({ visible: 0, inFlight: 1 });
  services.cloud.clock.advance(60_000);
  const [third] = await receive(services);
  expect(third?.attributes).toMatchObject({
    ApproximateReceiveCount: "3",
    AWSTraceHeader: trace,
    ApproximateFirstReceiveTimestamp: first?.attributes.ApproximateFirstReceiveTimestamp,
  });
  expect(third?.messageAttributes).toEqual({
    bytes: { dataType: "Binary", binaryValue: Buffer.from([0, 255]) },
  });
  await services.ports.sqs.delete(developer, arn, [second?.receiptHandle ?? ""]);
  services = await restart(services);
  expect(services.sqs.counts(arn).inFlight).toBe(1);
  await services.ports.sqs.delete(developer, arn, [third?.receiptHandle ?? ""]);
  services = await restart(services);
  expect(services.sqs.counts(arn)).toMatchObject({ visible: 0, inFlight: 0 });
});

test("attributes that were set hold until the program gives the queue others", async () => {
  let services = await start();
  await services
    .sqsClient()
    .send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { VisibilityTimeout: "5" } }));
  services = await restart(services);
  await services.ports.sqs.send(developer, arn, { body: "x" });
  await services.ports.sqs.receive(developer, arn, { max: 1, waitMs: 0 });
  services.cloud.clock.advance(5000);
  expect(services.sqs.counts(arn).visible).toBe(1);
  services = await restart(services, [queueSpec("kept", { visibilityTimeoutSeconds: 90 })]);
  // The clock of a new run is the machine's again.
  services.cloud.clock.advance(5000);
  await services.ports.sqs.receive(developer, arn, { max: 1, waitMs: 0 });
  services.cloud.clock.advance(89_000);
  expect(services.sqs.counts(arn).visible).toBe(0);
});

test("a FIFO queue still knows what it was sent, and its order", async () => {
  const lined = queueSpec("lined.fifo");
  let services = await start([lined]);
  const send = (body: string, deduplicationId: string) =>
    services.ports.sqs.send(developer, lined.arn, { body, groupId: "g", deduplicationId });
  const { messageId } = await send("1", "a");
  await send("2", "b");
  await services.ports.sqs.receive(developer, lined.arn, { max: 1, waitMs: 0, visibilitySeconds: 60 });
  services = await restart(services, [lined]);
  expect(await send("again", "a")).toEqual({ messageId });
  const take = () => services.ports.sqs.receive(developer, lined.arn, { max: 10, waitMs: 0 });
  expect(await take()).toEqual([]);
  services.cloud.clock.advance(60_000);
  expect((await take()).map(({ body }) => body)).toEqual(["1", "2"]);
});

test("the journal of a busy queue stays as small as the queue, and what is in it survives the rewriting", async () => {
  let services = await start();
  const body = "x".repeat(1000);
  await services.ports.sqs.send(developer, arn, { body: "stays" });
  const [stays] = await receive(services, 1, 43_200);
  for (let round = 0; round < 150; round++) {
    await Promise.all(Array.from({ length: 40 }, () => services.ports.sqs.send(developer, arn, { body })));
    const messages = await receive(services, 40);
    await services.ports.sqs.delete(
      developer,
      arn,
      messages.map(({ receiptHandle }) => receiptHandle),
    );
  }
  // 6,000 messages of more than 1 kB passed through.
  expect(statSync(journal()).size).toBeLessThan(6_000_000);
  services = await restart(services);
  expect(services.sqs.counts(arn)).toMatchObject({ visible: 0, inFlight: 1 });
  await services.ports.sqs.delete(developer, arn, [stays?.receiptHandle ?? ""]);
  expect(services.sqs.counts(arn).inFlight).toBe(0);
});
