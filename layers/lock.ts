/**
 * A layer's lock file is the part of the repository's own that its packages need: one version of a package in the whole
 * repository, and the same tree of folders.
 */
export interface Lock {
  name?: string;
  lockfileVersion: number;
  requires: boolean;
  packages: Record<string, LockEntry>;
}
export interface LockEntry {
  name?: string;
  version?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  [other: string]: unknown;
}
export interface Platform {
  os: string;
  cpu: string;
  libc: string;
}
export interface LayerManifest {
  name: string;
  license?: string;
  dependencies: Record<string, string>;
}

/** Lambda's, on Amazon Linux 2023. */
export const lambda: Platform = { os: "linux", cpu: "arm64", libc: "glibc" };

/** The workspace whose code runs in functions: from there the layer's packages are looked up. */
const workspace = "packages/core";

/** Flags that say what a package is to the repository, not to the layer. */
const ofTheRepository = ["dev", "devOptional", "optional", "peer", "extraneous", "resolved"];

/**
 * What packages need, and whether they could do without it.
 * @param from Folder that asks, `""` for the lock file's own.
 * @param platform Optional packages of other platforms are left out. Undefined: of none.
 * @throws Error when something is missing, or needs another platform.
 */
export function needed(
  lock: Lock,
  from: string,
  names: readonly string[],
  platform?: Platform,
): Map<string, { entry: LockEntry; required: boolean }> {
  const found = new Map<string, { entry: LockEntry; required: boolean }>();
  const visit = (folder: string, name: string, required: boolean) => {
    const path = resolve(lock, folder, name);
    const entry = path === undefined ? undefined : lock.packages[path];
    if (path === undefined || !entry) {
      if (!required) return;
      throw new Error(`${name} is not in the lock file`);
    }
    if (platform && !fits(entry, platform)) {
      if (!required) return;
      throw new Error(`${path} does not run on ${Object.values(platform).join(", ")}`);
    }
    const known = found.get(path);
    if (known && (known.required || !required)) return;
    found.set(path, { entry, required });
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = entry;
    for (const dependency of Object.keys(dependencies))
      visit(path, dependency, required && !(dependency in optionalDependencies));
    for (const dependency of Object.keys(optionalDependencies)) visit(path, dependency, false);
    for (const dependency of Object.keys(peerDependencies))
      if (!entry.peerDependenciesMeta?.[dependency]?.optional) visit(path, dependency, required);
  };
  for (const name of names) visit(from, name, true);
  return found;
}

/**
 * The manifest with the repository's versions, and its lock. npm wants the packages of all platforms in it.
 * @throws Error when the repository has not got a package.
 */
export function layerLock(root: Lock, manifest: LayerManifest): { manifest: LayerManifest; lock: Lock } {
  const names = Object.keys(manifest.dependencies).toSorted();
  for (const name of names)
    if (resolve(root, workspace, name) === undefined)
      throw new Error(
        `${manifest.name}: ${name} is not installed in this repository: add it to ${workspace}/package.json, then run npm install`,
      );
  const packages: Lock["packages"] = {};
  for (const [path, { entry, required }] of [...needed(root, workspace, names)].toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    const place = path.startsWith(`${workspace}/`) ? path.slice(workspace.length + 1) : path;
    if (packages[place])
      throw new Error(
        `${manifest.name}: there are two versions of ${place}: make ${workspace} and its dependencies agree`,
      );
    const kept = Object.fromEntries(Object.entries(entry).filter(([key]) => !ofTheRepository.includes(key)));
    packages[place] = { ...kept, ...(!required && { optional: true }) };
  }
  const dependencies = Object.fromEntries(
    names.map((name) => [name, String(packages[`node_modules/${name}`]?.version)]),
  );
  return {
    manifest: { ...manifest, dependencies },
    lock: {
      name: manifest.name,
      lockfileVersion: 3,
      requires: true,
      packages: { "": { name: manifest.name, license: manifest.license, dependencies }, ...packages },
    },
  };
}

/** Where Node finds `name`, seen from a package: its own `node_modules`, then those around it. */
function resolve(root: Lock, from: string, name: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(at.lastIndexOf("/node_modules/"), 0))) {
    const path = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (root.packages[path]) return path;
    if (at === "") return undefined;
  }
}

function fits({ os, cpu, libc }: LockEntry, platform: Platform): boolean {
  const allows = (list: string[] | undefined, value: string) =>
    list === undefined ||
    (!list.includes(`!${value}`) && (list.includes(value) || list.every((entry) => entry.startsWith("!"))));
  return allows(os, platform.os) && allows(cpu, platform.cpu) && allows(libc, platform.libc);
}
