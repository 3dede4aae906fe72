/**
 * `npm run synth [-- --stage name]`: what sst.config.ts declares for a stage, without AWS. Writes
 * `.frontdesk/graph.json` (readable by its user alone: it holds the stage's passwords) and `sst-env.d.ts`. With
 * `--check` it writes nothing and fails when `sst-env.d.ts` is out of date.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { ensurePlatform, installationSeed, summarise, synthesise, typesFile } from "@frontdesk/local";
import { root, workFolder } from "./run/root.ts";

const started = performance.now();
try {
  const { values } = parseArgs({
    options: { stage: { type: "string", default: "local" }, check: { type: "boolean", default: false } },
  });
  await ensurePlatform(root, values.stage, (line) => process.stderr.write(`${line}\n`));
  const graph = await synthesise({
    appDir: root,
    stage: values.stage,
    secretSeed: installationSeed(workFolder),
    log: (line) => process.stderr.write(`${line}\n`),
  });
  const types = join(root, "sst-env.d.ts");
  if (values.check) {
    if (readFileSync(types, "utf8") !== typesFile(graph))
      throw new Error("sst-env.d.ts is out of date: run npm run synth");
    process.exit(0);
  }
  mkdirSync(workFolder, { recursive: true });
  const file = join(workFolder, "graph.json");
  writeFileSync(file, `${JSON.stringify(graph, null, 2)}\n`, { mode: 0o600 });
  writeFileSync(types, typesFile(graph));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    `${summarise(graph)}\n\nwrote ${relative(root, file)} and sst-env.d.ts in ${seconds} s\n`,
  );
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
