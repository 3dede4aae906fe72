/**
 * `npm run synth [-- --stage name]`: what sst.config.ts declares for a stage, without AWS. Writes
 * `.frontdesk/graph.json` (readable by its user alone: it holds the stage's passwords) and `sst-env.d.ts`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { ensurePlatform, installationSeed, summarise, synthesise, typesFile } from "@frontdesk/local";
import { root, workFolder } from "./run/root.ts";

const started = performance.now();
try {
  const { values } = parseArgs({ options: { stage: { type: "string", default: "local" } } });
  await ensurePlatform(root, values.stage, (line) => process.stderr.write(`${line}\n`));
  const graph = await synthesise({
    appDir: root,
    stage: values.stage,
    secretSeed: installationSeed(workFolder),
    log: (line) => process.stderr.write(`${line}\n`),
  });
  mkdirSync(workFolder, { recursive: true });
  const file = join(workFolder, "graph.json");
  writeFileSync(file, `${JSON.stringify(graph, null, 2)}\n`, { mode: 0o600 });
  writeFileSync(join(root, "sst-env.d.ts"), typesFile(graph));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    `${summarise(graph)}\n\nwrote ${relative(root, file)} and sst-env.d.ts in ${seconds} s\n`,
  );
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
