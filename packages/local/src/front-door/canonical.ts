/**
 * The canonical request of Signature Version 4.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { hash } from "node:crypto";

export interface SignableRequest {
  method: string;
  /** As on the request line, without query. */
  path: string;
  /** As on the request line, without `?`. */
  query: string;
  header(name: string): string | undefined;
}

export const EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const plain = /^[A-Za-z0-9\-._~]*$/;
const plainPath = /^[A-Za-z0-9\-._~/]*$/;

/** @param omit Parameter left out of the query: the signature of a presigned request. */
export function canonicalRequest(
  request: SignableRequest,
  options: { service: string; signedHeaders: string[]; payloadHash: string; omit?: string },
): string {
  const headers = options.signedHeaders
    .map((name) => `${name}:${collapse(request.header(name) ?? "")}\n`)
    .join("");
  return [
    request.method,
    canonicalPath(request.path, options.service),
    canonicalQuery(request.query, options.omit),
    headers,
    options.signedHeaders.join(";"),
    options.payloadHash,
  ].join("\n");
}

export function sha256(data: string | Buffer): string {
  return hash("sha256", data, "hex");
}

/**
 * S3 signs the path encoded once and as it is. The others normalise it, and encode each segment, already
 * encoded on the wire, again.
 */
function canonicalPath(path: string, service: string): string {
  if (path === "") return "/";
  if (service === "s3")
    return plainPath.test(path)
      ? path
      : path
          .split("/")
          .map((part) => encode(decode(part)))
          .join("/");
  const normal = path.includes("//") || path.includes("/.") ? normalise(path) : path;
  return plainPath.test(normal) ? normal : normal.split("/").map(encode).join("/");
}

function normalise(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}${path.endsWith("/") && parts.length > 0 ? "/" : ""}`;
}

function canonicalQuery(query: string, omit: string | undefined): string {
  if (query === "") return "";
  const pairs: [name: string, value: string][] = [];
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (name !== omit) pairs.push([encode(name), encode(decode(equals < 0 ? "" : pair.slice(equals + 1)))]);
  }
  return pairs
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function collapse(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes("  ") ? trimmed.replace(/ +/g, " ") : trimmed;
}

/** RFC 3986: everything but the unreserved characters, upper-case hexadecimal. */
export function encode(text: string): string {
  if (plain.test(text)) return text;
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** What is no valid escape stays as it is: its signature will not match, and no more can be said about it. */
export function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
