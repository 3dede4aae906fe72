/** https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/ServingCompressedFiles.html */
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Headers } from "./http.ts";
import { joined } from "./response-headers.ts";

const [SMALLEST, LARGEST] = [1000, 10_000_000];

/** Types that CloudFront compresses: text in all its forms, and what is of text though it is not called so. */
const types =
  /^(text\/(?!event-stream)[\w.+-]+|application\/(javascript|x-javascript|json|xml|wasm|manifest\+json|vnd\.ms-fontobject|x-font-(ttf|otf|opentype|truetype)|opentype|otf|ttf|truetype|graphql|x-yaml|[\w.-]+\+(json|xml))|font\/(eot|opentype|otf|ttf)|image\/(svg\+xml|x-icon|bmp|vnd\.microsoft\.icon))$/;

/**
 * Compresses an answer that CloudFront would, and changes its headers.
 * @param encodings That the viewer takes, the best first.
 * @returns undefined: it stays as it is.
 */
export async function compressed(
  answer: { status: number; headers: Headers; size: number | undefined; body: Readable },
  encodings: readonly ("br" | "gzip")[],
): Promise<Buffer | undefined> {
  const { status, headers, size, body } = answer;
  const [encoding] = encodings;
  const type =
    String(headers["content-type"] ?? "")
      .split(";", 1)[0]
      ?.trim()
      .toLowerCase() ?? "";
  if (!encoding || status !== 200 || size === undefined || size < SMALLEST || size > LARGEST)
    return undefined;
  if (headers["content-encoding"] !== undefined || !types.test(type)) return undefined;
  if (/no-transform/i.test(String(headers["cache-control"] ?? ""))) return undefined;
  const whole = Buffer.concat(await body.toArray());
  // Less than was announced is passed on as it is, to be noticed.
  if (whole.length !== size) return whole;
  const bytes =
    encoding === "br"
      ? await promisify(brotliCompress)(whole, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })
      : await promisify(gzip)(whole);
  headers["content-encoding"] = encoding;
  headers.vary = joined(headers.vary, "Accept-Encoding");
  const { etag } = headers;
  if (typeof etag === "string" && !etag.startsWith("W/")) headers.etag = `W/${etag}`;
  return bytes;
}
