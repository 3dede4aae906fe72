/** Takes out of an installed tree what no function ever loads. Licences stay: whoever hands a package on owes them. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Folders at the top of a package. Deeper ones of these names may be code (`lib/docs`). */
const folders = new Set([
  "test",
  "tests",
  "__tests__",
  "doc",
  "docs",
  "example",
  "examples",
  "benchmark",
  "benchmarks",
  "coverage",
  ".github",
  ".vscode",
]);
/** Documents, source maps, types, and what a native package is compiled from. */
const files =
  /\.(?:md|markdown|map|tsbuildinfo|flow|c|cc|cpp|h|hpp|gyp|gypi)$|\.d\.[cm]?ts$|^(?:\.npmignore|\.eslintrc.*|\.prettierrc.*|\.editorconfig|\.travis\.yml|Makefile)$/;
const licence = /^(?:licen[cs]e|copying|notice|third.party)/i;

/** @param folder A `node_modules`. */
export function prune(folder: string): void {
  // npm's own: links to commands, and the tree that it installed.
  for (const name of [".bin", ".package-lock.json"])
    rmSync(join(folder, name), { recursive: true, force: true });
  for (const name of packagesIn(folder)) {
    const path = join(folder, name);
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory() && folders.has(entry.name))
        rmSync(join(path, entry.name), { recursive: true, force: true });
    pruneFiles(path);
    const inner = join(path, "node_modules");
    if (existsSync(inner)) prune(inner);
  }
}

/** Names of the packages of a `node_modules`. */
export function packagesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .flatMap(({ name }) =>
      name.startsWith("@") ? readdirSync(join(folder, name)).map((inner) => `${name}/${inner}`) : [name],
    );
}

function pruneFiles(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name === "node_modules") continue;
      pruneFiles(path);
      if (readdirSync(path).length === 0) rmSync(path, { recursive: true });
    } else if (files.test(entry.name) && !licence.test(entry.name)) rmSync(path);
  }
}
