#!/usr/bin/env node
/**
 * `sst-local [folder]`: runs the SST v3 app in a folder on this machine, until Ctrl-C.
 * `sst-local synth [folder]`: writes its graph as JSON to stdout.
 */
import { parseArgs } from "node:util";
import type { Observation } from "./cloud/types.ts";
import { describeOutputs } from "./outputs.ts";
import { runApp } from "./run.ts";
import { synthesise } from "./synth/index.ts";
import { ensurePlatform } from "./synth/platform.ts";

const usage = `usage: sst-local [synth] [folder] [--stage name] [--state folder] [--fresh] [--port aws|smtp|postgres|redis|<api, function or distribution>=number] [--redis auto|server|embedded] [--quiet]`;

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        stage: { type: "string", default: "local" },
        state: { type: "string" },
        fresh: { type: "boolean", default: false },
        port: { type: "string", multiple: true, default: [] },
        redis: { type: "string", default: "auto" },
        quiet: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    return fail(`${(error as Error).message}\n${usage}`);
  }
}

function readPorts(entries: string[]) {
  const known = ["aws", "awsTls", "smtp", "postgres", "redis"] as const;
  const ports: { [name in (typeof known)[number]]?: number } & { gateways: Record<string, number> } = {
    gateways: {},
  };
  for (const entry of entries) {
    const [name = "", value = ""] = entry.split("=");
    const port = Number(value);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      fail(`--port ${entry}: write name=number, with a number from 1 to 65535`);
    const own = known.find((candidate) => candidate === name);
    if (own) ports[own] = port;
    else ports.gateways[name] = port;
  }
  return ports;
}

const { values, positionals } = readArguments();
if (values.help) {
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}
const command = positionals[0] === "synth" ? "synth" : "run";
const appDir = (command === "synth" ? positionals[1] : positionals[0]) ?? ".";
const redis =
  (["auto", "server", "embedded"] as const).find((engine) => engine === values.redis) ??
  fail(`--redis ${values.redis}: write auto, server or embedded`);

try {
  if (command === "synth") {
    await ensurePlatform(appDir, values.stage, (line) => process.stderr.write(`${line}\n`));
    process.stdout.write(`${JSON.stringify(await synthesise({ appDir, stage: values.stage }), null, 2)}\n`);
    process.exit(0);
  }
  await run();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}

async function run() {
  const controller = new AbortController();
  let stop: (() => Promise<void>) | undefined;
  let signals = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) process.exit(130);
      controller.abort(new Error(`stopped by ${signal}`));
      void stop?.().finally(() => process.exit(0));
    });
  const app = await runApp({
    appDir,
    stage: values.stage,
    ...(values.state && { stateDir: values.state }),
    fresh: values.fresh,
    watch: true,
    ports: readPorts(values.port),
    redis,
    signal: controller.signal,
  });
  stop = app.stop;
  if (!values.quiet) app.cloud.observer.on(print);
  const { aws, gateways, functionUrls, distributions, smtp, postgres, redis: caches } = app.endpoints;
  const lines = [
    ["AWS", aws],
    ...Object.entries(gateways),
    ...Object.entries(functionUrls),
    ...Object.entries(distributions),
    ...Object.entries(smtp).map(([region, port]) => [`SMTP ${region}`, `smtp://127.0.0.1:${port}`]),
    ...Object.entries(postgres).map(([id, { port, database }]) => [
      id,
      `postgresql://127.0.0.1:${port}/${database}?sslmode=require`,
    ]),
    ...Object.entries(caches).map(([id, { port }]) => [id, `rediss://127.0.0.1:${port}`]),
  ];
  for (const [name, address] of lines) process.stdout.write(`${String(name).padEnd(24)} ${address}\n`);
  const outputs = describeOutputs(app.graph, app.cloud.plan, app.endpoints);
  if (outputs.length > 0) process.stdout.write("what sst.config.ts returns:\n");
  for (const [name, value] of outputs) process.stdout.write(`  ${name.padEnd(22)} ${value}\n`);
  process.stdout.write("ready; Ctrl-C stops\n");
}

/** What a developer wants to see go by; the rest is for tools. */
function print({ kind, resource, detail }: Observation) {
  const name = resource.slice(Math.max(resource.lastIndexOf(":"), resource.lastIndexOf("/")) + 1);
  if (kind === "lambda.end")
    process.stdout.write(
      `${name}  ${detail.error ? `failed: ${detail.error}` : "ok"}  ${Math.round(Number(detail.durationMs))} ms\n`,
    );
  else if (kind === "iam.denied")
    process.stdout.write(`denied  ${detail.principal ?? ""} ${detail.action} on ${resource}\n`);
  else if (kind === "apigw.request")
    process.stdout.write(`${detail.method} ${detail.path} ${detail.status}\n`);
  else if (kind === "cloudfront.request")
    process.stdout.write(`${detail.method} ${detail.path} ${detail.status} ${detail.cache}\n`);
}
