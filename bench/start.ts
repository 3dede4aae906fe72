/** Row "local run: start to ready". */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPlan, installationSeed, startPostgres, synthesise } from "@frontdesk/local";
import { root } from "../scripts/run/root.ts";
import { startFrontdesk } from "../scripts/run/start.ts";
import { median, pairs, type Row } from "./row.ts";

const PAIRS = 5;

export async function startToReady(): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), "frontdesk-start-"));
  const whole = join(folder, "whole");
  const alone = join(folder, "alone");
  const seconds = async (work: () => Promise<() => Promise<void>>) => {
    const from = performance.now();
    const stop = await work();
    const took = (performance.now() - from) / 1000;
    await stop();
    return took;
  };
  const candidate = () =>
    seconds(async () => {
      const { app } = await startFrontdesk({ stateDir: whole, fast: true, log: () => undefined });
      return app.stop;
    });
  const reference = () =>
    seconds(async () => {
      const graph = await synthesise({ appDir: root, stage: "local", secretSeed: installationSeed(alone) });
      return startPostgres(buildPlan(graph), alone);
    });
  try {
    // Warm means: the platform is installed, the functions are bundled, the databases are made.
    await candidate();
    await reference();
    const measured = await pairs(PAIRS, candidate, reference);
    const ratio = median(measured.ratios);
    return {
      name: "local run: start to ready",
      against: "synthesis + Postgres start alone, warm",
      target: "<= 1.5",
      ratio,
      reached: ratio <= 1.5,
      details: {
        "start to ready (s)": median(measured.candidate),
        "synthesis + Postgres (s)": median(measured.reference),
      },
      growth:
        "synthesis grows with the number of resources; the rest with the number of functions and of kept messages",
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
