/** Headers of an object: what a PUT keeps, what a GET gives back. */
import { AwsError } from "../../cloud/errors.ts";
import type { StoredObject } from "./objects.ts";

const kept = [
  "content-type",
  "content-encoding",
  "content-disposition",
  "content-language",
  "cache-control",
  "expires",
];
const METADATA_BYTES = 2048;

export function metadataOf(headers: Record<string, string>): Pick<StoredObject, "headers" | "metadata"> {
  const metadata: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith("x-amz-meta-")) continue;
    const key = name.slice("x-amz-meta-".length);
    bytes += key.length + Buffer.byteLength(value);
    metadata[key] = value;
  }
  if (bytes > METADATA_BYTES)
    throw new AwsError(
      "MetadataTooLarge",
      "Your metadata headers exceed the maximum allowed metadata size.",
      400,
      { Size: bytes, MaxSizeAllowed: METADATA_BYTES },
    );
  const own: Record<string, string> = {};
  for (const name of kept) {
    const value = headers[name];
    // The transport's own encoding is no property of the object.
    if (value !== undefined)
      own[name] = name === "content-encoding" ? value.replace(/,?\s*aws-chunked\s*,?/i, "").trim() : value;
    if (own[name] === "") delete own[name];
  }
  own["content-type"] ??= "binary/octet-stream";
  return { headers: own, metadata };
}

/** `a=1&b=2` of `x-amz-tagging`. */
export function tagsOfHeader(header: string | undefined): Record<string, string> {
  return header === undefined ? {} : checkTags([...new URLSearchParams(header)]);
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
export function checkTags(pairs: [string, string][]): Record<string, string> {
  if (pairs.length > 10) throw new AwsError("BadRequest", "Object tags cannot be greater than 10", 400);
  const tags: Record<string, string> = {};
  for (const [key, value] of pairs) {
    if (key === "" || key.length > 128 || /^aws:/i.test(key))
      throw new AwsError("InvalidTag", "The TagKey you have provided is invalid", 400);
    if (value.length > 256)
      throw new AwsError("InvalidTag", "The TagValue you have provided is invalid", 400);
    if (key in tags) throw new AwsError("InvalidTag", "Cannot provide multiple Tags with the same key", 400);
    tags[key] = value;
  }
  return tags;
}

export function objectHeaders(
  object: StoredObject,
  withChecksum: boolean,
  versioned: boolean,
): Record<string, string> {
  const headers: Record<string, string> = {
    ...object.headers,
    etag: object.etag,
    "last-modified": new Date(object.modified).toUTCString(),
    "accept-ranges": "bytes",
    "x-amz-server-side-encryption": "AES256",
  };
  for (const [key, value] of Object.entries(object.metadata)) headers[`x-amz-meta-${key}`] = value;
  const tagCount = Object.keys(object.tags).length;
  if (tagCount > 0) headers["x-amz-tagging-count"] = String(tagCount);
  if (object.storageClass) headers["x-amz-storage-class"] = object.storageClass;
  if (versioned) headers["x-amz-version-id"] = object.versionId;
  if (withChecksum && object.checksum) {
    headers[object.checksum.header] = object.checksum.value;
    headers["x-amz-checksum-type"] = object.parts ? "COMPOSITE" : "FULL_OBJECT";
  }
  return headers;
}

const overrides: Record<string, string> = {
  "response-content-type": "content-type",
  "response-content-disposition": "content-disposition",
  "response-content-encoding": "content-encoding",
  "response-content-language": "content-language",
  "response-cache-control": "cache-control",
  "response-expires": "expires",
};
/** `response-*` parameters of a signed GET. */
export function override(headers: Record<string, string>, query: URLSearchParams, anonymous: boolean): void {
  for (const [parameter, name] of Object.entries(overrides)) {
    const value = query.get(parameter);
    if (value === null) continue;
    if (anonymous)
      throw new AwsError(
        "InvalidRequest",
        "Request specific response headers cannot be used for anonymous GET requests.",
        400,
      );
    headers[name] = value;
  }
}
