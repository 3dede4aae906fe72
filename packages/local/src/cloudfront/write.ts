/** Sends an answer to the viewer: conditions and ranges are settled here, whoever has answered. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { discard } from "./delivery.ts";
import type { Answer, ViewerRequest } from "./http.ts";

/** @returns The status that was sent. */
export async function write(
  request: ViewerRequest,
  response: ServerResponse,
  answer: Answer,
): Promise<number> {
  const { headers } = answer;
  const plain = answer.status === 200 && (request.method === "GET" || request.method === "HEAD");
  if (plain && notModified(request, answer)) {
    for (const name of ["content-length", "content-type", "content-encoding"]) delete headers[name];
    await discard(answer);
    await send(response, 304, headers, undefined);
    return 304;
  }
  const range = plain && request.method === "GET" ? wantedRange(request, answer) : undefined;
  if (range === "unsatisfiable") {
    await discard(answer);
    await send(
      response,
      416,
      { ...headers, "content-range": `bytes */${answer.size ?? 0}` },
      Buffer.alloc(0),
    );
    return 416;
  }
  if (range && answer.size !== undefined) {
    headers["content-range"] = `bytes ${range.start}-${range.end}/${answer.size}`;
    headers["content-length"] = String(range.end - range.start + 1);
    await send(response, 206, headers, readBody(answer, range));
    return 206;
  }
  if (answer.size !== undefined) headers["content-length"] = String(answer.size);
  if (request.method === "HEAD") {
    await discard(answer);
    await send(response, answer.status, headers, undefined);
  } else await send(response, answer.status, headers, readBody(answer));
  return answer.status;
}

async function send(
  response: ServerResponse,
  status: number,
  headers: Answer["headers"],
  body: Buffer | Readable | undefined,
): Promise<void> {
  if (body instanceof Buffer && headers["content-length"] === undefined && status !== 304)
    headers["content-length"] = String(body.length);
  response.writeHead(status, headers);
  if (body instanceof Readable) await pipeline(body, response).catch(() => response.destroy());
  else response.end(body);
}

function readBody(answer: Answer, range?: { start: number; end: number }): Buffer | Readable {
  const { body } = answer;
  if (Buffer.isBuffer(body)) return range ? body.subarray(range.start, range.end + 1) : body;
  if (!(body instanceof Readable)) return body.read(range);
  return range ? Readable.from(sliced(body, range), { objectMode: false }) : body;
}

/** To its end, though nobody asked for the rest: what is cached is the whole, and is so before the last piece goes. */
async function* sliced(source: Readable, { start, end }: { start: number; end: number }) {
  let at = 0;
  let held: Buffer | undefined;
  for await (const chunk of source) {
    const bytes = chunk as Buffer;
    const piece = bytes.subarray(Math.max(0, start - at), Math.max(0, end + 1 - at));
    at += bytes.length;
    if (piece.length === 0) continue;
    if (held) yield held;
    held = piece;
  }
  if (held) yield held;
}

const weak = (etag: string) => etag.trim().replace(/^W\//, "");

/** RFC 9110 section 13. */
function notModified(request: ViewerRequest, { headers }: Answer): boolean {
  const none = request.headers["if-none-match"];
  if (none !== undefined) {
    const etag = headers.etag === undefined ? undefined : weak(String(headers.etag));
    return none.trim() === "*" || none.split(",").some((one) => weak(one) === etag);
  }
  const since = Date.parse(request.headers["if-modified-since"] ?? "");
  const modified = Date.parse(String(headers["last-modified"] ?? ""));
  return modified <= since;
}

/** One range (RFC 9110 section 14); a list of them is answered with the whole. */
function wantedRange(
  request: ViewerRequest,
  { headers, size }: Answer,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range?.trim() ?? "");
  if (!match || size === undefined) return undefined;
  const [, from = "", to = ""] = match;
  const condition = request.headers["if-range"];
  if (condition !== undefined && condition !== headers.etag && condition !== headers["last-modified"])
    return undefined;
  if (from === "" && to === "") return undefined;
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(from);
  const end = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== "" && Number(to) < start) return undefined;
  return start >= size ? "unsatisfiable" : { start, end };
}
