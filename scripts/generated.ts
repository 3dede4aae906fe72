/** Fails when a committed file that a script writes is not what the script would write now. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensurePlatform, synthesise, typesFile } from "@frontdesk/local";
import { root } from "./run/root.ts";

const stale: string[] = [];

await ensurePlatform(root, "local", (line) => process.stderr.write(`${line}\n`));
const graph = await synthesise({ appDir: root, stage: "local" });
if (readFileSync(join(root, "sst-env.d.ts"), "utf8") !== typesFile(graph))
  stale.push("sst-env.d.ts is out of date: run npm run synth");

const migrations = spawnSync(process.execPath, [join(root, "scripts/migrations.ts"), "--check"], {
  cwd: root,
  encoding: "utf8",
});
if (migrations.status !== 0) stale.push(migrations.stderr.trim());

for (const line of stale) process.stderr.write(`${line}\n`);
process.exitCode = stale.length > 0 ? 1 : 0;
