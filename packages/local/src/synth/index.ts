import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import type { Graph } from "../graph/types.ts";
import { configFile } from "./bundle.ts";
import { SynthesisError } from "./errors.ts";
import type { ChildResult, ChildTask } from "./protocol.ts";

export { SynthesisError } from "./errors.ts";
export { ensurePlatform } from "./platform.ts";
export { summarise } from "./summary.ts";
export { typesFile } from "./types-file.ts";

export interface SynthesiseOptions {
  /** Folder of the app: where `sst.config.ts` is. `.sst/platform` must be there already: see `ensurePlatform`. */
  appDir: string;
  stage: string;
  /** Evaluates the program as `sst dev` does (`$dev` is true, functions are live). Default: as `sst deploy` does. */
  dev?: boolean;
  /** Twelve digits; made up by default. */
  accountId?: string;
  /** For apps that name no region; default `AWS_REGION` of `env`, else us-east-1, as for SST. */
  homeRegion?: string;
  /** How long the program may take once it is loaded. Default: one minute. */
  deadlineMs?: number;
  /** Environment of the program, instead of this process's. AWS credentials are always left out. */
  env?: Record<string, string | undefined>;
  /** Values for `sst.Secret`s by name; before `SST_SECRET_<Name>` of the environment and of `.env`. */
  secrets?: Record<string, string>;
  /**
   * From where passwords and keys are derived; keep it secret and give the same one for the same installation.
   * Without it they change with every synthesis.
   */
  secretSeed?: string;
  /** What the program prints, line by line. Default: dropped unless it fails. */
  log?: (line: string) => void;
  signal?: AbortSignal;
}

/**
 * Runs the app's own `sst.config.ts` on the real SST platform, with mocks in AWS's place, in a child process.
 * Neither AWS nor any other network is reached.
 *
 * @returns Every resource that the program declares, complete.
 * @throws SynthesisError when the program fails, does not come to an end, or would yield an incomplete graph.
 */
export async function synthesise(options: SynthesiseOptions): Promise<Graph> {
  const appDir = resolve(options.appDir);
  const { stage, deadlineMs = 60_000, accountId = "000011112222" } = options;
  configFile(appDir);
  if (!/^\d{12}$/.test(accountId)) throw new SynthesisError(`"${accountId}" is no account id: twelve digits`);
  if (!existsSync(join(appDir, ".sst", "platform", "version")))
    throw new SynthesisError(
      `${appDir} has no .sst/platform: call ensurePlatform first, or run \`npx sst install\``,
    );

  const environment = { ...(options.env ?? process.env) };
  const workDir = mkdtempSync(join(tmpdir(), "sst-synth-"));
  const task: ChildTask = {
    appDir,
    stage,
    dev: options.dev ?? false,
    accountId,
    homeRegion: options.homeRegion ?? "us-east-1",
    deadlineMs,
    secretSeed: options.secretSeed ?? randomBytes(32).toString("hex"),
    secrets: options.secrets ?? {},
    workDir,
    resultFile: join(workDir, "result.json"),
    keyDir: join(appDir, ".sst", "local-keys"),
  };
  try {
    const output = await runChild(task, childEnvironment(environment, appDir, stage), options);
    let result: ChildResult;
    try {
      result = JSON.parse(readFileSync(task.resultFile, "utf8")) as ChildResult;
    } catch {
      throw new SynthesisError(`the synthesis of ${appDir} ended without a result${quote(output)}`);
    }
    if ("error" in result)
      throw new SynthesisError(
        `${join(appDir, "sst.config.ts")} for stage "${stage}": ${result.error}${quote(output)}`,
      );
    return result.graph;
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** What loading the platform may take on a busy machine, before the program starts. */
const graceMs = 60_000;

/** @returns The last lines that the child printed. */
function runChild(
  task: ChildTask,
  env: Record<string, string>,
  { log, signal }: SynthesiseOptions,
): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ["--no-warnings", "--experimental-strip-types", fileURLToPath(new URL("./child.ts", import.meta.url))],
      { cwd: task.appDir, env, stdio: ["pipe", "pipe", "pipe"] },
    );
    const tail: string[] = [];
    const take = (chunk: string) => {
      for (const line of chunk.split("\n")) {
        if (line.trim() === "") continue;
        log?.(line);
        tail.push(line);
        if (tail.length > 20) tail.shift();
      }
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    // A program that never yields the thread cannot see its own deadline.
    let overdue = false;
    const killer = setTimeout(() => {
      overdue = true;
      child.kill("SIGKILL");
    }, task.deadlineMs + graceMs);
    const abort = () => child.kill("SIGKILL");
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(killer);
      signal?.removeEventListener("abort", abort);
      if (signal?.aborted) reject(signal.reason);
      else if (overdue)
        reject(
          new SynthesisError(
            `the program was still busy ${(task.deadlineMs + graceMs) / 1000} s after its start; is there an endless loop?`,
          ),
        );
      else resolve(tail);
    });
    child.stdin.on("error", () => {});
    child.stdin.end(JSON.stringify(task));
  });
}

/** What SST would give the program, `.env` files included, without anything that leads to AWS. */
function childEnvironment(
  given: Record<string, string | undefined>,
  appDir: string,
  stage: string,
): Record<string, string> {
  const files = [".env", `.env.${stage}`]
    .map((name) => join(appDir, name))
    .filter((file) => existsSync(file));
  const merged = {
    ...Object.assign({}, ...files.map((file) => parseEnv(readFileSync(file, "utf8")))),
    ...given,
  } as Record<string, string | undefined>;
  const environment: Record<string, string> = {};
  for (const [key, value] of Object.entries(merged)) {
    if (value === undefined || key === "NODE_OPTIONS" || key.startsWith("PULUMI_")) continue;
    if (key.startsWith("AWS_") && !["AWS_REGION", "AWS_DEFAULT_REGION"].includes(key)) continue;
    if (key.startsWith("SST_") && !key.startsWith("SST_SECRET_")) continue;
    environment[key] = value;
  }
  // An SDK that looks for credentials must not find this machine's.
  return {
    ...environment,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_CONFIG_FILE: "/dev/null",
    // Pulumi's SDK is some two thousand files; compiled code is kept beside them (a second less at each start).
    NODE_COMPILE_CACHE: join(appDir, ".sst", "platform", ".compile-cache"),
    SST_TELEMETRY_DISABLED: "1",
    // Cloudflare's components ask for an account before anything could say that they do not run here.
    CLOUDFLARE_DEFAULT_ACCOUNT_ID: "local",
  };
}

function quote(lines: string[]): string {
  return lines.length > 0 ? `\nIt printed last:\n  ${lines.join("\n  ")}` : "";
}
