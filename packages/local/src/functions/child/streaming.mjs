// @ts-check
/**
 * `awslambda.streamifyResponse`, the global by which handlers stream
 * (https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html). Invocations here are buffered, as
 * with `InvokeMode: BUFFERED`: the stream is collected and answered in one piece.
 */
import { Writable } from "node:stream";

const STREAMED = Symbol.for("aws.lambda.runtime.handler.streaming");

/** @typedef {Writable & {prelude?: Record<string, unknown>, setContentType?: (type: string) => void}} ResponseStream */

export function installStreaming() {
  /** @type {any} */ (globalThis).awslambda = {
    /** @param {any} handler @param {object} [options] */
    streamifyResponse(handler, options) {
      handler[STREAMED] = "response";
      if (options) handler[Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark")] = options;
      return handler;
    },
    HttpResponseStream: {
      /** @param {ResponseStream} stream @param {Record<string, unknown>} prelude Status code, headers, cookies. */
      from(stream, prelude) {
        stream.prelude = prelude;
        return stream;
      },
    },
  };
}

/** How to run a handler that streams; undefined for one that does not. @param {any} handler */
export function streamOf(handler) {
  if (handler[STREAMED] !== "response") return undefined;
  return {
    /** @param {unknown} event @param {unknown} context @returns {Promise<string>} */
    async run(event, context) {
      /** @type {Buffer[]} */
      const chunks = [];
      /** @type {ResponseStream} */
      const stream = new Writable({
        write(chunk, _encoding, done) {
          chunks.push(Buffer.from(chunk));
          done();
        },
      });
      /** @type {string | undefined} */
      let contentType;
      stream.setContentType = (type) => {
        contentType = type;
      };
      const finished = new Promise((resolve, reject) =>
        stream.once("close", () => resolve(undefined)).once("error", reject),
      );
      finished.catch(() => {}); // looked at below, and the handler may fail first
      await handler(event, stream, context);
      // The answer is complete when the stream is ended; what the handler returns does not count.
      await finished;
      const body = Buffer.concat(chunks);
      if (!stream.prelude && contentType === undefined) return asText(body);
      const { statusCode = 200, headers, cookies } = /** @type {any} */ (stream.prelude ?? {});
      const text = isText(body);
      return JSON.stringify({
        statusCode,
        headers: { "content-type": contentType ?? "application/octet-stream", ...headers },
        ...(cookies && { cookies }),
        body: text ? body.toString() : body.toString("base64"),
        isBase64Encoded: !text,
      });
    },
  };
}

/** @param {Buffer} body */
const isText = (body) => Buffer.from(body.toString()).equals(body);
/** @param {Buffer} body */
const asText = (body) => (isText(body) ? body.toString() : JSON.stringify(body.toString("base64")));
