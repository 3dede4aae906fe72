import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const hints = {
  aws: "the AWS CLI, version 2: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
  "session-manager-plugin":
    "the AWS CLI's plugin for Session Manager: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html",
  psql: "PostgreSQL's client (Debian: postgresql-client; macOS: brew install libpq); or add --print and connect with another",
};
export type Program = keyof typeof hints;

function isThere(program: string, path: string): boolean {
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}

/** @throws Error that names each program that is missing and where it is got. */
export function requirePrograms(programs: Program[], path = process.env.PATH ?? ""): void {
  const missing = programs.filter((program) => !isThere(program, path));
  if (missing.length === 0) return;
  throw new Error(
    `not on this machine's PATH:\n${missing.map((program) => `  ${program}: ${hints[program]}`).join("\n")}`,
  );
}

/** Runs the AWS CLI. @returns What it printed. @throws Error with what it said on standard error. */
export async function aws(...args: string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("aws", args, { encoding: "utf8" });
    return stdout.trim();
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(stderr?.trim() || message);
  }
}
