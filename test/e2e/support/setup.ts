/**
 * Once for all files of the project: the graph is synthesised, and a system is started that bundles the functions and
 * migrates the database. Each file begins with a copy of what it left behind, a second instead of ten.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** State folder of a system that has started once and stopped. */
    templateState: string;
  }
}

export async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "frontdesk-e2e-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const template = join(folder, "template");
    // In a process of its own: Vite loads this file in a way that leaves no `import.meta.resolve`.
    const script = join(import.meta.dirname, "template.ts");
    await promisify(execFile)(process.execPath, ["--no-warnings", script, template]);
    project.provide("templateState", template);
  } catch (error) {
    remove();
    throw error;
  }
  return remove;
}
