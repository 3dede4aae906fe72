/** Request bodies: read within API Gateway's limit, handed over as text or base64. */
import type { IncomingMessage } from "node:http";
import { BadRequest } from "./request.ts";

/** HTTP API quota: payload size 10 MB. */
export const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;

/** Rejects with BadRequest 413 beyond the limit, and with a plain error when the client goes away. */
export function readBody(incoming: IncomingMessage, limit = MAX_PAYLOAD_BYTES): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(incoming.headers["content-length"] ?? 0) > limit)
      return reject(new BadRequest(413, "Request Entity Too Large"));
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        incoming.removeAllListeners("data");
        reject(new BadRequest(413, "Request Entity Too Large"));
      } else chunks.push(chunk);
    });
    incoming.once("end", () => resolve(Buffer.concat(chunks, size)));
    incoming.once("error", reject);
    incoming.once("close", () => reject(new Error("the client went away before its body was complete")));
  });
}

/**
 * Only text, JSON, XML and JavaScript reach the function as text; everything else, forms included, and whatever is
 * compressed comes as base64.
 */
export function encodeBody(
  body: Buffer,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): { body?: string; isBase64Encoded: boolean } {
  if (body.length === 0) return { isBase64Encoded: false };
  const media = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  const text =
    media === undefined || media === ""
      ? isText(body)
      : /^text\/|^application\/(json|javascript|xml)$|\+(json|xml)$/.test(media);
  const plain = contentEncoding === undefined || contentEncoding.toLowerCase() === "identity";
  return text && plain
    ? { body: body.toString("utf8"), isBase64Encoded: false }
    : { body: body.toString("base64"), isBase64Encoded: true };
}

function isText(body: Buffer): boolean {
  return Buffer.from(body.toString("utf8")).equals(body);
}
