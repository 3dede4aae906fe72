/** Headers of an object: what a PUT keeps, what a GET gives back. */
import { isUtf8 } from "node:buffer";
import { AwsError } from "../../cloud/errors.ts";
import type { StoredObject } from "./objects.ts";

type Headers = Record<string, string>;

const kept = [
  "content-type",
  "content-encoding",
  "content-disposition",
  "content-language",
  "cache-control",
  "expires",
  "x-amz-website-redirect-location",
  "x-amz-server-side-encryption",
  "x-amz-server-side-encryption-aws-kms-key-id",
  "x-amz-server-side-encryption-bucket-key-enabled",
];
const METADATA_BYTES = 2048;
const storageClasses = new Set(
  "STANDARD REDUCED_REDUNDANCY STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER DEEP_ARCHIVE GLACIER_IR".split(
    " ",
  ),
);
/** ACLs are off in every bucket made since April 2023; these two say what holds anyway. */
const harmlessAcls = new Set(["private", "bucket-owner-full-control"]);

/** @throws AwsError MetadataTooLarge, InvalidStorageClass, AccessControlListNotSupported, NotImplemented. */
export function metadataOf(
  headers: Headers,
): Pick<StoredObject, "headers" | "metadata"> & Partial<Pick<StoredObject, "storageClass">> {
  const acl = headers["x-amz-acl"];
  if (acl !== undefined && !harmlessAcls.has(acl))
    throw new AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs");
  if (headers["x-amz-server-side-encryption-customer-algorithm"] !== undefined)
    throw new AwsError("NotImplemented", "Keys of customers (SSE-C) are not kept on this machine.", 501);
  const storageClass = headers["x-amz-storage-class"] ?? "STANDARD";
  if (!storageClasses.has(storageClass))
    throw new AwsError("InvalidStorageClass", "The storage class you specified is not valid");

  const own: Headers = { "content-type": "binary/octet-stream" };
  for (const name of kept) {
    const value = headers[name];
    if (value) own[name] = value;
  }
  return {
    headers: own,
    metadata: userMetadata(headers),
    ...(storageClass !== "STANDARD" && { storageClass }),
  };
}

function userMetadata(headers: Headers): Record<string, string> {
  const prefix = "x-amz-meta-";
  const entries = Object.entries(headers)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]): [string, string] => [name.slice(prefix.length), decodeHeader(value)]);
  const size = entries.reduce((sum, [name, value]) => sum + name.length + Buffer.byteLength(value), 0);
  if (size > METADATA_BYTES)
    throw new AwsError(
      "MetadataTooLarge",
      "Your metadata headers exceed the maximum allowed metadata size.",
      400,
      { Size: size, MaxSizeAllowed: METADATA_BYTES },
    );
  // Not by assignment: a name may be __proto__.
  return Object.fromEntries(entries);
}

/** Node reads headers as Latin-1; clients write UTF-8. */
function decodeHeader(value: string): string {
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : value;
}
/** RFC 2047, as S3 gives back what is not ASCII. */
function encodeHeader(value: string): string {
  return /^[\x20-\x7e\t]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value).toString("base64")}?=`;
}

export function objectHeaders(object: StoredObject, withChecksum: boolean, versioned: boolean): Headers {
  const headers: Headers = {
    "x-amz-server-side-encryption": "AES256",
    ...object.headers,
    etag: object.etag,
    "last-modified": new Date(object.modified).toUTCString(),
    "accept-ranges": "bytes",
    ...Object.fromEntries(
      Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, encodeHeader(value)]),
    ),
  };
  const tagCount = Object.keys(object.tags).length;
  if (tagCount > 0) headers["x-amz-tagging-count"] = String(tagCount);
  if (object.storageClass) headers["x-amz-storage-class"] = object.storageClass;
  if (versioned) headers["x-amz-version-id"] = object.versionId;
  return withChecksum ? { ...headers, ...checksumHeaders(object) } : headers;
}

/** Of an answer to a write. */
export function writtenHeaders(object: StoredObject, versioned: boolean): Headers {
  const encryption = Object.entries(object.headers).filter(([name]) =>
    name.startsWith("x-amz-server-side-encryption"),
  );
  return {
    "x-amz-server-side-encryption": "AES256",
    ...Object.fromEntries(encryption),
    etag: object.etag,
    ...(versioned && { "x-amz-version-id": object.versionId }),
    ...checksumHeaders(object),
  };
}
function checksumHeaders({ checksum }: StoredObject): Headers {
  return checksum
    ? {
        [checksum.header]: checksum.value,
        "x-amz-checksum-type": checksum.composite ? "COMPOSITE" : "FULL_OBJECT",
      }
    : {};
}

/** Condition keys that are a request's own headers. */
export function headerContext(headers: Headers): Record<string, string> {
  const context: Record<string, string> = {};
  for (const name of contextHeaders) {
    const value = headers[name];
    if (value !== undefined) context[`s3:${name}`] = value;
  }
  return context;
}
/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys */
const contextHeaders = [
  "x-amz-acl",
  "x-amz-storage-class",
  "x-amz-server-side-encryption",
  "x-amz-server-side-encryption-aws-kms-key-id",
  "x-amz-metadata-directive",
  "x-amz-copy-source",
  "x-amz-content-sha256",
  "if-match",
  "if-none-match",
];

const overrides: Record<string, string> = {
  "response-content-type": "content-type",
  "response-content-disposition": "content-disposition",
  "response-content-encoding": "content-encoding",
  "response-content-language": "content-language",
  "response-cache-control": "cache-control",
  "response-expires": "expires",
};
/** `response-*` parameters of a signed GET. */
export function override(headers: Headers, query: URLSearchParams, anonymous: boolean): void {
  for (const [parameter, name] of Object.entries(overrides)) {
    const value = query.get(parameter);
    if (value === null) continue;
    if (anonymous)
      throw new AwsError(
        "InvalidRequest",
        "Request specific response headers cannot be used for anonymous GET requests.",
      );
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
      throw new AwsError("InvalidArgument", `${parameter} has characters that no header can carry`, 400, {
        ArgumentName: parameter,
      });
    headers[name] = value;
  }
}
