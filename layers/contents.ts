/**
 * What the layers hold: their lock files say it, and everybody asks here (the builder, infra/, tests). Whoever reads
 * says where the repository is, since infra/ runs as a bundle that lies elsewhere.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Lock, lambda, needed, type Platform } from "./lock.ts";

export const layerNames = ["data", "image", "mail"] as const;
export type LayerName = (typeof layerNames)[number];

export interface LayerPackage {
  /** `@scope/name` */
  name: string;
  version: string;
  /** Its folder below `nodejs/`, e.g. `node_modules/ioredis/node_modules/debug`. */
  path: string;
}

/** Every package of a layer on a platform (by default Lambda's), those inside of others too. */
export function layerPackages(root: string, layer: LayerName, platform: Platform = lambda): LayerPackage[] {
  const lock = JSON.parse(read(root, layer, "package-lock.json")) as Lock;
  const names = Object.keys(lock.packages[""]?.dependencies ?? {});
  return [...needed(lock, "", names, platform)].map(([path, { entry }]) => ({
    name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
    version: String(entry.version),
    path,
  }));
}

/** Names that a function with these layers finds there, and so leaves out of its bundle. */
export function namesInLayers(root: string, layers: readonly LayerName[]): string[] {
  const names = layers.flatMap((layer) =>
    layerPackages(root, layer)
      .filter(({ path, name }) => path === `node_modules/${name}`)
      .map(({ name }) => name),
  );
  return [...new Set(names)].toSorted();
}

/** SHA-256 of all that a layer's archive follows from: its packages and the code that builds it. */
export function inputsHash(root: string, layer: LayerName): string {
  const hash = createHash("sha256");
  const add = (name: string, content: string) => hash.update(`${name}\0${content}\0`);
  for (const file of ["package.json", "package-lock.json"]) add(file, read(root, layer, file));
  for (const file of readdirSync(join(root, "layers")).toSorted())
    if (file.endsWith(".ts")) add(file, readFileSync(join(root, "layers", file), "utf8"));
  return hash.digest("hex");
}

/** Where the builder leaves the archive. Other inputs lead to another file, so a stale one is never found. */
export function archiveFile(root: string, layer: LayerName): string {
  return join(root, ".frontdesk", "layers", `${layer}-${inputsHash(root, layer).slice(0, 16)}.zip`);
}

/**
 * What is uploaded: the archive and the SHA-256 of its bytes.
 * @throws Error when what the lock file names now was not built.
 */
export function builtArchive(root: string, layer: LayerName): { file: string; hash: string } {
  const file = archiveFile(root, layer);
  if (!existsSync(file))
    throw new Error(
      `layer ${layer} was not built from what layers/${layer} names now: run "npm run layers", then this again`,
    );
  return { file, hash: createHash("sha256").update(readFileSync(file)).digest("hex") };
}

function read(root: string, layer: LayerName, file: string): string {
  return readFileSync(join(root, "layers", layer, file), "utf8");
}
