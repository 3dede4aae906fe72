/**
 * CloudFront Functions, in a context of Node's `vm` that holds the language and what runtime 2.0 adds to it, no more: no
 * network, no timers, no `process`, no `eval`. It keeps mistakes in, not attackers: the code is the app's own. A call is
 * stopped after a second, whatever it does.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
 */
import { createHash, createHmac } from "node:crypto";
import { createContext, Script } from "node:vm";
import type { EdgeFunctionSpec, KeyValueStoreSpec } from "../plan/cdn-types.ts";
import { prelude } from "./edge-runtime.ts";

const LONGEST_MS = 1000;

/** https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html */
export interface EdgeEvent {
  version: "1.0";
  context: {
    distributionDomainName: string;
    distributionId: string;
    eventType: "viewer-request" | "viewer-response";
    requestId: string;
  };
  viewer: { ip: string };
  request: EdgeRequest;
  response?: EdgeResponse;
}
export interface EdgeValue {
  value: string;
  attributes?: string;
  multiValue?: { value: string; attributes?: string }[];
}
export interface EdgeRequest {
  method: string;
  uri: string;
  querystring: Record<string, EdgeValue>;
  headers: Record<string, EdgeValue>;
  cookies: Record<string, EdgeValue>;
}
export interface EdgeResponse {
  statusCode: number;
  statusDescription?: string;
  headers?: Record<string, EdgeValue>;
  cookies?: Record<string, EdgeValue>;
  body?: string | { encoding: "text" | "base64"; data: string };
}
/** What `cf.updateRequestOrigin` and `cf.selectRequestOriginById` were called with, the last of them. */
export interface OriginChange {
  select?: string;
  update?: {
    domainName?: string;
    originPath?: string;
    customHeaders?: Record<string, string>;
    customOriginConfig?: { port?: number; protocol?: "http" | "https" };
    originAccessControlConfig?: { enabled: boolean; signingBehavior?: string; originType?: string };
    timeouts?: { readTimeout?: number };
  };
}
export interface EdgeOutcome {
  /** What the handler returned. */
  result: unknown;
  origin?: OriginChange;
}

export interface EdgeFunction {
  /** @throws Error of the function, or that it took too long. */
  run(event: EdgeEvent): EdgeOutcome;
}

/**
 * @param log Lines that it logs.
 * @throws Error when its code cannot be read.
 */
export function createEdgeFunction(
  spec: EdgeFunctionSpec,
  stores: readonly KeyValueStoreSpec[],
  log: (line: string) => void,
): EdgeFunction {
  const entries = stores.find(({ arn }) => arn === spec.keyValueStoreArn)?.entries;
  const calls: Record<string, (...args: string[]) => unknown> = {
    log: (line = "") => log(line),
    has: () => entries !== undefined,
    get: (key = "") => (entries && Object.hasOwn(entries, key) ? entries[key] : null),
    count: () => Object.keys(entries ?? {}).length,
    hash: (algorithm = "", text = "", encoding = "") =>
      createHash(algorithm)
        .update(text)
        .digest(encoding as "hex"),
    hmac: (algorithm = "", key = "", text = "", encoding = "") =>
      createHmac(algorithm, key)
        .update(text)
        .digest(encoding as "hex"),
    recode: (text = "", from = "", to = "") =>
      Buffer.from(text, from as BufferEncoding).toString(to as BufferEncoding),
  };
  // No prototype, and texts alone cross: nothing inside leads to this process's own objects.
  const inside = Object.assign(Object.create(null) as Record<string, unknown>, {
    host(name: string, args: string): string {
      try {
        return JSON.stringify({ value: calls[name]?.(...(JSON.parse(args) as string[])) ?? null });
      } catch (error) {
        return JSON.stringify({ error: (error as Error).message });
      }
    },
  });
  const context = createContext(inside, {
    name: spec.name,
    codeGeneration: { strings: false, wasm: false },
    microtaskMode: "afterEvaluate",
  });
  const evaluate = (code: string) =>
    new Script(code, { filename: `${spec.name}.js` }).runInContext(context, { timeout: LONGEST_MS });
  evaluate(prelude);
  evaluate(asScript(spec.code));
  const call = new Script("__call(handler)");

  return {
    run(event) {
      inside.__event = JSON.stringify(event);
      inside.__outcome = undefined;
      call.runInContext(context, { timeout: LONGEST_MS });
      const outcome = inside.__outcome;
      if (typeof outcome !== "string") throw new Error("it has not come to an end");
      const { error, ...rest } = JSON.parse(outcome) as EdgeOutcome & { error?: string };
      if (error !== undefined) throw new Error(error);
      return rest;
    },
  };
}

/** Its imports, the only thing of a module that it may have, as constants. */
function asScript(code: string): string {
  return code.replace(
    /^[ \t]*import\s+(?:\*\s+as\s+)?(\w+)?(?:\s*,\s*)?(\{[^}]*\})?\s+from\s+["']([\w:-]+)["'];?/gm,
    (_, whole: string | undefined, named: string | undefined, module: string) =>
      [whole, named?.replace(/\s+as\s+/g, ": ")]
        .flatMap((names) =>
          names === undefined ? [] : `const ${names} = require(${JSON.stringify(module)});`,
        )
        .join(" "),
  );
}
