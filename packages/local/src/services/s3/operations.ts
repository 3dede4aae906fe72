/** The operations on objects. */
import { closeSync, openSync, readSync } from "node:fs";
import { AwsError } from "../../cloud/errors.ts";
import type { AwsAnswer, AwsCall } from "../../cloud/types.ts";
import { escapeXml } from "../../front-door/xml.ts";
import type { Bucket, Doer } from "./bucket.ts";
import { checkRead, checkWrite, readRange } from "./conditions.ts";
import { headerContext, metadataOf, objectHeaders, override, writtenHeaders } from "./metadata.ts";
import { checksumElement } from "./multipart.ts";
import type { StoredObject } from "./objects.ts";
import { existingTagContext, requestTagContext, taggingXml, tagsOfHeader, tagsOfXml } from "./tagging.ts";
import { document, malformedXml, parseXml } from "./xml.ts";

export interface ObjectCall {
  call: AwsCall;
  bucket: Bucket;
  key: string;
  doer: Doer;
  /** Finds the bucket of `x-amz-copy-source`. */
  bucketNamed(name: string): Bucket;
  now(): number;
}

/** Up to this many bytes a body is read at once: a stream costs more than the reading. */
const SMALL_BYTES = 64 * 1024;

/**
 * The object, by version if one is asked for.
 * @param mayList Throws when the caller may not list the bucket, and so must not learn which keys are there.
 * @throws AwsError NoSuchKey, NoSuchVersion, MethodNotAllowed for delete markers.
 */
export function findObject(
  bucket: Bucket,
  key: string,
  versionId: string | null,
  mayList: () => void,
): StoredObject {
  if (versionId === null) {
    const object = bucket.store.current(key);
    if (object) return object;
    mayList();
    throw new AwsError("NoSuchKey", "The specified key does not exist.", 404, { Key: key });
  }
  const version = bucket.store.versions(key).find((one) => one.versionId === versionId);
  if (!version) {
    mayList();
    throw new AwsError("NoSuchVersion", "The specified version does not exist.", 404, {
      Key: key,
      VersionId: versionId,
    });
  }
  if (version.deleteMarker)
    throw new AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405);
  return version;
}
export function find({ call, bucket, key }: ObjectCall, versionId: string | null): StoredObject {
  return findObject(bucket, key, versionId, () => call.authorise("s3:ListBucket", bucket.spec.arn));
}
/** Tags of the object that a call is about, for conditions on them; before it is known whether the caller may see it. */
export function tagsBefore({ bucket, key }: Pick<ObjectCall, "bucket" | "key">, versionId: string | null) {
  const versions = bucket.store.versions(key);
  const object = versionId === null ? versions[0] : versions.find((one) => one.versionId === versionId);
  return existingTagContext(object?.tags);
}

export function getObject(operation: ObjectCall): AwsAnswer {
  const { call, bucket, key } = operation;
  const { query, headers, method } = call.http;
  const versionId = query.get("versionId");
  call.authorise(
    versionId === null ? "s3:GetObject" : "s3:GetObjectVersion",
    bucket.arn(key),
    tagsBefore(operation, versionId),
  );
  const object = find(operation, versionId);
  const partNumber = query.get("partNumber");
  const partial = headers.range !== undefined || partNumber !== null;
  // A checksum is the whole object's: with a part of it, clients would find it wrong.
  const withChecksum = !partial && headers["x-amz-checksum-mode"]?.toUpperCase() === "ENABLED";
  const head = objectHeaders(object, withChecksum, bucket.spec.versioning);
  if (checkRead(object, (name) => headers[name]))
    return { status: 304, headers: { etag: object.etag, "last-modified": head["last-modified"] ?? "" } };
  override(head, query, call.principal.kind === "anonymous");
  const range =
    partNumber === null ? readRange(headers.range, object.size) : partRange(object, Number(partNumber));
  const length = range ? range.end - range.start + 1 : object.size;
  head["content-length"] = String(length);
  if (partNumber !== null && object.parts) head["x-amz-mp-parts-count"] = String(object.parts.length);
  if (range) head["content-range"] = `bytes ${range.start}-${range.end}/${object.size}`;
  const status = range ? 206 : 200;
  if (method === "HEAD" || length === 0 || !object.file)
    return { status, headers: head, body: Buffer.alloc(0) };
  const body =
    length <= SMALL_BYTES
      ? readSmall(bucket.store.path(object.file), range?.start ?? 0, length)
      : bucket.store.read(object.file, range);
  return { status, headers: head, body };
}

function readSmall(path: string, start: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  const descriptor = openSync(path, "r");
  try {
    for (let at = 0; at < length; ) {
      const read = readSync(descriptor, bytes, at, length - at, start + at);
      if (read === 0) throw new Error(`${path} is shorter than the object it holds`);
      at += read;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/** An object that was put at once has one part. */
function partRange(object: StoredObject, number: number): { start: number; end: number } | undefined {
  const sizes = object.parts ?? [object.size];
  const size = sizes[number - 1];
  if (size === undefined)
    throw new AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416);
  const start = sizes.slice(0, number - 1).reduce((sum, part) => sum + part, 0);
  return size === 0 ? undefined : { start, end: start + size - 1 };
}

export async function putObject({ call, bucket, key, doer }: ObjectCall): Promise<AwsAnswer> {
  const { headers } = call.http;
  const tagging = headers["x-amz-tagging"];
  const tags = tagsOfHeader(tagging);
  const context = { ...headerContext(headers), ...requestTagContext(tags) };
  call.authorise("s3:PutObject", bucket.arn(key), context);
  if (tagging !== undefined) call.authorise("s3:PutObjectTagging", bucket.arn(key), context);
  if (headers["x-amz-acl"] !== undefined) call.authorise("s3:PutObjectAcl", bucket.arn(key), context);
  const content = { ...metadataOf(headers), tags };
  const condition = () => checkWrite(bucket.store.current(key), (name) => headers[name]);
  condition();
  const received = await bucket.receive(call.http.body, { headers });
  try {
    // Another write may have come while the bytes did: the check that counts is the one at the commit.
    condition();
  } catch (error) {
    bucket.store.discard(received.file);
    throw error;
  }
  const object = bucket.commit(
    key,
    { ...received, etag: `"${received.md5}"` },
    { ...content, ...(received.checksum && { checksum: received.checksum }) },
    "ObjectCreated:Put",
    doer,
  );
  return { headers: writtenHeaders(object, bucket.spec.versioning) };
}

export function deleteObject(operation: ObjectCall): AwsAnswer {
  const { call, bucket, key, doer } = operation;
  const { query, headers } = call.http;
  const versionId = query.get("versionId");
  call.authorise(
    versionId === null ? "s3:DeleteObject" : "s3:DeleteObjectVersion",
    bucket.arn(key),
    tagsBefore(operation, versionId),
  );
  checkWrite(bucket.store.current(key), (name) => (name === "if-match" ? headers[name] : undefined));
  const removed = bucket.remove(key, versionId ?? undefined, doer);
  return {
    status: 204,
    headers: {
      ...(removed.versionId && { "x-amz-version-id": removed.versionId }),
      ...(removed.deleteMarker && { "x-amz-delete-marker": "true" }),
    },
  };
}

/** Up to a thousand at once; each is allowed or denied by itself. */
export function deleteObjects({ call, bucket, doer }: Omit<ObjectCall, "key">, body: Buffer): AwsAnswer {
  const root = parseXml(body).Delete as
    | { Object?: { Key?: unknown; VersionId?: unknown }[]; Quiet?: unknown }
    | undefined;
  if (!root?.Object || root.Object.length > 1000) throw malformedXml();
  const quiet = String(root.Quiet ?? "false").trim() === "true";
  let xml = "";
  for (const { Key, VersionId } of root.Object) {
    const key = String(Key ?? "");
    const versionId = VersionId === undefined ? undefined : String(VersionId);
    const element = (name: string, value: string | undefined) =>
      value === undefined ? "" : `<${name}>${escapeXml(value)}</${name}>`;
    try {
      if (key === "") throw malformedXml();
      call.authorise(
        versionId === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion",
        bucket.arn(key),
        tagsBefore({ bucket, key }, versionId ?? null),
      );
      const removed = bucket.remove(key, versionId, doer);
      const marker = removed.deleteMarker
        ? `<DeleteMarker>true</DeleteMarker>${element("DeleteMarkerVersionId", removed.versionId)}`
        : "";
      if (!quiet)
        xml += `<Deleted>${element("Key", key)}${element("VersionId", versionId)}${marker}</Deleted>`;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const { code, message } = error;
      xml += `<Error>${element("Key", key)}${element("VersionId", versionId)}${element("Code", code)}${element("Message", message)}</Error>`;
    }
  }
  return { body: document("DeleteResult", xml) };
}

export function tagging(operation: ObjectCall, body: Buffer): AwsAnswer {
  const { call, bucket, key, doer } = operation;
  const { method, query } = call.http;
  const versionId = query.get("versionId");
  const verb = method === "GET" ? "Get" : method === "DELETE" ? "Delete" : "Put";
  const action = `s3:${verb}Object${versionId === null ? "" : "Version"}Tagging`;
  const tags = verb === "Put" ? tagsOfXml(body) : {};
  call.authorise(action, bucket.arn(key), {
    ...tagsBefore(operation, versionId),
    ...requestTagContext(tags),
  });
  const object = find(operation, versionId);
  const headers: Record<string, string> = bucket.spec.versioning
    ? { "x-amz-version-id": object.versionId }
    : {};
  if (verb === "Get") return { headers, body: taggingXml(object.tags) };
  bucket.tag(object, tags, `ObjectTagging:${verb}`, doer);
  return { status: verb === "Delete" ? 204 : 200, headers };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html */
export function objectAttributes(operation: ObjectCall): AwsAnswer {
  const { call, bucket, key } = operation;
  const { query, headers } = call.http;
  const versionId = query.get("versionId");
  const version = versionId === null ? "" : "Version";
  for (const action of [`s3:GetObject${version}`, `s3:GetObject${version}Attributes`])
    call.authorise(action, bucket.arn(key), tagsBefore(operation, versionId));
  const object = find(operation, versionId);
  const asked = new Set((headers["x-amz-object-attributes"] ?? "").split(",").map((name) => name.trim()));
  const { checksum, parts } = object;
  const element = checksumElement(checksum?.header);
  const xml = [
    asked.has("ETag") && `<ETag>${object.etag.replaceAll('"', "")}</ETag>`,
    asked.has("Checksum") &&
      element &&
      `<Checksum><${element}>${checksum?.value}</${element}><ChecksumType>${checksum?.composite ? "COMPOSITE" : "FULL_OBJECT"}</ChecksumType></Checksum>`,
    asked.has("ObjectParts") &&
      parts &&
      `<ObjectParts><PartsCount>${parts.length}</PartsCount></ObjectParts>`,
    asked.has("StorageClass") && `<StorageClass>${object.storageClass ?? "STANDARD"}</StorageClass>`,
    asked.has("ObjectSize") && `<ObjectSize>${object.size}</ObjectSize>`,
  ];
  return {
    headers: { "last-modified": new Date(object.modified).toUTCString() },
    body: document("GetObjectAttributesResponse", xml.filter(Boolean).join("")),
  };
}
