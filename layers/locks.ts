/** Keeps the layers' lock files the repository's own (layers/lock.ts). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { layerNames } from "./contents.ts";
import { type LayerManifest, type Lock, layerLock } from "./lock.ts";

/** What each file should hold, by its path below the repository. */
function wanted(root: string): Map<string, string> {
  const whole = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lock;
  const files = new Map<string, string>();
  for (const layer of layerNames) {
    const folder = join("layers", layer);
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as LayerManifest;
    const own = layerLock(whole, manifest);
    files.set(join(folder, "package.json"), `${JSON.stringify(own.manifest, null, 2)}\n`);
    files.set(join(folder, "package-lock.json"), `${JSON.stringify(own.lock, null, 2)}\n`);
  }
  return files;
}

/** @returns The files that were not as they should be. */
export function writeLocks(root: string): string[] {
  const changed = [...wanted(root)].filter(([file, content]) => readIfThere(join(root, file)) !== content);
  for (const [file, content] of changed) writeFileSync(join(root, file), content);
  return changed.map(([file]) => file);
}

/** A line for each file that is out of date. */
export function staleLocks(root: string): string[] {
  return [...wanted(root)]
    .filter(([file, content]) => readIfThere(join(root, file)) !== content)
    .map(
      ([file]) => `${file} is not what package-lock.json holds: run npm run layers -- --lock and commit it`,
    );
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
