/**
 * `npm run documents`: writes the documents that follow from the graph, docs/resources.md and docs/unverified.md. With
 * `--check` it writes nothing, and fails for one that is not what it would write now.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { graphsByKind } from "./resources/graphs.ts";
import { renderResources } from "./resources/table.ts";
import { root } from "./run/root.ts";
import { renderUnverified } from "./smoke/document.ts";

const check = process.argv.includes("--check");
const wrong: string[] = [];

function put(name: string, text: string) {
  const file = join(root, name);
  const old = existsSync(file) ? readFileSync(file, "utf8") : undefined;
  if (old === text) return;
  if (check) wrong.push(`${name} is out of date: run npm run documents`);
  else {
    writeFileSync(file, text);
    process.stdout.write(`wrote ${name}\n`);
  }
}

try {
  const graphs = await graphsByKind();
  const resources = renderResources(graphs);
  wrong.push(...resources.wrong.map((line) => `scripts/resources: ${line}`));
  put("docs/resources.md", resources.markdown);
  const unverified = renderUnverified(graphs.configured);
  wrong.push(...unverified.wrong.map((line) => `scripts/smoke/items.ts: ${line}`));
  put("docs/unverified.md", unverified.markdown);
} catch (error) {
  wrong.push((error as Error).message);
}
for (const line of wrong) process.stderr.write(`${line}\n`);
process.exitCode = wrong.length > 0 ? 1 : 0;
