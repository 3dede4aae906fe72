import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/**
 * One run a state folder. A lock left by a process that was killed is taken over.
 * @returns Releases the lock.
 * @throws Error naming the process that holds the folder.
 */
export function lockFolder(folder: string): () => void {
  const file = join(folder, LOCK_FILE);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = openSync(file, "wx");
      writeSync(handle, String(process.pid));
      closeSync(handle);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const holder = Number(readFileSync(file, "utf8"));
      if (holder !== process.pid && isAlive(holder))
        throw new Error(
          `${folder} is in use by process ${holder}; stop it, or give this run another state folder`,
        );
      rmSync(file, { force: true });
    }
  }
  throw new Error(`${folder} is being started by another process`);
}

/** Kept while a run holds the folder. */
export const LOCK_FILE = "running.pid";

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
