/**
 * `npm run layers [-- name ...]`: builds Lambda's layers (layers/README.md) to `.frontdesk/layers`; what was built from
 * the same inputs before is kept. `--verify` builds each twice more in clean folders and compares the bytes. `--lock`
 * writes the layers' lock files from the repository's own; `--check` fails when they are out of date.
 */
import { parseArgs } from "node:util";
import { archiveOf, type BuiltLayer, buildLayer, limits, megabytes } from "../layers/build.ts";
import { type LayerName, layerNames } from "../layers/contents.ts";
import { LayerError } from "../layers/install.ts";
import { staleLocks, writeLocks } from "../layers/locks.ts";
import { root } from "./run/root.ts";

const log = (line: string) => process.stderr.write(`${line}\n`);

function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      verify: { type: "boolean", default: false },
      lock: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
    },
  });
  const unknown = positionals.filter((name) => !(layerNames as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new Error(`there is no layer ${unknown.join(", ")}; there are ${layerNames.join(", ")}`);
  const wanted = layerNames.filter((name) => positionals.length === 0 || positionals.includes(name));
  return { ...values, wanted };
}

async function verify(built: BuiltLayer): Promise<void> {
  for (const attempt of ["once more", "and once more"]) {
    log(`${built.layer}: building it ${attempt}`);
    const { sha256 } = await archiveOf(root, built.layer, () => {});
    if (sha256 !== built.sha256)
      throw new LayerError(
        `layer ${built.layer} is not reproducible: the same inputs made ${built.sha256} and ${sha256}`,
      );
  }
}

function table(built: BuiltLayer[]): string {
  const rows = built.map((layer) => [
    layer.layer,
    String(layer.packages),
    String(layer.files),
    String(layer.binaries),
    megabytes(layer.unzipped),
    megabytes(layer.zipped),
    layer.sha256,
    layer.cached ? "as before" : "built",
  ]);
  const head = ["layer", "packages", "files", "arm64 binaries", "unzipped", "zip", "SHA-256", ""];
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

async function build(wanted: readonly LayerName[], twice: boolean): Promise<void> {
  const stale = staleLocks(root);
  if (stale.length > 0) throw new LayerError(stale.join("\n"));
  const built: BuiltLayer[] = [];
  for (const layer of wanted) {
    built.push(await buildLayer(root, layer, log));
    if (twice) for (const one of built.slice(-1)) await verify(one);
  }
  const unzipped = built.reduce((sum, layer) => sum + layer.unzipped, 0);
  process.stdout.write(`${table(built)}\n`);
  process.stdout.write(
    `together ${megabytes(unzipped)} unzipped; a function and its layers may be ${megabytes(limits.unzipped)}${twice ? "; each was built again twice to the same bytes" : ""}\n`,
  );
}

try {
  const { lock, check, verify: twice, wanted } = options();
  if (lock) for (const file of writeLocks(root)) log(`wrote ${file}`);
  else if (check) {
    const stale = staleLocks(root);
    if (stale.length > 0) throw new LayerError(stale.join("\n"));
  } else await build(wanted, twice);
} catch (error) {
  log(error instanceof LayerError ? error.message : String((error as Error).message));
  process.exitCode = 1;
}
