/** A consumer killed after each of its calls in turn: nothing is lost, no effect happens twice. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as clock from "../../src/clock/index.ts";
import { consume, enqueueMany, order } from "../../src/jobs/index.ts";
import * as registry from "../../src/jobs/registry.ts";
import { sweep } from "../../src/jobs/sweep.ts";
import * as outbox from "../../src/outbox/index.ts";
import { appUser, connectionOf, withClient } from "../support/database.ts";
import { asSystem } from "../support/jobs.ts";
import { killTypes, limited, plain } from "../support/kill-types.ts";
import { configOf, createWorld, type World } from "../support/world.ts";

let world: World;
let restoreTypes = () => {};
const folder = mkdtempSync(join(tmpdir(), "frontdesk-kill-"));
const child = join(folder, "child.cjs");
beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, "../support/jobs-child.ts")],
    outfile: child,
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["pg-native"],
    logLevel: "error",
  });
  world = await createWorld();
  restoreTypes = registry.provide(killTypes);
  await withClient({ connectionString: world.url }, (admin) =>
    admin.query(
      "create table frontdesk.kill_effects (job_id text not null); grant all on frontdesk.kill_effects to public",
    ),
  );
});
afterAll(async () => {
  restoreTypes();
  await world.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** @returns How the process ended. */
async function dieAfter(call: number): Promise<string | null> {
  const given = { config: configOf(world.aws), connection: connectionOf(world.url, appUser), call };
  const process_ = spawn(process.execPath, [child, JSON.stringify(given)], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const [code, signal] = (await once(process_, "exit")) as [number | null, string | null];
  if (signal === null) expect(code).toBe(0);
  return signal;
}

const jobsARound = 24;
const orders = () => [
  ...Array.from({ length: 12 }, (_, n) => order(plain, { n, failsFirst: n % 4 === 0 })),
  ...Array.from({ length: 8 }, (_, n) => order(limited, { n })),
  order(
    plain,
    { n: 20 },
    { children: [order(plain, { n: 21 })], followedBy: [order(plain, { n: 22 }), order(limited, { n: 23 })] },
  ),
];

/** What time brings: leases run out, retries and messages come. */
async function recover(): Promise<void> {
  let passed = 0;
  for (let round = 0; round < 20; round++) {
    passed += 120_000;
    const restore = clock.provide({ now: () => Date.now() + passed, sleep: async () => {} });
    try {
      await outbox.sweep();
      await sweep();
      await asSystem(() =>
        consume([{ messageId: "1", receiptHandle: "1", attempt: 1, body: '{"job":"next"}' }], {
          remainingMs: () => 120_000,
        }),
      );
      const [open] = await world.rows("select 1 from frontdesk.jobs where state <> 'done' limit 1");
      if (!open && (await world.count("outbox")) === 0) return;
    } finally {
      restore();
    }
  }
  throw new Error(
    `something is left: ${JSON.stringify(await world.rows("select id, type, state, attempts, error from frontdesk.jobs where state <> 'done'"))}`,
  );
}

test("killed after each call in turn, over a thousand jobs: all are done, each effect happened once, and was told", {
  timeout: 1_800_000,
}, async () => {
  let jobs = 0;
  let kills = 0;
  for (let call = 1; ; call++) {
    await world.reset();
    await world.rows("delete from frontdesk.kill_effects");
    await asSystem(() => enqueueMany(orders()));
    const signal = await dieAfter(call);
    jobs += jobsARound;
    await recover();
    const [row] = await world.rows(
      `select (select count(*) from frontdesk.jobs where state = 'done') as done,
                (select count(*) from frontdesk.kill_effects) as effects,
                (select count(distinct job_id) from frontdesk.kill_effects) as distinct_effects`,
    );
    expect(row, `killed after call ${call}`).toEqual({
      done: jobsARound,
      effects: jobsARound,
      distinct_effects: jobsARound,
    });
    const told = world.aws.sent.filter(({ url }) => url.endsWith("/email")).map(({ body }) => body);
    expect(new Set(told).size).toBe(jobsARound);
    if (signal === null) break;
    expect(signal).toBe("SIGKILL");
    kills += 1;
  }
  expect(kills).toBeGreaterThan(40);
  expect(jobs).toBeGreaterThan(1_000);
});
