/**
 * Once for all files of the project: the graph is synthesised, and a system is started that bundles the functions and
 * migrates the database. Each file begins with a copy of what it left behind, a second instead of ten.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { graphOf } from "../../support/graph.ts";
import { startSystem } from "./system.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** File of the graph of stage `local`. */
    graphFile: string;
    /** State folder of a system that has started once and stopped. */
    templateState: string;
  }
}

export async function setup(project: TestProject): Promise<() => void> {
  const { file } = await graphOf("local");
  const folder = mkdtempSync(join(tmpdir(), "frontdesk-e2e-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const template = join(folder, "template");
    const system = await startSystem({ graphFile: file, stateDir: template });
    // S3 and SES try a new notification with messages of their own; the copies have that behind them.
    await system.handled(3);
    await system.stop();
    project.provide("graphFile", file);
    project.provide("templateState", template);
  } catch (error) {
    remove();
    throw error;
  }
  return remove;
}
