import * as actor from "@frontdesk/core/actor";
import { config } from "@frontdesk/core/config";
import * as log from "@frontdesk/core/log";
import type { Context } from "aws-lambda";

/** Runs a handler that nobody signed in for: a queue's, a schedule's, the deployment's. It sees everything. */
export function asSystem<T>(
  name: string,
  { awsRequestId }: Pick<Context, "awsRequestId">,
  work: () => Promise<T>,
): Promise<T> {
  log.configure({ level: config("Settings").logLevel });
  return actor.provide({ actor: { kind: "system", name }, requestId: awsRequestId }, work);
}
