/** One process of a function: one invocation at a time, as one execution environment of Lambda. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Clock } from "../cloud/clock.ts";
import { type ErrorSummary, encodeFrame, frameReader, type ProcessFrame } from "./frames.ts";
import type { Keeper } from "./keeper.ts";
import { type MemoryWatch, peakMemory } from "./memory.ts";

export interface ProcessOptions {
  /** Absolute path of the bundle, its folder, and the name of the export. */
  file: string;
  taskRoot: string;
  exportName: string;
  env: Record<string, string>;
  memoryMB: number;
  timeoutSeconds: number;
  /** Folder of V8's compile cache. */
  compileCache: string;
  clock: Clock;
  keeper: Keeper;
  memory: MemoryWatch;
  log(stream: "stdout" | "stderr", line: string, requestId: string): void;
}
export interface Request {
  requestId: string;
  functionArn: string;
  /** X-Ray trace header. */
  trace: string;
  clientContext?: unknown;
  /** JSON text. */
  payload: string;
}
export interface Outcome {
  /** JSON text of the answer, or of the error report. */
  payload: string;
  error?: ErrorSummary;
  durationMs: number;
  /** Bytes. */
  maxMemory: number;
}
export interface FunctionProcess {
  /** Resolves with the milliseconds that the code took to load; rejects with {@link InitError}. */
  readonly ready: Promise<number>;
  /** Never rejects: whatever ends the process is an outcome. */
  invoke(request: Request): Promise<Outcome>;
  /** False once it cannot take another invocation. */
  readonly usable: boolean;
  /** Resolves when the process has ended and all it wrote has been read. */
  readonly ended: Promise<void>;
  /** Lets an idle process end; kills one that does not within a second, or is not idle. */
  stop(): Promise<void>;
}

/** The code did not load. */
export class InitError extends Error {
  readonly report: string;
  readonly summary: ErrorSummary;
  constructor(summary: ErrorSummary, report: string = JSON.stringify({ ...summary, trace: [] })) {
    super(`${summary.errorType}: ${summary.errorMessage}`);
    this.summary = summary;
    this.report = report;
  }
}

/** Lambda gives the initialisation ten seconds, and then again the function's timeout. */
const INIT_MS = 10_000;
/** How long output may still come after a process has ended: what it started may hold the pipes open. */
const DRAIN_MS = 500;

const script = (name: string) => new URL(`./child/${name}`, import.meta.url);
const bootstrap = fileURLToPath(script("bootstrap.mjs"));
const networkHook = fileURLToPath(script("network.cjs"));
const clockHook = fileURLToPath(script("clock.cjs"));

interface Running {
  request: Request;
  started: number;
  finish(outcome: Omit<Outcome, "durationMs" | "maxMemory">): void;
}

export function startProcess(options: ProcessOptions): FunctionProcess {
  const child = spawn(
    process.execPath,
    [
      // As Lambda's own runtime: nine tenths of the memory for JavaScript objects.
      `--max-old-space-size=${Math.floor(options.memoryMB * 0.9)}`,
      "--enable-source-maps",
      "--require",
      networkHook,
      "--require",
      clockHook,
      bootstrap,
      options.file,
      options.exportName,
      options.compileCache,
    ],
    {
      cwd: options.taskRoot,
      env: options.env,
      // A process group of its own, to be killed with all it started, and out of reach of the terminal's Ctrl-C.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
    },
  );
  const input = child.stdio[3] as Writable;
  const output = child.stdio[4] as Readable;
  const limitBytes = options.memoryMB * 1024 * 1024;
  const unfollowClock = options.clock.onMove((offset) => input.write(encodeFrame({ clockMs: offset }, "")));
  if (child.pid !== undefined) options.keeper.add(child.pid);

  let running: Running | undefined;
  let usable = true;
  /** Peak resident bytes, as last seen. */
  let peak = 0;
  let lastRequestId = "";
  /** Why we killed it, if we did. */
  let killedFor: ErrorSummary | undefined;
  let heapExhausted = false;
  const init = Promise.withResolvers<number>();
  init.promise.catch(() => {}); // looked at by whoever takes the process
  const ended = Promise.withResolvers<void>();

  const kill = (reason?: ErrorSummary) => {
    usable = false;
    killedFor ??= reason;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    killGroup(child);
  };
  const outOfMemory = (): ErrorSummary => ({
    errorType: "Runtime.OutOfMemory",
    errorMessage: `RequestId: ${lastRequestId} Error: Runtime exited with error: signal: killed`,
  });
  const notePeak = (reported = 0) => {
    peak = Math.max(peak, reported, (child.pid !== undefined && peakMemory(child.pid)) || 0);
  };
  const { pid } = child;
  const exceeded = (bytes: number) => {
    peak = Math.max(peak, bytes);
    kill(outOfMemory());
  };
  /** Idle processes are not looked at. */
  const watchMemory = () =>
    pid === undefined ? () => {} : options.memory.watch({ pid, limitBytes, exceeded });
  const unwatchInit = watchMemory();
  const initTimer = setTimeout(
    () => {
      kill({
        errorType: "Sandbox.Timedout",
        errorMessage: `the function's code did not load within ${INIT_MS / 1000 + options.timeoutSeconds} seconds`,
      });
    },
    INIT_MS + options.timeoutSeconds * 1000,
  );

  const take = (frame: ProcessFrame, payload: string) => {
    switch (frame.kind) {
      case "ready":
        clearTimeout(initTimer);
        unwatchInit();
        notePeak();
        return init.resolve(frame.initMs);
      case "failed":
        clearTimeout(initTimer);
        usable = false;
        return init.reject(new InitError(frame.error, payload));
      case "log":
        return lines[frame.stream](payload, frame.requestId);
      case "result": {
        if (frame.fatal) usable = false;
        notePeak(frame.rss);
        // The high-water mark decides, not the moment of a look: a killed allocation does not answer on AWS either.
        if (peak > limitBytes) return kill(outOfMemory());
        const { error } = frame;
        const current = running;
        // What the process wrote past its streams (fs.writeSync, native code) is in the pipes before the answer:
        // after this turn of the loop it has been read.
        setImmediate(() => current?.finish({ payload, ...(error && { error }) }));
      }
    }
  };
  const lines = {
    stdout: lineReader((line, requestId) => options.log("stdout", line, requestId)),
    stderr: lineReader((line, requestId) => {
      heapExhausted ||= line.includes("heap out of memory");
      options.log("stderr", line, requestId);
    }),
  };
  output.on("data", frameReader(take));
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.setEncoding("utf8").on("data", (text: string) => lines[name](text, lastRequestId));
  for (const stream of [input, output, child.stdout, child.stderr]) stream?.on("error", () => {}); // `exit` tells

  const onEnd = (code: number | null, signal: NodeJS.Signals | null, failure?: Error) => {
    usable = false;
    clearTimeout(initTimer);
    unwatchInit();
    unfollowClock();
    if (child.pid !== undefined) options.keeper.remove(child.pid);
    lines.stdout("\n", lastRequestId, true);
    lines.stderr("\n", lastRequestId, true);
    const cause = killedFor ?? exitError(lastRequestId, { code, signal, failure, heapExhausted });
    init.reject(new InitError(cause));
    running?.finish({ payload: JSON.stringify({ ...cause, trace: [] }), error: cause });
    ended.resolve();
  };
  child.once("error", (error) => onEnd(null, null, error));
  child.once("exit", () => {
    killGroup(child);
    setTimeout(() => destroyPipes(child), DRAIN_MS).unref();
  });
  child.once("close", onEnd);

  return {
    ready: init.promise,
    ended: ended.promise,
    get usable() {
      return usable && running === undefined;
    },
    invoke(request) {
      lastRequestId = request.requestId;
      const started = performance.now();
      const unwatch = watchMemory();
      return new Promise((resolve) => {
        const cancelTimeout = options.clock.after(options.timeoutSeconds * 1000, () =>
          kill({
            errorType: "Sandbox.Timedout",
            errorMessage: `RequestId: ${request.requestId} Error: Task timed out after ${options.timeoutSeconds.toFixed(2)} seconds`,
          }),
        );
        running = {
          request,
          started,
          finish(outcome) {
            if (running?.request !== request) return;
            running = undefined;
            cancelTimeout();
            unwatch();
            resolve({ ...outcome, durationMs: performance.now() - started, maxMemory: peak });
          },
        };
        const { requestId, functionArn: arn, trace, clientContext } = request;
        const header = { requestId, arn, trace, clientContext, remainingMs: options.timeoutSeconds * 1000 };
        input.write(encodeFrame(header, request.payload));
      });
    },
    async stop() {
      const idle = running === undefined;
      usable = false;
      if (idle) input.end();
      else kill();
      const insist = setTimeout(() => kill(), 1000);
      await ended.promise;
      clearTimeout(insist);
    },
  };
}

/** Cuts text into lines. What has no line feed yet waits for more, until `flush`. */
function lineReader(take: (line: string, requestId: string) => void) {
  let partial = "";
  return (text: string, requestId: string, flush = false) => {
    if (flush && partial === "") return;
    const parts = (partial + text).split("\n");
    partial = parts.pop() ?? "";
    for (const line of parts) take(line, requestId);
  };
}

/** As Lambda words it: `exit status 1`, `signal: segmentation fault`. */
function exitError(
  requestId: string,
  end: { code: number | null; signal: string | null; failure: Error | undefined; heapExhausted: boolean },
): ErrorSummary {
  const signals: Record<string, string> = {
    SIGSEGV: "segmentation fault",
    SIGKILL: "killed",
    SIGABRT: "aborted",
    SIGBUS: "bus error",
    SIGILL: "illegal instruction",
    SIGTERM: "terminated",
  };
  const cause = end.failure
    ? `Runtime did not start: ${end.failure.message}`
    : end.signal
      ? `Runtime exited with error: signal: ${signals[end.signal] ?? end.signal}`
      : end.code
        ? `Runtime exited with error: exit status ${end.code}`
        : "Runtime exited without providing a reason";
  return {
    errorType: end.heapExhausted ? "Runtime.OutOfMemory" : "Runtime.ExitError",
    errorMessage: `RequestId: ${requestId} Error: ${cause}`,
  };
}

/** With all that it started. */
function killGroup({ pid }: ChildProcess) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}

function destroyPipes(child: ChildProcess) {
  for (const stream of child.stdio) stream?.destroy();
}
