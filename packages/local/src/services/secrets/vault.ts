import { createHash } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StateFolder } from "../../cloud/types.ts";

/** Records that only the user who runs this may read: secrets and parameters between runs. */
export interface Vault<T> {
  all(): T[];
  write(key: string, value: T): void;
  remove(key: string): void;
}

/** @param name Folder below the state's root; it gets mode 0700 and its files 0600. */
export function openVault<T>(state: StateFolder, name: string): Vault<T> {
  const folder = state.folder(name);
  chmodSync(folder, 0o700);
  // Keys are ARNs, which may be longer than a file's name.
  const path = (key: string) => join(folder, `${createHash("sha256").update(key).digest("hex")}.json`);
  return {
    all: () =>
      readdirSync(folder)
        .filter((file) => file.endsWith(".json"))
        .map((file) => read<T>(join(folder, file))),
    write(key, value) {
      const temporary = `${path(key)}.${process.pid}.tmp`;
      writeFileSync(temporary, JSON.stringify(value), { mode: 0o600 });
      renameSync(temporary, path(key));
    },
    remove: (key) => rmSync(path(key), { force: true }),
  };
}

function read<T>(file: string): T {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch {
    // The parser's own message would quote the content.
    throw new Error(`${file} cannot be read as JSON; start with --fresh to empty the state`);
  }
}
