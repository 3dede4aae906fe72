/** Once for all files of a project: the Postgres server in which each file makes databases of its own. */
import { startTestServer } from "@frontdesk/local/postgres/testing";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Superuser's connection string of the server that all files share. */
    postgresUrl: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestServer();
  project.provide("postgresUrl", server.adminUrl);
  return () => server.stop();
}
