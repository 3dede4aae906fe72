/** Frontdesk on the local cloud, as `npm run local`, `npm run demo`, the tests and the benchmarks start it. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RunningApp, type RunOptions, runApp } from "@frontdesk/local";
import { root, workFolder } from "./root.ts";

/** Where the running system is reached; written to `.frontdesk/local.json`. */
export interface Addresses {
  api: string;
  websocket: string;
  /** Stands for the CDN's own name in addresses, which nothing outside the functions resolves. */
  cdn: string;
  smtp: string;
  aws: string;
  postgres: string;
  redis: string;
  pid: number;
}

export async function startFrontdesk(
  options: Omit<RunOptions, "appDir">,
): Promise<{ app: RunningApp; addresses: Addresses }> {
  const app = await runApp({ appDir: root, ...options });
  return { app, addresses: addressesOf(app) };
}

export function addressesOf({ endpoints, cloud }: Pick<RunningApp, "endpoints" | "cloud">): Addresses {
  const need = (value: string | undefined, what: string) => {
    if (value === undefined)
      throw new Error(`the running system has no ${what}: sst.config.ts does not declare it`);
    return value;
  };
  const postgres = Object.values(endpoints.postgres)[0];
  const redis = Object.values(endpoints.redis)[0];
  const gateway = (protocol: "HTTP" | "WEBSOCKET") =>
    cloud.plan.gateways.find((candidate) => candidate.protocol === protocol)?.name ?? "";
  const smtp = Object.values(endpoints.smtp)[0];
  return {
    api: need(endpoints.gateways[gateway("HTTP")], "HTTP API"),
    websocket: need(endpoints.gateways[gateway("WEBSOCKET")], "websocket API"),
    cdn: need(Object.values(endpoints.distributions)[0], "CDN"),
    smtp: need(smtp === undefined ? undefined : `smtp://127.0.0.1:${smtp}`, "mail receiver"),
    aws: endpoints.aws,
    postgres: need(
      postgres && `postgresql://127.0.0.1:${postgres.port}/${postgres.database}?sslmode=require`,
      "database",
    ),
    redis: need(redis && `rediss://127.0.0.1:${redis.port}`, "cache"),
    pid: process.pid,
  };
}

const localFile = join(workFolder, "local.json");
const developerFile = join(workFolder, "developer.json");

/** What `npm run token` needs to act as the developer of the running system. */
export interface Developer {
  credentials: RunningApp["developer"];
  region: string;
  userPoolId: string;
  clientId: string;
  workspaceDomain: string;
  /** An origin that may open sockets. */
  origin: string;
}

export function developerOf({
  developer,
  cloud,
  graph,
}: Pick<RunningApp, "developer" | "cloud" | "graph">): Developer {
  const pool = cloud.plan.userPools[0];
  const client = pool?.clients[0];
  const { workspaceDomain: domain, allowedOrigins } = graph.links.Settings ?? {};
  const origin: unknown = Array.isArray(allowedOrigins) ? allowedOrigins[0] : undefined;
  if (!pool || !client || typeof domain !== "string" || typeof origin !== "string")
    throw new Error("sst.config.ts declares no user pool, no client, or no Settings link");
  return {
    credentials: developer,
    region: pool.region,
    userPoolId: pool.id,
    clientId: client.id,
    workspaceDomain: domain,
    origin,
  };
}

/** What other commands need to find the running system. The developer's keys are readable by their user alone. */
export function publish(app: RunningApp, addresses: Addresses): void {
  mkdirSync(workFolder, { recursive: true });
  writeAtomically(developerFile, developerOf(app), 0o600);
  writeAtomically(localFile, addresses, 0o644);
}
/** Takes the addresses away again, unless another run has written its own since. */
export function unpublish(): void {
  try {
    if ((JSON.parse(readFileSync(localFile, "utf8")) as Addresses).pid !== process.pid) return;
  } catch {
    // Not there, or not readable: nothing that anybody could use.
  }
  rmSync(localFile, { force: true });
  rmSync(developerFile, { force: true });
}
function writeAtomically(file: string, value: unknown, mode: number) {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode });
  renameSync(temporary, file);
}
