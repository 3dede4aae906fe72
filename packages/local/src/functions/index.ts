/** Lambda: the app's functions in processes of their own, called by the run's other parts and over Lambda's API. */
import { AwsError } from "../cloud/errors.ts";
import type {
  AwsService,
  Cloud,
  CredentialStore,
  LambdaPort,
  Part,
  Ports,
  Principal,
} from "../cloud/types.ts";
import type { FunctionSpec } from "../plan/types.ts";
import { createApi } from "./api.ts";
import { createAsyncQueue } from "./async-queue.ts";
import { BundleError } from "./bundle.ts";
import { createBundles } from "./bundles.ts";
import { createExecutor, type ExecutionRequest } from "./execution.ts";
import { MAX_ASYNC_BYTES, MAX_SYNC_BYTES, refuseTooLarge } from "./limits.ts";

export interface LambdaOptions {
  /** Root of the SST app; handlers are named relative to it. */
  appDir: string;
  credentials: CredentialStore;
  /** Port of the front door's HTTP listener; asked when a process starts. */
  frontDoorPort: () => number;
  /** Rebuilds functions whose sources change. */
  watch?: boolean;
  /** Processes of one function at the same time; further invocations wait. Default 10. */
  processes?: number;
}
export interface Lambda extends LambdaPort, AwsService, Part {
  start(): Promise<void>;
  /** Builds what has changed. @returns Names of the functions whose code is another now. */
  reload(): Promise<string[]>;
  /** SHA-256 of a function's code, base64; undefined while it does not build. */
  codeHash(functionArn: string): string | undefined;
}

/** What two cores carry; a queue's mapping does not ask for more either. */
export const DEFAULT_PROCESSES = 10;

export function createLambda(cloud: Cloud, ports: Ports, options: LambdaOptions): Lambda {
  const processes = options.processes ?? DEFAULT_PROCESSES;
  const functions = new Map(cloud.plan.functions.map((fn) => [fn.arn, fn]));
  const bundles = createBundles({
    appDir: options.appDir,
    functions: cloud.plan.functions,
    state: cloud.state,
    watch: options.watch ?? false,
    log: cloud.log,
    changed(name) {
      executor.renew(name);
      const state = bundles.get(name);
      const error = state instanceof BundleError ? state.message : undefined;
      if (!error) cloud.log(`function ${name} has been reloaded`);
      cloud.observer.record("local.reload", name, undefined, { ...(error && { error }) });
    },
  });
  const executor = createExecutor(cloud, {
    credentials: options.credentials,
    frontDoorPort: options.frontDoorPort,
    bundles,
    processes,
  });
  const queue = createAsyncQueue(cloud, ports, {
    functions,
    parallel: processes,
    run: (fn, event) =>
      executor.run(fn, { requestId: event.id, payload: event.payload, traces: event.traces }),
  });
  const codeHash = (fn: FunctionSpec) => {
    const bundle = bundles.get(fn.name);
    return bundle instanceof BundleError ? undefined : Buffer.from(bundle.hash, "hex").toString("base64");
  };
  const api = createApi(cloud, {
    invoke: (fn: FunctionSpec, request: ExecutionRequest) => executor.run(fn, request),
    accept: queue.accept,
    codeHash,
  });

  function authorised(principal: Principal, functionArn: string): FunctionSpec {
    cloud.authoriser.authorise({ principal, action: "lambda:InvokeFunction", resource: functionArn });
    const fn = functions.get(functionArn);
    if (!fn)
      throw new AwsError("ResourceNotFoundException", `Function not found: ${functionArn}`, 404, {
        Type: "User",
      });
    return fn;
  }
  /** The port's calls do not pass the front door, so faults strike here. */
  async function withFaults<T>(resource: string, call: () => T | Promise<T>): Promise<T> {
    const point = { service: "lambda", operation: "Invoke", resource };
    await cloud.faults.strike({ ...point, phase: "before" });
    const result = await call();
    await cloud.faults.strike({ ...point, phase: "after" });
    return result;
  }

  return {
    signingNames: ["lambda"],
    handle: (call) => api.handle(call),
    invoke: (principal, functionArn, event, invocation = {}) =>
      withFaults(functionArn, () => {
        const fn = authorised(principal, functionArn);
        const payload = eventText(event, MAX_SYNC_BYTES);
        return executor.run(fn, { payload, traces: invocation.traces, signal: invocation.signal });
      }),
    invokeAsync: (principal, functionArn, event, invocation = {}) =>
      withFaults(functionArn, () => {
        const fn = authorised(principal, functionArn);
        queue.accept(fn, eventText(event, MAX_ASYNC_BYTES), invocation.traces ?? []);
      }),
    codeHash(functionArn) {
      const fn = functions.get(functionArn);
      return fn && codeHash(fn);
    },
    reload: () => bundles.reload(),
    async start() {
      await bundles.start();
      queue.start();
    },
    async stop() {
      await bundles.stop();
      // The queue must know before its invocations are cut off, and has ended when they have.
      const drained = queue.stop();
      await executor.stop();
      await drained;
    },
  };
}

function eventText(event: unknown, limit: number): string {
  const text = JSON.stringify(event) ?? "null";
  refuseTooLarge(Buffer.byteLength(text), limit);
  return text;
}
