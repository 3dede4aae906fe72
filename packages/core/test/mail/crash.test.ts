import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import * as clock from "../../src/clock/index.ts";
import type { Point } from "../../src/faults/index.ts";
import { type Delivery, ingest } from "../../src/mail/index.ts";
import * as outbox from "../../src/outbox/index.ts";
import * as realtime from "../../src/realtime/index.ts";
import { appUser, connectionOf } from "../support/database.ts";
import {
  address,
  configOf,
  createWorld,
  eventsReceived,
  listen,
  mailWithAttachments,
  s3Notice,
  sesNotice,
  signIn,
  type World,
} from "../support/world.ts";

let world: World;
let restoreClock = () => {};
const folder = mkdtempSync(join(tmpdir(), "frontdesk-crash-"));
const child = join(folder, "child.cjs");
beforeAll(async () => {
  // Bundled, as on Lambda: it starts in a third of the time.
  await build({
    entryPoints: [join(import.meta.dirname, "../support/crash-child.ts")],
    outfile: child,
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["pg-native"],
    logLevel: "error",
  });
  world = await createWorld();
});
afterAll(async () => {
  await world.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => world.reset());
afterEach(() => restoreClock());

/** @returns How the process ended. */
async function dieAt(point: Point, deliveries: Delivery[]): Promise<string | null> {
  const order = {
    config: configOf(world.aws),
    connection: connectionOf(world.url, appUser),
    point,
    deliveries,
  };
  const process_ = spawn(process.execPath, [child, JSON.stringify(order)], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const [, signal] = (await once(process_, "exit")) as [number | null, string | null];
  return signal;
}

test.each<Point>([
  "mail.ingest.claimed",
  "mail.ingest.read",
  "mail.ingest.attachments",
  "mail.ingest.in-transaction",
  "outbox.delivered",
  "realtime.pushed",
  "mail.ingest.after-commit",
])("killed at %s, the redelivery ends with one of everything, and nothing is owed", async (point) => {
  const admin = await signIn("admin", "admin");
  await listen(world, "c", admin, `mailbox:${world.mailbox.jobs}`);
  world.aws.put("mail", "inbound/one", mailWithAttachments(["one.pdf", "two.pdf"]));
  const batch = [s3Notice("inbound/one"), sesNotice("inbound/one", [address("jobs")])];
  expect(await dieAt(point, batch)).toBe("SIGKILL");

  // The queue brings the batch again after its visibility timeout, which is longer than any lease of ours.
  restoreClock = clock.provide({ now: () => Date.now() + 360_000, sleep: async () => {} });
  expect(await ingest(batch.map((record) => ({ ...record, attempt: 2 })))).toEqual({ failed: [] });
  await outbox.sweep();
  await realtime.sweep();

  expect(await world.count("messages")).toBe(1);
  expect(await world.count("threads")).toBe(1);
  expect(await world.count("attachments")).toBe(2);
  expect(world.aws.buckets.get("home")?.size).toBe(2);
  expect(await world.rows("select seq from frontdesk.events where topic like 'mailbox:%'")).toEqual([
    { seq: 1 },
  ]);
  expect(await world.count("outbox")).toBe(0);
  expect(world.aws.buckets.get("mail")?.get("inbound/one")?.tags).toEqual({ frontdesk: "delivered" });
  // At least once: killed between the post and its record, the same number comes twice.
  const seqs = eventsReceived(world, "c").map(({ seq }) => seq);
  expect(new Set(seqs)).toEqual(new Set([1]));
  expect(seqs.length).toBe(point === "realtime.pushed" ? 2 : 1);
});

test("a redelivery that comes while a dead process still has the object in work does not wait for its lease", async () => {
  world.aws.put("mail", "inbound/one", mailWithAttachments(["one.pdf"]));
  const batch = [s3Notice("inbound/one")];
  expect(await dieAt("mail.ingest.read", batch)).toBe("SIGKILL");
  restoreClock = clock.provide({ now: () => Date.now(), sleep: async () => {} });
  expect(await ingest(batch.map((record) => ({ ...record, attempt: 2 })))).toEqual({ failed: [] });
  expect(await world.count("messages")).toBe(1);
});

test("a notice that comes while its object is in work costs no waiting, and is lost neither with it nor without it", async () => {
  world.aws.put("mail", "inbound/one", mailWithAttachments(["one.pdf"]));
  const first = s3Notice("inbound/one");
  expect(await dieAt("mail.ingest.read", [first])).toBe("SIGKILL");
  const sleeps: number[] = [];
  restoreClock = clock.provide({ now: () => Date.now(), sleep: async (ms) => void sleeps.push(ms) });
  expect(await ingest([sesNotice("inbound/one", [address("payroll")])])).toEqual({ failed: [] });
  expect(sleeps).toEqual([]);
  expect(await world.count("messages")).toBe(0);

  // The dead batch's own record returns, and brings what the second notice said.
  expect(await ingest([{ ...first, attempt: 2 }])).toEqual({ failed: [] });
  expect(await world.rows("select mailbox_id, source from frontdesk.message_mailboxes")).toEqual([
    { mailbox_id: world.mailbox.payroll, source: "envelope" },
  ]);
});
