/** From the folder of an SST app to a running local cloud: platform, synthesis, start. */
import { join, resolve } from "node:path";
import type { Graph } from "./graph/types.ts";
import { type LocalCloud, type RequestedPorts, startLocal } from "./start.ts";
import { synthesise } from "./synth/index.ts";
import { ensurePlatform } from "./synth/platform.ts";
import { installationSeed } from "./synth/seed.ts";

export interface RunOptions {
  appDir: string;
  /** Default `local`. */
  stage?: string;
  /** Default `<appDir>/.sst-local/<stage>`. */
  stateDir?: string;
  fresh?: boolean;
  fast?: boolean;
  watch?: boolean;
  ports?: RequestedPorts;
  redis?: "auto" | "server" | "embedded";
  log?: (message: string) => void;
  /** Stops the start as soon as it may; what had started is stopped. */
  signal?: AbortSignal;
}

export interface RunningApp extends LocalCloud {
  graph: Graph;
  /** Milliseconds that the start took, by step. */
  timings: { synthesis: number; start: number };
}

/** @throws Error that says which step failed and why. */
export async function runApp(options: RunOptions): Promise<RunningApp> {
  const stage = options.stage ?? "local";
  const appDir = resolve(options.appDir);
  const stateDir = resolve(options.stateDir ?? join(appDir, ".sst-local", stage));
  const log = options.log ?? ((message: string) => process.stderr.write(`${message}\n`));
  const from = performance.now();

  await ensurePlatform(appDir, stage, log);
  options.signal?.throwIfAborted();
  const graph = await synthesise({
    appDir,
    stage,
    secretSeed: installationSeed(stateDir),
    ...(options.signal && { signal: options.signal }),
  });
  const synthesised = performance.now();
  options.signal?.throwIfAborted();
  if (graph.unknownTypes.length > 0)
    log(`not known to the synthesis, generic outputs: ${graph.unknownTypes.join(", ")}`);

  const running = await startLocal({
    appDir,
    graph,
    stateDir,
    fresh: options.fresh ?? false,
    fast: options.fast ?? false,
    watch: options.watch ?? false,
    ...(options.ports && { ports: options.ports }),
    ...(options.redis && { redis: options.redis }),
    ...(options.signal && { signal: options.signal }),
    log,
  });
  return {
    ...running,
    graph,
    timings: { synthesis: synthesised - from, start: performance.now() - synthesised },
  };
}
