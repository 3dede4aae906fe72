import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const SEED_FILE = "seed";

/**
 * The secret of one installation, from which its passwords and keys are derived: random, made on first use, and
 * kept in the folder (mode 0600) so that they are the same at the next start.
 */
export function installationSeed(folder: string): string {
  const file = join(folder, SEED_FILE);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  mkdirSync(folder, { recursive: true });
  const seed = randomBytes(32).toString("hex");
  try {
    writeFileSync(file, seed, { mode: 0o600, flag: "wx" });
    return seed;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return readFileSync(file, "utf8");
    throw error;
  }
}
