import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { StateFolder } from "./types.ts";

/** @param root Made if it is missing. */
export function openState(root: string): StateFolder {
  const base = resolve(root);
  mkdirSync(base, { recursive: true });
  return {
    root: base,
    folder(...names) {
      const path = join(base, ...names);
      mkdirSync(path, { recursive: true });
      return path;
    },
    read<T>(name: string, fallback: T): T {
      try {
        return JSON.parse(readFileSync(join(base, `${name}.json`), "utf8")) as T;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return fallback;
        throw new Error(
          `${join(base, `${name}.json`)} cannot be read (${(error as Error).message}); start with --fresh to empty the state`,
        );
      }
    },
    write(name, value) {
      const path = join(base, `${name}.json`);
      mkdirSync(dirname(path), { recursive: true });
      const temporary = `${path}.${process.pid}.tmp`;
      writeFileSync(temporary, JSON.stringify(value));
      renameSync(temporary, path);
    },
  };
}
