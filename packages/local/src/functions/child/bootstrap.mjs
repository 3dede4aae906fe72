// @ts-check
/**
 * The runtime of one function process: loads the handler, then takes one invocation after another.
 * Plain JavaScript, so that a cold start pays for no type stripping.
 *
 * Arguments: file of the bundle, name of the export, folder of the compile cache.
 * File descriptor 3 brings frames in; file descriptor 4 takes frames out, written synchronously, so that nothing that
 * was logged or answered is lost however the process ends, and logs come before the answer that they belong to.
 * A frame is its length (32 bits, big endian), a JSON header, a line feed and a payload (UTF-8).
 */
import { writeSync } from "node:fs";
import { createRequire, enableCompileCache, flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import { callHandler, errorReport } from "./invocation.mjs";
import { installStreaming } from "./streaming.mjs";

const IN = 3;
const OUT = 4;
/** Of a buffered answer (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
const MAX_ANSWER_BYTES = 6_291_556;

const [file = "", exportName = "", compileCache] = process.argv.splice(2);
const input = new Socket({ fd: IN, readable: true, writable: false });
/** Of the invocation under way, or of the last one: what a process does afterwards still belongs to it. */
let requestId = "";
let running = false;

/** @param {Record<string, unknown>} header @param {string} [payload] */
function send(header, payload = "") {
  const text = `${JSON.stringify(header)}\n${payload}`;
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(4 + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, 4);
  try {
    for (let at = 0; at < frame.length; ) at += writeSync(OUT, frame, at);
  } catch {
    process.exit(1); // nobody reads any more: the parent is gone
  }
}

/** @param {"stdout" | "stderr"} name */
function capture(name) {
  const stream = process[name];
  stream.write = (
    /** @type {any} */ chunk,
    /** @type {any} */ encoding = undefined,
    /** @type {any} */ callback = undefined,
  ) => {
    const text =
      typeof chunk === "string"
        ? chunk
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString();
    send({ kind: "log", stream: name, requestId }, text);
    const done = typeof encoding === "function" ? encoding : callback;
    if (typeof done === "function") process.nextTick(done);
    return true;
  };
}

/** Ends an invocation. @param {{payload?: string, error?: unknown, fatal?: boolean}} outcome */
function answer({ payload = "null", error, fatal = false }) {
  if (!running) return;
  running = false;
  input.ref();
  if (error === undefined && Buffer.byteLength(payload) > MAX_ANSWER_BYTES)
    error = Object.assign(
      new Error(`Response payload size exceeded maximum allowed payload size (${MAX_ANSWER_BYTES} bytes).`),
      { name: "Function.ResponseSizeTooLarge", stack: "" },
    );
  if (error === undefined) send({ kind: "result", requestId, rss: process.memoryUsage.rss() }, payload);
  else {
    const report = errorReport(error);
    const { errorType, errorMessage } = report;
    const header = {
      kind: "result",
      requestId,
      fatal,
      error: { errorType, errorMessage },
      rss: process.memoryUsage.rss(),
    };
    send(header, JSON.stringify(report));
  }
}

/** @param {unknown} error @param {string} type */
function crash(error, type) {
  const cause = errorReport(error);
  const report =
    type === "Runtime.UnhandledPromiseRejection"
      ? { errorType: type, errorMessage: `${cause.errorType}: ${cause.errorMessage}`, trace: cause.trace }
      : cause;
  if (running) answer({ error: report, fatal: true });
  else send({ kind: "log", stream: "stderr", requestId }, `${JSON.stringify(report)}\n`);
  process.exit(type === "Runtime.UnhandledPromiseRejection" ? 128 : 129);
}

/**
 * @param {{requestId: string, arn: string, trace: string, remainingMs: number, clientContext?: unknown}} header
 * @param {string} payload
 */
function invoke(header, payload) {
  requestId = header.requestId;
  running = true;
  process.env._X_AMZN_TRACE_ID = header.trace;
  const deadline = performance.now() + header.remainingMs;
  // A handler with a callback has answered when its event loop is empty: our own channel does not count.
  input.unref();
  callHandler({
    handler,
    event: JSON.parse(payload),
    invocation: { ...header, remaining: () => Math.max(0, Math.round(deadline - performance.now())) },
    answer: (outcome) => {
      if (requestId === header.requestId) answer(outcome);
    },
  });
}

/** @param {(header: any, payload: string) => void} take */
function readFrames(take) {
  /** @type {Buffer[]} */
  let chunks = [];
  let size = 0;
  input.on("data", (chunk) => {
    chunks.push(/** @type {Buffer} */ (chunk));
    size += chunk.length;
    while (size >= 4) {
      const head = chunks[0];
      const length = (head && head.length >= 4 ? head : Buffer.concat(chunks)).readUInt32BE(0);
      if (size < 4 + length) return;
      const all = chunks.length === 1 && head ? head : Buffer.concat(chunks);
      const text = all.toString("utf8", 4, 4 + length);
      chunks = all.length === 4 + length ? [] : [all.subarray(4 + length)];
      size -= 4 + length;
      const feed = text.indexOf("\n");
      take(JSON.parse(text.slice(0, feed)), text.slice(feed + 1));
    }
  });
}

async function load() {
  const module = await import(pathToFileURL(file).href);
  const handler = module[exportName] ?? module.default?.[exportName];
  if (handler === undefined)
    throw Object.assign(new Error(`${process.env._HANDLER} is undefined or not exported`), {
      name: "Runtime.HandlerNotFound",
    });
  if (typeof handler !== "function")
    throw Object.assign(new Error(`${process.env._HANDLER} is not a function`), {
      name: "Runtime.HandlerNotFound",
    });
  return handler;
}

/** Names what kept the code from loading, as Lambda does. @param {any} error */
function loadError(error) {
  const report = errorReport(error);
  const type =
    error?.code === "ERR_MODULE_NOT_FOUND" || error?.code === "MODULE_NOT_FOUND"
      ? "Runtime.ImportModuleError"
      : error instanceof SyntaxError
        ? "Runtime.UserCodeSyntaxError"
        : undefined;
  return type
    ? { ...report, errorType: type, errorMessage: `${report.errorType}: ${report.errorMessage}` }
    : report;
}

// Without a parent there is nobody to work for; its end closes the channel, whatever ended it.
input.on("close", () => process.exit(0));
capture("stdout");
capture("stderr");
installStreaming();
process.on("uncaughtException", (error) => crash(error, "uncaughtException"));
process.on("unhandledRejection", (error) => crash(error, "Runtime.UnhandledPromiseRejection"));
if (compileCache) enableCompileCache(compileCache);

/** @type {Function} */
let handler = () => {};
// Reading begins before the handler loads: a parent that ends meanwhile is noticed.
readFrames((header, payload) => {
  if (typeof header.clockMs === "number") createRequire(import.meta.url)("./clock.cjs").move(header.clockMs);
  else invoke(header, payload);
});

const started = performance.now();
try {
  handler = await load();
  send({ kind: "ready", initMs: performance.now() - started });
  if (compileCache) setImmediate(flushCompileCache);
} catch (error) {
  const report = loadError(error);
  send(
    { kind: "failed", error: { errorType: report.errorType, errorMessage: report.errorMessage } },
    JSON.stringify(report),
  );
  process.exit(1);
}
