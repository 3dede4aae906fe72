/** What a bundle was made from, so that the next start knows whether it still holds without building it. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Size, milliseconds of the last change, SHA-256; null: no such file. */
type FileMark = [size: number, mtimeMs: number, sha256: string] | null;

export interface Manifest {
  /** Changes with the options, the bundler and this file's form. */
  key: string;
  /** SHA-256 of what was made, hex. */
  hash: string;
  /** Every file that was read, by absolute path. */
  files: Record<string, FileMark>;
  /** Names in the folders of the app's own sources: a new file can win over the one that an import led to before. */
  folders: Record<string, string>;
  /** Packages outside the bundle, and a folder from which each is found. */
  packages: Record<string, string>;
}

/** Reads each file once for all functions of one look around. */
export class FileMarks {
  readonly #stats = new Map<string, { size: number; mtimeMs: number } | null>();
  readonly #hashes = new Map<string, string>();
  readonly #folders = new Map<string, string>();

  #stat(path: string) {
    let stat = this.#stats.get(path);
    if (stat === undefined) {
      const found = statSync(path, { throwIfNoEntry: false });
      stat = found ? { size: found.size, mtimeMs: found.mtimeMs } : null;
      this.#stats.set(path, stat);
    }
    return stat;
  }
  #hash(path: string) {
    let hash = this.#hashes.get(path);
    if (hash === undefined) {
      hash = createHash("sha256").update(readFileSync(path)).digest("base64");
      this.#hashes.set(path, hash);
    }
    return hash;
  }

  /** @param builtAt Files that changed since are marked so that they never hold: the bundler may have read either. */
  mark(path: string, builtAt: number): FileMark {
    const stat = this.#stat(path);
    if (!stat) return null;
    return stat.mtimeMs >= builtAt ? [-1, 0, ""] : [stat.size, stat.mtimeMs, this.#hash(path)];
  }
  holds(path: string, mark: FileMark): boolean {
    const stat = this.#stat(path);
    if (!stat || !mark) return stat === mark;
    if (stat.size !== mark[0]) return false;
    // A checkout touches files without changing them.
    return stat.mtimeMs === mark[1] || this.#hash(path) === mark[2];
  }
  folder(path: string): string {
    let names = this.#folders.get(path);
    if (names === undefined) {
      try {
        names = createHash("sha256").update(readdirSync(path).sort().join("\n")).digest("base64");
      } catch {
        names = "";
      }
      this.#folders.set(path, names);
    }
    return names;
  }
}

export function isFresh(manifest: Manifest, key: string, marks: FileMarks): boolean {
  return (
    manifest.key === key &&
    Object.entries(manifest.files).every(([path, mark]) => marks.holds(path, mark)) &&
    Object.entries(manifest.folders).every(([path, names]) => marks.folder(path) === names)
  );
}

/** Folders of the app's own sources, of which a change may matter: packages change by installing them. */
export function ownFolders(files: Iterable<string>): Set<string> {
  const folders = new Set<string>();
  for (const file of files) if (!file.includes("/node_modules/")) folders.add(dirname(file));
  return folders;
}

/**
 * Files that the bundler reads without listing them: `tsconfig.json` and `package.json` from each own source's folder
 * up to the app's root, and what tells that packages were installed.
 */
export function configurationFiles(appDir: string, sources: Iterable<string>): Set<string> {
  const files = new Set(
    ["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"].map((name) =>
      join(appDir, name),
    ),
  );
  const seen = new Set<string>();
  for (const folder of ownFolders(sources))
    for (let at = folder; !seen.has(at); at = dirname(at)) {
      seen.add(at);
      files.add(join(at, "tsconfig.json")).add(join(at, "package.json"));
      if (at === appDir || at === dirname(at)) break;
    }
  return files;
}

/** Every file below a path, or the file itself. */
export function filesBelow(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  if (!stat.isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const child = resolve(path, entry.name);
    // Packages of packages, as pnpm links them: in a circle sometimes.
    if (entry.isSymbolicLink() && statSync(child, { throwIfNoEntry: false })?.isDirectory() !== false)
      return [];
    return entry.isDirectory() ? filesBelow(child) : [child];
  });
}
