// @ts-check
/** Calls a handler in each of the ways that Lambda's Node.js runtime knows, and describes what it throws. */
import { streamOf } from "./streaming.mjs";

/** @typedef {{payload?: string, error?: unknown}} Outcome */
/**
 * @typedef {object} Invocation
 * @property {string} requestId
 * @property {string} arn
 * @property {unknown} [clientContext]
 * @property {() => number} remaining Milliseconds.
 */

/**
 * @param {{handler: Function, event: unknown, invocation: Invocation, answer: (outcome: Outcome) => void}} call
 */
export function callHandler({ handler, event, invocation, answer }) {
  let answered = false;
  /** @type {(() => void) | undefined} */
  let whenEmpty;
  const onEmpty = () => whenEmpty?.();
  /** @param {Outcome} outcome */
  const finish = (outcome) => {
    if (answered) return;
    answered = true;
    process.removeListener("beforeExit", onEmpty);
    answer(outcome);
  };
  /** @param {unknown} value */
  const succeed = (value) => {
    try {
      finish({ payload: JSON.stringify(value === undefined ? null : value) ?? "null" });
    } catch (error) {
      finish({
        error: Object.assign(new Error("Unable to stringify response body", { cause: error }), {
          name: "Runtime.MarshalError",
        }),
      });
    }
  };
  /** @param {unknown} error */
  const fail = (error) => finish({ error: error ?? new Error("the handler failed without an error") });
  const waiting = { forEmptyLoop: true };
  /** @param {unknown} error @param {unknown} [value] */
  const callback = (error, value) => {
    if (error !== undefined && error !== null) return fail(error);
    if (waiting.forEmptyLoop) whenEmpty = () => succeed(value);
    else succeed(value);
  };
  const context = createContext(invocation, waiting, {
    succeed,
    fail,
    done: (error, value) => (error === undefined || error === null ? succeed(value) : fail(error)),
  });
  // A handler that neither answers nor leaves anything to wait for has answered null.
  whenEmpty = () => succeed(null);
  process.on("beforeExit", onEmpty);

  try {
    const stream = streamOf(handler);
    const result = stream ? stream.run(event, context) : handler(event, context, callback);
    if (typeof result?.then === "function")
      result.then(stream ? (/** @type {string} */ payload) => finish({ payload }) : succeed, fail);
  } catch (error) {
    fail(error);
  }
}

/**
 * https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html
 * @param {Invocation} invocation
 * @param {{forEmptyLoop: boolean}} waiting
 * @param {{succeed: (value: unknown) => void, fail: (error: unknown) => void, done: (error: unknown, value?: unknown) => void}} old
 */
function createContext(invocation, waiting, old) {
  const { env } = process;
  return {
    get callbackWaitsForEmptyEventLoop() {
      return waiting.forEmptyLoop;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waiting.forEmptyLoop = value;
    },
    ...old,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: invocation.clientContext,
    identity: undefined,
    invokedFunctionArn: invocation.arn,
    awsRequestId: invocation.requestId,
    getRemainingTimeInMillis: invocation.remaining,
  };
}

/**
 * `fetch failed` alone does not say what failed, so the trace ends in what Node's own inspection shows. Lambda's has no
 * causes.
 * @param {{cause?: unknown}} error
 * @returns {string[]}
 */
function causes(error) {
  /** @type {string[]} */
  const lines = [];
  // Five: a chain may be a circle.
  for (let { cause } = error; cause instanceof Error && lines.length < 5; { cause } = cause)
    lines.push(`    [cause]: ${cause.name}: ${cause.message.replaceAll("\n", " ")}`);
  return lines;
}

/**
 * What Lambda answers for an error.
 * @param {any} error
 * @returns {{errorType: string, errorMessage: string, trace: string[]}}
 */
export function errorReport(error) {
  try {
    if (error !== null && typeof error === "object" && typeof error.errorType === "string") return error;
    if (error instanceof Error || (error !== null && typeof error === "object" && "stack" in error))
      return {
        errorType: String(error.name ?? "Error"),
        errorMessage: String(error.message ?? ""),
        trace: error.stack ? [...String(error.stack).split("\n"), ...causes(error)] : [],
      };
    return {
      errorType: typeof error,
      errorMessage: typeof error === "object" ? JSON.stringify(error) : String(error),
      trace: [],
    };
  } catch {
    return { errorType: "handled", errorMessage: "the error cannot be described", trace: [] };
  }
}
