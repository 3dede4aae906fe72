/**
 * `npm run smoke -- --stage production`: after a deployment, asks from outside what nobody has seen on AWS yet
 * (docs/unverified.md) and prints what is left. `--endpoint http://127.0.0.1:…` asks the running `npm run local`
 * instead. Exits with 1 when a check failed, with 2 when it could not begin.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { ensurePlatform, installationSeed, synthesise } from "@frontdesk/local";
import { root, workFolder } from "./run/root.ts";
import type { Addresses, Developer } from "./run/start.ts";
import { tokenFor } from "./run/tokens.ts";
import { createSmoke, type SmokeOptions } from "./smoke/context.ts";
import { fromGraph, fromState } from "./smoke/deployed.ts";
import { report, runSmoke } from "./smoke/run.ts";

const usage = "usage: npm run smoke -- --stage name [--endpoint http://127.0.0.1:port]";

try {
  const { values } = parseArgs({ options: { stage: { type: "string" }, endpoint: { type: "string" } } });
  if (!values.stage) throw new Error(`name the stage\n${usage}`);
  const options = values.endpoint
    ? await onThisMachine(values.stage, values.endpoint)
    : await onAws(values.stage);
  const results = await runSmoke(createSmoke(options));
  process.stdout.write(`${report(results)}\n`);
  process.exitCode = results.some(({ outcome }) => outcome === "failed") ? 1 : 0;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}

/** The app's name, home region and links as its program has them: a state names neither of the first two. */
async function program(stage: string, secretSeed?: string) {
  await ensurePlatform(root, stage, (line) => process.stderr.write(`${line}\n`));
  return synthesise({ appDir: root, stage, ...(secretSeed && { secretSeed }) });
}

async function onAws(stage: string): Promise<SmokeOptions> {
  const { app, homeRegion, links } = await program(stage);
  await haveCredentials(homeRegion);
  const deployed = await fromState({ app, stage, homeRegion });
  return {
    deployed,
    origin: firstOrigin(deployed.links.Settings ?? links.Settings),
    token: process.env.FRONTDESK_TOKEN ?? (await ownToken(deployed)),
  };
}

async function haveCredentials(region: string) {
  const sts = new STSClient({ region });
  try {
    await sts.send(new GetCallerIdentityCommand({}));
  } catch (error) {
    throw new Error(
      `no AWS credentials that work (${(error as Error).message}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, to those that deploy the stage`,
    );
  } finally {
    sts.destroy();
  }
}

/** Personal stages let whoever deploys sign in by password. */
async function ownToken({ resources, links }: SmokeOptions["deployed"]): Promise<string | undefined> {
  const client = resources.find(({ type }) => type === "aws:cognito/userPoolClient:UserPoolClient");
  if (!client || !JSON.stringify(client.outputs.explicitAuthFlows).includes("ADMIN_USER_PASSWORD"))
    return undefined;
  return tokenFor(
    {
      region: client.region,
      userPoolId: String(client.outputs.userPoolId),
      clientId: String(client.outputs.id),
    },
    `smoke@${links.Settings?.workspaceDomain}`,
    "admin",
  );
}

async function onThisMachine(stage: string, endpoint: string): Promise<SmokeOptions> {
  if (!URL.canParse(endpoint) || !["127.0.0.1", "localhost"].includes(new URL(endpoint).hostname))
    throw new Error(`--endpoint ${endpoint}: give the address that \`npm run local\` prints as aws`);
  const addresses = running<Addresses>("local.json");
  const developer = running<Developer>("developer.json");
  if (new URL(addresses.aws).port !== new URL(endpoint).port)
    throw new Error(`nothing of this checkout runs at ${endpoint}; \`npm run local\` is at ${addresses.aws}`);
  const graph = await program(stage, installationSeed(join(workFolder, "state", stage)));
  const token = await tokenFor(
    { ...developer, endpoint: addresses.aws },
    `admin@${developer.workspaceDomain}`,
    "admin",
  );
  const { credentials, origin } = developer;
  return { deployed: fromGraph(graph), local: addresses, credentials, origin, token };
}

function running<T>(name: string): T {
  try {
    return JSON.parse(readFileSync(join(workFolder, name), "utf8")) as T;
  } catch {
    throw new Error("--endpoint asks the running system, and there is none: start `npm run local` first");
  }
}

function firstOrigin(settings: Record<string, unknown> | undefined): string {
  const { allowedOrigins } = settings ?? {};
  const origin: unknown = Array.isArray(allowedOrigins) ? allowedOrigins[0] : undefined;
  if (typeof origin !== "string") throw new Error("the stage's settings name no allowed origin");
  return origin;
}
