/**
 * `npm run bench [-- name ...]`: every comparison that architecture.md asks for and that exists, side by side in one run.
 * Prints a table and writes `.frontdesk/bench.json`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { benchmarks } from "./list.ts";
import { steadiness } from "./probe.ts";
import type { Row } from "./row.ts";

/** A run during which the probe spreads more than this is repeated, once. */
const STEADY = 1.15;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in benchmarks));
if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(", ")}; there are: ${Object.keys(benchmarks).join(", ")}`,
  );
  process.exit(2);
}

type Measured = Row & { steadiness: number; seconds: number };
const rows: Measured[] = [];
const failed: string[] = [];
for (const [name, run] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  try {
    const row = await measure(name, run);
    rows.push(row);
    print(row);
  } catch (error) {
    // What the others measured is not thrown away with it.
    failed.push(name);
    console.error(`${name} could not be measured:`, error);
  }
}

mkdirSync(".frontdesk", { recursive: true });
writeFileSync(
  ".frontdesk/bench.json",
  `${JSON.stringify({ at: new Date().toISOString(), node: process.version, rows }, null, 2)}\n`,
);
console.log("\nwritten to .frontdesk/bench.json");
process.exit(failed.length > 0 ? 1 : 0);

async function measure(name: string, run: () => Promise<Row>): Promise<Measured> {
  for (let attempt = 0; ; attempt++) {
    const before = steadiness();
    const from = performance.now();
    const row = await run();
    const spread = Math.max(before, steadiness());
    const seconds = (performance.now() - from) / 1000;
    if (spread <= STEADY || attempt > 0 || seconds >= 60)
      return { ...row, steadiness: round(spread), seconds: round(seconds) };
    process.stderr.write(`${name}: the machine was busy (probe spread ${spread.toFixed(2)}), once more\n`);
  }
}

function print(row: Measured): void {
  console.log(
    `\n${row.reached ? "reached" : "MISSED "}  ${row.name}: ${row.ratio.toFixed(3)} (to reach ${row.target})`,
  );
  console.log(`         against ${row.against}`);
  for (const [key, value] of Object.entries(row.details))
    console.log(`         ${key}: ${typeof value === "number" ? round(value) : value}`);
  console.log(`         growth: ${row.growth}`);
  console.log(`         probe spread ${row.steadiness}, ${row.seconds} s`);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
