/** The synthesised graph of a stage: made once for the files that it is made from, since it costs some seconds. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ensurePlatform, type Graph, installationSeed, synthesise } from "@frontdesk/local";
import { root, workFolder } from "../../scripts/run/root.ts";

/** Everything that a synthesis reads, besides the packages that the lock file names. */
const inputs = [
  "sst.config.ts",
  "infra",
  "settings",
  "package-lock.json",
  "packages/local/src/synth",
  "packages/local/src/graph",
];

const folder = join(workFolder, "test");

/** @returns The graph, and the file that holds it (readable by its user alone: it holds passwords). */
export async function graphOf(stage: string): Promise<{ graph: Graph; file: string }> {
  const hash = createHash("sha256");
  for (const path of inputs.flatMap((name) => filesBelow(join(root, name))))
    hash.update(relative(root, path)).update("\0").update(readFileSync(path)).update("\0");
  const file = join(folder, `graph-${stage}-${hash.digest("hex").slice(0, 16)}.json`);
  const kept = read(file);
  if (kept) return { graph: kept, file };

  await ensurePlatform(root, stage, (line) => process.stderr.write(`${line}\n`));
  const graph = await synthesise({ appDir: root, stage, secretSeed: installationSeed(folder) });
  for (const name of readdirSync(folder))
    if (name.startsWith(`graph-${stage}-`)) rmSync(join(folder, name), { force: true });
  mkdirSync(folder, { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify(graph), { mode: 0o600 });
  renameSync(temporary, file);
  return { graph, file };
}

function read(file: string): Graph | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Graph;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function filesBelow(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  if (!stat.isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}
