import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LocalCloud, startLocal } from "../../src/start.ts";
import { type App, makeApp } from "../synth/support.ts";

const MONTH_MS = 30 * 86_400_000;
let app: App;
let local: LocalCloud;
const stateDir = mkdtempSync(join(tmpdir(), "clock-"));

beforeAll(async () => {
  app = await makeApp("clock");
  symlinkSync(resolve(import.meta.dirname, "../../../../node_modules"), join(app.dir, "node_modules"));
  const graph = await app.synthesise({ secretSeed: "one", accountId: "123456789012" });
  local = await startLocal({ appDir: app.dir, graph, stateDir, fast: true, log: () => undefined });
}, 240_000);
afterAll(async () => {
  await local?.stop();
  app?.remove();
  rmSync(stateDir, { recursive: true, force: true });
});

interface Answer {
  now: number;
  other: number;
  messageId: string;
  url: string;
  two: number;
}
async function probe(): Promise<Answer> {
  const fn = local.cloud.plan.functions.find(({ name }) => name.includes("Probe"));
  const { payload, functionError } = await local.ports.lambda.invoke(
    { kind: "developer" },
    fn?.arn ?? "",
    {},
  );
  expect(functionError, payload).toBeUndefined();
  return JSON.parse(payload) as Answer;
}
const statusOf = async (url: string) => (await fetch(url)).status;
const isNow = (time: number) => Math.abs(time - local.cloud.clock.now()) < 60_000;
const client = () =>
  new SQSClient({
    endpoint: local.endpoints.aws,
    region: "ca-central-1",
    credentials: local.developer,
    maxAttempts: 1,
  });

it("a month later functions see that it is later, and call AWS, each other and the database as before", async () => {
  const before = await probe();
  expect(isNow(before.now) && isNow(before.other)).toBe(true);
  expect(await statusOf(before.url)).toBe(200);

  local.cloud.clock.advance(MONTH_MS);
  const after = await probe();
  expect(after).toMatchObject({ messageId: expect.any(String), two: 2 });
  expect(after.now - before.now).toBeGreaterThanOrEqual(MONTH_MS);
  expect(isNow(after.now) && isNow(after.other)).toBe(true);

  // An address that was signed before has expired, one that is signed now holds for its hour.
  expect(await statusOf(before.url)).toBe(403);
  expect(await statusOf(after.url)).toBe(200);
  local.cloud.clock.advance(2 * 3_600_000);
  expect(await statusOf(after.url)).toBe(403);
  const again = await probe();
  expect(await statusOf(again.url)).toBe(200);
});

it("a program outside of the run, which knows nothing of its clock, calls AWS as before", async () => {
  const sqs = client();
  const { QueueUrls } = await sqs.send(new ListQueuesCommand({}));
  expect(QueueUrls).toHaveLength(1);
  // The SDK has learned the run's time from the answer, and signs by it from now on.
  await expect(sqs.send(new ListQueuesCommand({}))).resolves.toBeDefined();
  sqs.destroy();
});
