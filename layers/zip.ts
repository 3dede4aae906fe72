/** The same files make the same bytes, on every machine: sorted, one time, one mode, and a compressor in JavaScript. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Zippable, zipSync } from "fflate";

/** Native zlib compresses differently from one processor to the next; fflate does not. Level 6 is zlib's default. */
const level = 6;
/** The format's first day. ZIP knows local time only, so it is local midnight wherever this runs. */
const time = () => new Date(1980, 0, 1);
const UNIX = 3;
const regularFile = 0o100644;

/** @param files Paths by their names in the archive. */
export function zip(files: Map<string, string>): Buffer {
  const entries: Zippable = {};
  const options = { level, mtime: time(), os: UNIX, attrs: (regularFile << 16) >>> 0 } as const;
  for (const [name, path] of [...files].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    entries[name] = [readFileSync(path), options];
  return Buffer.from(zipSync(entries));
}

/** Files below a folder by their names in the archive. */
export function filesBelow(folder: string, prefix: string): Map<string, string> {
  const files = new Map<string, string>();
  const walk = (path: string, name: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isSymbolicLink())
        throw new Error(`${child} is a link, which a layer cannot hold: install it as a package`);
      if (entry.isDirectory()) walk(child, `${name}/${entry.name}`);
      else files.set(`${name}/${entry.name}`, child);
    }
  };
  walk(folder, prefix);
  return files;
}
