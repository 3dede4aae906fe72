/**
 * One synthesis, in a process of its own: Pulumi and SST keep state in globals, and a program may change
 * directory, environment and prototypes. Reads a task from standard input, leaves a result in a file.
 */
import { readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import type { Graph } from "../graph/types.ts";
import { bundleProgram, completeApp, evaluateApp, type Program } from "./bundle.ts";
import { assertComplete } from "./complete.ts";
import { type Declarations, watchDeclarations } from "./declared-in.ts";
import { describe, missingBuilds, SynthesisError } from "./errors.ts";
import { createMocker } from "./mocks/index.ts";
import { refuseNetwork } from "./network-guard.ts";
import { type Pending, watchPending } from "./pending.ts";
import type { ChildResult, ChildTask } from "./protocol.ts";
import { loadPulumi } from "./pulumi.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import { serveRpc } from "./rpc.ts";

const task = JSON.parse(await text(process.stdin)) as ChildTask;

function finish(result: ChildResult): never {
  // Where SST put its archives is of this synthesis alone; SST's own place for them is `.sst`.
  const text = JSON.stringify(result).replaceAll(task.workDir, join(task.appDir, ".sst"));
  writeFileSync(task.resultFile, text, { mode: 0o600 });
  process.exit("error" in result ? 1 : 0);
}
let program: Program | undefined;
let recorder: Recorder | undefined;
const fail = (error: unknown): never =>
  finish({
    error: describe(error, task.appDir, program) + missingBuilds(recorder?.siteBuilds(task.appDir) ?? []),
  });
process.on("unhandledRejection", fail);
process.on("uncaughtException", fail);
// Ctrl-C reaches parent and child alike, and the parent may be gone before it could tidy up.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    rmSync(task.workDir, { recursive: true, force: true });
    process.exit(130);
  });

refuseNetwork();
const { appDir, stage } = task;
const described = await evaluateApp(appDir, stage, task.workDir);
const region = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? task.homeRegion;
const app = completeApp(described, stage, region);
const homeRegion = String(app.providers.aws?.region ?? region);
const platform = realpathSync(join(appDir, ".sst", "platform"));
const { pulumi, struct } = loadPulumi(platform);

const mocker = createMocker({
  app: app.name,
  stage,
  accountId: task.accountId,
  homeRegion,
  secretSeed: task.secretSeed,
  keyDir: task.keyDir,
});
const rpc = await serveRpc({ appDir, workDir: task.workDir, mocker });
process.env.SST_SERVER = rpc.url;
process.env.SST_AWS_REGION = homeRegion;
for (const [name, value] of Object.entries(task.secrets)) process.env[`SST_SECRET_${name}`] = value;

const recording = createRecorder({ project: app.name, stage, region: homeRegion, mocker, struct });
recorder = recording;
await pulumi.runtime.setMocks(recording.mocks, app.name, stage, false);
recording.attach(pulumi.runtime.getMonitor());
pulumi.runtime.setAllConfig(providerConfig(app.providers));

const bundled = await bundleProgram(
  appDir,
  JSON.parse(readFileSync(join(appDir, ".sst", "provider-lock.json"), "utf8")) as {
    alias: string;
    package: string;
  }[],
);
program = bundled;
process.once("exit", () => {
  rmSync(bundled.config, { force: true });
  rmSync(bundled.map, { force: true });
});
Object.assign(globalThis, {
  $app: app,
  $dev: task.dev,
  $cli: {
    // Not "deploy": a program may ask whether what it names must be there to be uploaded.
    command: task.dev ? "dev" : "synth",
    dev: task.dev,
    paths: { home: join(homedir(), ".config", "sst"), root: appDir, work: task.workDir, platform },
    state: { version: {} },
  },
});

let pending: Pending | undefined;
let declarations: Declarations | undefined;
let outputs: unknown;
let settled = false;

// Nothing is left to do, no timer and no connection: what is not settled now never will be.
process.once("beforeExit", async () => {
  const lines = (await pending?.list()) ?? [];
  if (!settled || lines.length > 0)
    fail(
      new SynthesisError(
        `the program waits for itself: outputs depend on each other in a circle, so these are never made:\n  ${lines.length > 0 ? lines.join("\n  ") : "what run() of sst.config.ts awaits"}`,
      ),
    );
  try {
    const graph: Graph = {
      app: app.name,
      stage,
      accountId: task.accountId,
      homeRegion,
      resources: recording.resources((await declarations?.files()) ?? new Map()),
      functions: sorted(rpc.functions),
      links: sorted(recording.links),
      outputs: JSON.parse(JSON.stringify(outputs ?? {})) as Record<string, unknown>,
      unknownTypes: [...recording.unknownTypes].toSorted(),
    };
    assertComplete(graph);
    finish({ graph });
  } catch (error) {
    fail(error);
  }
});

const { run } = (await import(pathToFileURL(bundled.platform).href)) as {
  run(program: () => Promise<unknown>): Promise<Record<string, unknown>>;
};
const { default: config } = (await import(pathToFileURL(bundled.config).href)) as {
  default: { run(): Promise<unknown> };
};
const deadline = setTimeout(async () => {
  const lines = (await pending?.list()) ?? [];
  fail(
    new SynthesisError(
      `the program was not done after ${task.deadlineMs / 1000} s${lines.length > 0 ? `; still waiting:\n  ${lines.join("\n  ")}` : ""}\nraise deadlineMs if it only needs longer`,
    ),
  );
}, task.deadlineMs);
deadline.unref();

void pulumi.runtime
  .runInPulumiStack(async () => {
    pending = watchPending(pulumi);
    declarations = watchDeclarations(pulumi, appDir, bundled);
    const { _protect, ...returned } = await run(() => config.run());
    return returned;
  })
  .then(async (returned) => {
    outputs = returned;
    // Without this the stack's promise comes first and the graph is cut short.
    await pulumi.runtime.waitForRPCs();
    settled = true;
  })
  .catch(fail);

/** `aws:region`, `aws:defaultTags` …, as SST gives them to Pulumi; objects as JSON. */
function providerConfig(providers: Record<string, Record<string, unknown>>): Record<string, string> {
  const config: Record<string, string> = {};
  for (const [provider, settings] of Object.entries(providers))
    for (const [key, value] of Object.entries(settings)) {
      if (key === "version" || value === undefined) continue;
      config[`${provider}:${key}`] = typeof value === "string" ? value : JSON.stringify(value);
    }
  return config;
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
