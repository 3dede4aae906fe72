/** From a lock file to an archive: install, prune, check, zip. */
import { createHash, randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { foreignBinaries } from "./binaries.ts";
import { archiveFile, type LayerName, layerPackages } from "./contents.ts";
import { install, LayerError } from "./install.ts";
import { prune } from "./prune.ts";
import { filesBelow, zip } from "./zip.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, bytes. */
export const limits = {
  /** Of an archive that is uploaded directly; from a bucket it may be more, which none of ours needs. */
  zipped: 50 * 1024 * 1024,
  /** Of a function together with all of its layers. */
  unzipped: 250 * 1024 * 1024,
};

export interface BuiltLayer {
  layer: LayerName;
  file: string;
  /** SHA-256 of the archive, hex. */
  sha256: string;
  packages: number;
  files: number;
  /** Compiled files, each looked into. */
  binaries: number;
  /** Bytes. */
  unzipped: number;
  zipped: number;
  /** It was built before from the same inputs. */
  cached: boolean;
}

type Log = (line: string) => void;

/** Builds what is not there yet. @throws LayerError */
export async function buildLayer(root: string, layer: LayerName, log: Log): Promise<BuiltLayer> {
  const file = archiveFile(root, layer);
  const described = `${file}.json`;
  if (existsSync(file) && existsSync(described)) {
    const before = JSON.parse(readFileSync(described, "utf8")) as BuiltLayer;
    if (before.sha256 === sha256(readFileSync(file))) return { ...before, file, cached: true };
  }
  const { archive, ...built } = await archiveOf(root, layer, log);
  const whole: BuiltLayer = { layer, file, ...built, cached: false };
  mkdirSync(dirname(file), { recursive: true });
  writeAtomically(file, archive);
  writeAtomically(described, `${JSON.stringify(whole, null, 2)}\n`);
  return whole;
}

/** Builds the archive anew in a clean folder, and keeps nothing. @throws LayerError */
export async function archiveOf(root: string, layer: LayerName, log: Log) {
  const folder = mkdtempSync(join(tmpdir(), `frontdesk-layer-${layer}-`));
  try {
    const packages = layerPackages(root, layer);
    log(`${layer}: installing ${packages.length} packages`);
    await install(root, layer, folder);
    const modules = join(folder, "node_modules");
    prune(modules);
    const files = filesBelow(modules, "nodejs/node_modules");
    const { checked, foreign } = foreignBinaries(files);
    if (foreign.length > 0)
      throw new LayerError(
        `layer ${layer} holds compiled code that Lambda's arm64 cannot run: ${foreign.join("; ")}`,
      );
    const unzipped = [...files.values()].reduce((sum, path) => sum + statSync(path).size, 0);
    log(`${layer}: zipping ${files.size} files, ${megabytes(unzipped)}`);
    const archive = zip(files);
    if (archive.length > limits.zipped || unzipped > limits.unzipped)
      throw new LayerError(
        `layer ${layer} is too large for Lambda: ${megabytes(archive.length)} zipped (at most ${megabytes(limits.zipped)}), ${megabytes(unzipped)} unzipped (at most ${megabytes(limits.unzipped)})`,
      );
    return {
      archive,
      sha256: sha256(archive),
      packages: packages.length,
      files: files.size,
      binaries: checked,
      unzipped,
      zipped: archive.length,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(2)} MB`;
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

function writeAtomically(file: string, content: Buffer | string): void {
  const temporary = `${file}.${randomUUID()}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}
