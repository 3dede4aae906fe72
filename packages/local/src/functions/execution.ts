/** Runs invocations: concurrency, cold and warm processes, what the terminal and the observer see of them. */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { AwsError } from "../cloud/errors.ts";
import type { Cloud, CredentialStore, InvokeResult } from "../cloud/types.ts";
import type { FunctionSpec } from "../plan/types.ts";
import { BundleError } from "./bundle.ts";
import type { Bundles } from "./bundles.ts";
import { functionEnvironment } from "./environment.ts";
import { createKeeper } from "./keeper.ts";
import { createMemoryWatch } from "./memory.ts";
import { createPool, type Pool } from "./pool.ts";
import { type FunctionProcess, InitError, type Outcome, startProcess } from "./process.ts";
import { invocationTrace, rootOf } from "./trace.ts";

/** Temporary folders of the processes; what a killed run left there is removed at the next start. */
const TMP = "function-tmp";
/** V8's compiled code of the functions. */
export const COMPILE_CACHE = "compile-cache";

export interface ExecutionRequest {
  /** JSON text. */
  payload: string;
  requestId?: string;
  traces?: string[] | undefined;
  clientContext?: unknown;
  /** Gives up waiting for a process; an invocation that has begun goes on. */
  signal?: AbortSignal | undefined;
  /** Collects the log for `LogType: Tail`. */
  tail?: string[];
}
export interface Executor {
  /** @throws AwsError `TooManyRequestsException` when it cannot begin; `ServiceException` when the run stops. */
  run(fn: FunctionSpec, request: ExecutionRequest): Promise<InvokeResult>;
  /** New processes for a function whose code changed. */
  renew(functionName: string): void;
  /** Waits a few seconds for invocations under way, then ends every process. */
  stop(): Promise<void>;
}

/** Of an account and region, as AWS begins (https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html). */
const ACCOUNT_CONCURRENCY = 1000;
/** AWS keeps idle environments for some minutes; how many, it does not say. */
const IDLE_MS = 10 * 60_000;
const SWEEP_MS = 60_000;
const STOP_GRACE_MS = 3000;

interface Runtime {
  fn: FunctionSpec;
  pool: Pool;
  /** Running or waiting for a process. */
  concurrency: number;
}

export function createExecutor(
  cloud: Cloud,
  options: {
    credentials: CredentialStore;
    frontDoorPort: () => number;
    bundles: Bundles;
    /** Processes of one function at the same time; further invocations wait. */
    processes: number;
  },
): Executor {
  const { bundles, credentials } = options;
  const keeper = createKeeper();
  const memory = createMemoryWatch();
  const runtimes = new Map<string, Runtime>();
  const tails = new Map<string, string[]>();
  /** Invocations under way. */
  const active = new Set<Promise<unknown>>();
  const reserved = cloud.plan.functions.reduce((sum, fn) => sum + (fn.reservedConcurrency ?? 0), 0);
  let unreservedConcurrency = 0;
  let processCount = 0;
  let stopped: AwsError | undefined;
  let cancelSweep = () => {};

  const runtime = (fn: FunctionSpec): Runtime => {
    let found = runtimes.get(fn.name);
    if (!found) {
      const limit = Math.min(options.processes, fn.reservedConcurrency ?? Number.POSITIVE_INFINITY);
      const pool = createPool({ limit, now: () => cloud.clock.now(), start: () => start(fn) });
      found = { fn, pool, concurrency: 0 };
      runtimes.set(fn.name, found);
      if (runtimes.size === 1) sweep();
    }
    return found;
  };
  const sweep = () => {
    cancelSweep = cloud.clock.after(SWEEP_MS, () => {
      for (const { pool } of runtimes.values()) pool.expire(cloud.clock.now() - IDLE_MS);
      sweep();
    });
  };

  function start(fn: FunctionSpec): FunctionProcess {
    const bundle = bundles.get(fn.name);
    if (bundle instanceof BundleError) throw bundle; // looked at before a process is asked for
    processCount += 1;
    const tmpDir = cloud.state.folder(TMP, `${fn.name}-${processCount}`);
    const keys = credentials.issue({ kind: "role", roleArn: fn.roleArn, sessionName: fn.name });
    const started = startProcess({
      file: bundle.file,
      taskRoot: bundle.taskRoot,
      exportName: bundle.exportName,
      memoryMB: fn.memoryMB,
      timeoutSeconds: fn.timeoutSeconds,
      compileCache: cloud.state.folder(COMPILE_CACHE),
      clock: cloud.clock,
      keeper,
      memory,
      log: (stream, line, requestId) => log(fn, stream, line, requestId),
      env: functionEnvironment({
        fn,
        app: cloud.plan.app,
        stage: cloud.plan.stage,
        credentials: keys,
        frontDoorPort: options.frontDoorPort(),
        caFile: cloud.ca.file,
        addresses: cloud.addresses.toJSON(),
        clockMs: cloud.clock.offset,
        taskRoot: bundle.taskRoot,
        handler: bundle.handler,
        tmpDir,
        logStream: `${new Date(cloud.clock.now()).toISOString().slice(0, 10).replaceAll("-", "/")}/[$LATEST]${randomUUID().replaceAll("-", "")}`,
      }),
    });
    void started.ended.then(() => {
      credentials.revoke(keys.accessKeyId);
      rmSync(tmpDir, { recursive: true, force: true });
    });
    return started;
  }

  function log(fn: FunctionSpec, stream: "stdout" | "stderr", line: string, requestId: string) {
    tails.get(requestId)?.push(line);
    cloud.observer.record("lambda.log", fn.arn, undefined, { requestId, stream, line });
    cloud.log(`[${fn.name}] ${line}`);
  }

  async function execute(
    { fn, pool }: Runtime,
    request: ExecutionRequest,
    requestId: string,
  ): Promise<Outcome & { initMs?: number }> {
    const begin = () =>
      cloud.observer.record("lambda.start", fn.arn, request.traces?.map(rootOf), { requestId });
    const code = bundles.get(fn.name);
    if (code instanceof BundleError) {
      begin();
      return failure("BundleError", code.message);
    }
    const { process, cold } = await acquire(pool, fn, request.signal);
    begin();
    try {
      const initMs = await process.ready;
      const outcome = await process.invoke({
        requestId,
        functionArn: fn.arn,
        trace: invocationTrace(request.traces, cloud.clock.now()),
        payload: request.payload,
        ...(request.clientContext !== undefined && { clientContext: request.clientContext }),
      });
      // What the end of the run cuts off has not failed: an asynchronous event runs again at the next start.
      if (stopped && outcome.error?.errorType === "Runtime.ExitError") throw stopped;
      return { ...outcome, ...(cold && { initMs }) };
    } catch (error) {
      if (!(error instanceof InitError)) throw error;
      return { payload: error.report, error: error.summary, durationMs: 0, maxMemory: 0 };
    } finally {
      pool.release(process);
    }
  }

  /** Waits for a process as long as the function may run: a caller of Lambda would have been throttled by then. */
  async function acquire(pool: Pool, fn: FunctionSpec, signal: AbortSignal | undefined) {
    const patience = new AbortController();
    const cancel = cloud.clock.after(fn.timeoutSeconds * 1000, () =>
      patience.abort(throttled("ConcurrentInvocationLimitExceeded")),
    );
    try {
      return await pool.acquire(signal ? AbortSignal.any([signal, patience.signal]) : patience.signal);
    } finally {
      cancel();
    }
  }

  async function observed(found: Runtime, request: ExecutionRequest): Promise<InvokeResult> {
    const { fn } = found;
    const requestId = request.requestId ?? randomUUID();
    if (request.tail) tails.set(requestId, request.tail);
    try {
      const outcome = await execute(found, request, requestId);
      const { error, initMs } = outcome;
      if (error) for (const line of describe(outcome)) log(fn, "stderr", line, requestId);
      cloud.observer.record("lambda.end", fn.arn, request.traces?.map(rootOf), {
        requestId,
        durationMs: outcome.durationMs,
        billed: Math.ceil(outcome.durationMs + (initMs ?? 0)),
        ...(initMs !== undefined && { initMs }),
        maxMemoryMB: Math.ceil(outcome.maxMemory / 1024 / 1024),
        ...(error && { error: `${error.errorType}: ${error.errorMessage}` }),
      });
      request.tail?.push(...report(requestId, fn, outcome));
      return {
        payload: outcome.payload,
        durationMs: outcome.durationMs,
        ...(error && { functionError: "Unhandled" as const }),
      };
    } finally {
      tails.delete(requestId);
    }
  }

  rmSync(cloud.state.folder(TMP), { recursive: true, force: true });
  return {
    async run(fn, request) {
      if (stopped) throw stopped;
      // Lambda takes the role on for the function; a role that does not let it in gives no credentials.
      cloud.authoriser.authorise({
        principal: {
          kind: "service",
          service: "lambda.amazonaws.com",
          sourceArn: fn.arn,
          sourceAccount: cloud.plan.accountId,
        },
        action: "sts:AssumeRole",
        resource: fn.roleArn,
      });
      const found = runtime(fn);
      const limited = fn.reservedConcurrency !== undefined;
      if (limited && found.concurrency >= (fn.reservedConcurrency ?? 0))
        throw throttled("ReservedFunctionConcurrentInvocationLimitExceeded");
      if (!limited && unreservedConcurrency >= ACCOUNT_CONCURRENCY - reserved)
        throw throttled("ConcurrentInvocationLimitExceeded");
      found.concurrency += 1;
      if (!limited) unreservedConcurrency += 1;
      const running = observed(found, request).finally(() => {
        active.delete(running);
        found.concurrency -= 1;
        if (!limited) unreservedConcurrency -= 1;
      });
      active.add(running);
      return running;
    },
    renew: (functionName) => runtimes.get(functionName)?.pool.renew(),
    async stop() {
      stopped = new AwsError("ServiceException", "the local run is stopping", 503);
      cancelSweep();
      const grace = AbortSignal.timeout(STOP_GRACE_MS);
      await Promise.race([
        Promise.allSettled(active),
        new Promise<void>((resolve) => grace.addEventListener("abort", () => resolve(), { once: true })),
      ]);
      const reason = stopped;
      await Promise.all([...runtimes.values()].map(({ pool }) => pool.stop(reason)));
      await keeper.stop();
    },
  };
}

function throttled(reason: string): AwsError {
  return new AwsError("TooManyRequestsException", "Rate Exceeded.", 429, { Reason: reason });
}

function failure(errorType: string, errorMessage: string): Outcome {
  const error = { errorType, errorMessage };
  return { payload: JSON.stringify({ ...error, trace: [] }), error, durationMs: 0, maxMemory: 0 };
}

/** What Lambda's runtime writes into the log for an error. */
function describe({ payload, error }: Outcome): string[] {
  const { trace } = JSON.parse(payload) as { trace?: string[] };
  const first = `Invoke Error: ${error?.errorType}: ${error?.errorMessage}`;
  // A stack begins with the message.
  const frames = trace?.slice(trace.findIndex((line) => /^\s+at /.test(line)));
  return [...first.split("\n"), ...(frames?.every((line) => /^\s/.test(line)) ? frames : [])];
}

function report(requestId: string, fn: FunctionSpec, outcome: Outcome & { initMs?: number }): string[] {
  const duration = `${outcome.durationMs.toFixed(2)} ms`;
  const init = outcome.initMs === undefined ? "" : `\tInit Duration: ${outcome.initMs.toFixed(2)} ms`;
  const billed = Math.ceil(outcome.durationMs + (outcome.initMs ?? 0));
  const used = Math.ceil(outcome.maxMemory / 1024 / 1024);
  return [
    `END RequestId: ${requestId}`,
    `REPORT RequestId: ${requestId}\tDuration: ${duration}\tBilled Duration: ${billed} ms\tMemory Size: ${fn.memoryMB} MB\tMax Memory Used: ${used} MB${init}`,
  ];
}
