import * as actor from "@frontdesk/core/actor";
import type { Config } from "@frontdesk/core/config";
import * as log from "@frontdesk/core/log";
import type { Context } from "aws-lambda";

/**
 * Runs a handler that nobody signed in for: a queue's, a schedule's, the deployment's. It sees everything. The
 * configuration is read at the first call: nothing else of a trigger of the user pool takes time to load
 * (docs/decisions/0070-start-of-the-triggers.md).
 */
export async function asSystem<T>(
  name: string,
  { awsRequestId }: Pick<Context, "awsRequestId">,
  work: (settings: Config["Settings"]) => Promise<T>,
): Promise<T> {
  const { config } = await import("@frontdesk/core/config");
  const settings = config("Settings");
  log.configure({ level: settings.logLevel });
  return actor.provide({ actor: { kind: "system", name }, requestId: awsRequestId }, () => work(settings));
}
