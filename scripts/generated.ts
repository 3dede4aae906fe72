/**
 * `npm run generate`: writes what is generated from the sources and committed. With `--check` it writes nothing, and
 * fails for what is not what it would write now.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { typesFile } from "@frontdesk/local";
import { kinds, renderResources } from "./resources/table.ts";
import { graphOf } from "./run/graphs.ts";
import { root } from "./run/root.ts";
import { renderUnverified } from "./smoke/document.ts";

const check = process.argv.includes("--check");
const wrong: string[] = [];

function put(name: string, text: string) {
  const file = join(root, name);
  const old = existsSync(file) ? readFileSync(file, "utf8") : undefined;
  if (old === text) return;
  if (check) wrong.push(`${name} is out of date: run npm run generate`);
  else {
    writeFileSync(file, text);
    process.stdout.write(`wrote ${relative(root, file)}\n`);
  }
}

try {
  const [production, staging, personal] = await Promise.all([
    graphOf(kinds.production),
    graphOf(kinds.staging),
    graphOf(kinds.personal),
  ]);
  // Links are named alike on every personal stage, `local` (which `npm run synth` writes for) being one.
  put("sst-env.d.ts", typesFile(personal));
  const resources = renderResources({ production, staging, personal });
  wrong.push(...resources.wrong.map((line) => `scripts/resources: ${line}`));
  put("docs/resources.md", resources.markdown);
  const unverified = renderUnverified(production);
  wrong.push(...unverified.wrong.map((line) => `scripts/smoke/items.ts: ${line}`));
  put("docs/unverified.md", unverified.markdown);

  const migrations = spawnSync(process.execPath, [join(root, "scripts/migrations.ts"), "--check"], {
    cwd: root,
    encoding: "utf8",
  });
  if (migrations.status !== 0) wrong.push(migrations.stderr.trim());
} catch (error) {
  wrong.push((error as Error).message);
}
for (const line of wrong) process.stderr.write(`${line}\n`);
process.exitCode = wrong.length > 0 ? 1 : 0;
