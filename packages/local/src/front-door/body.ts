/** Bodies of requests: read whole within a limit, or handed on as a stream that ends only when it is what was signed. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type Readable, Transform } from "node:stream";
import { AwsError } from "../cloud/errors.ts";
import { EMPTY_HASH } from "./canonical.ts";
import { ChunkedDecoder, type ChunkSigning } from "./chunked.ts";

/** @throws AwsError RequestEntityTooLarge; the rest of the body is then thrown away by the server. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        request.removeAllListeners("data");
        request.resume();
        reject(tooLarge(limit));
      } else chunks.push(chunk);
    });
    request.on("end", () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.on("error", reject);
    request.on("close", () => {
      if (!request.complete) reject(cutOff());
    });
  });
}

function tooLarge(limit: number): AwsError {
  return new AwsError("RequestEntityTooLarge", `The body is larger than ${limit} bytes.`, 413);
}
function cutOff(): AwsError {
  return new AwsError("IncompleteBody", "The connection was closed before the whole body had come.");
}

/**
 * The body of an S3 request as a stream, without its `aws-chunked` encoding.
 *
 * @param payload `x-amz-content-sha256` of a signed request. Undefined: nothing was said about the body.
 * @param headers Those that the service sees: they are changed to what a client without the encoding would have sent,
 * and get the trailing headers before the stream ends.
 */
export function openBody(
  request: IncomingMessage,
  headers: Record<string, string>,
  payload: string | undefined,
  signing: ChunkSigning | undefined,
): Readable {
  if (payload?.startsWith("STREAMING-")) {
    const trailers = (headers["x-amz-trailer"] ?? "").split(",").map((name) => name.trim().toLowerCase());
    const decodedLength = headers["x-amz-decoded-content-length"];
    undressHeaders(headers, decodedLength);
    return joined(
      request,
      new ChunkedDecoder({
        signing: payload.startsWith("STREAMING-AWS4-HMAC-SHA256-") ? signing : undefined,
        trailers: trailers.filter((name) => name !== ""),
        decodedLength: decodedLength === undefined ? undefined : Number(decodedLength),
        onTrailers: (found) => Object.assign(headers, found),
      }),
    );
  }
  const empty = (headers["content-length"] ?? "0") === "0" && headers["transfer-encoding"] === undefined;
  if (payload === undefined || (empty && payload === EMPTY_HASH) || !/^[0-9a-f]{64}$/.test(payload))
    return request;
  return joined(request, hashCheck(payload));
}

/**
 * Not `pipeline`: that would destroy the request, and its socket with it, when the body is refused or left unread,
 * and the client would see a broken connection in place of the answer.
 */
function joined(from: IncomingMessage, to: Transform): Transform {
  const drain = () => {
    from.unpipe(to);
    from.resume();
  };
  // The reader gets the error from the stream; without a listener one that comes early would end the process.
  to.on("error", drain).on("close", drain);
  from.on("error", (error) => to.destroy(error));
  from.on("close", () => {
    if (!from.complete) to.destroy(cutOff());
  });
  return from.pipe(to);
}

/** Reads what a service left of a body, so that the connection can be used again. */
export function discardBody(body: Readable): void {
  if (body instanceof Transform) body.destroy();
  else body.resume();
}

function hashCheck(expected: string): Transform {
  const hash = createHash("sha256");
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const matches = hash.digest("hex") === expected;
      done(
        matches
          ? null
          : new AwsError(
              "XAmzContentSHA256Mismatch",
              "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ),
      );
    },
  });
}

function undressHeaders(headers: Record<string, string>, decodedLength: string | undefined) {
  if (decodedLength === undefined) delete headers["content-length"];
  else headers["content-length"] = decodedLength;
  const encodings = (headers["content-encoding"] ?? "")
    .split(",")
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== "" && encoding !== "aws-chunked");
  if (encodings.length > 0) headers["content-encoding"] = encodings.join(",");
  else delete headers["content-encoding"];
}
