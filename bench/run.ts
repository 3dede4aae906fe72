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

const rows: (Row & { steadiness: number; seconds: number })[] = [];
for (const [name, run] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  for (let attempt = 0; ; attempt++) {
    const before = steadiness();
    const from = performance.now();
    const row = await run();
    const spread = Math.max(before, steadiness());
    const seconds = (performance.now() - from) / 1000;
    if (spread > STEADY && attempt === 0 && seconds < 60) {
      process.stderr.write(`${name}: the machine was busy (probe spread ${spread.toFixed(2)}), once more\n`);
      continue;
    }
    rows.push({ ...row, steadiness: round(spread), seconds: round(seconds) });
    break;
  }
}

for (const row of rows) {
  console.log(
    `\n${row.reached ? "reached" : "MISSED "}  ${row.name}: ${row.ratio.toFixed(3)} (to reach ${row.target})`,
  );
  console.log(`         against ${row.against}`);
  for (const [key, value] of Object.entries(row.details))
    console.log(`         ${key}: ${typeof value === "number" ? round(value) : value}`);
  console.log(`         growth: ${row.growth}`);
  console.log(`         probe spread ${row.steadiness}, ${row.seconds} s`);
}
mkdirSync(".frontdesk", { recursive: true });
writeFileSync(
  ".frontdesk/bench.json",
  `${JSON.stringify({ at: new Date().toISOString(), node: process.version, rows }, null, 2)}\n`,
);
console.log("\nwritten to .frontdesk/bench.json");
process.exit(0);

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
