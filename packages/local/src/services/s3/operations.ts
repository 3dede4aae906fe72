/** S3's operations on objects, one function each. They authorise, then act. */
import { createReadStream } from "node:fs";
import { AwsError } from "../../cloud/errors.ts";
import type { AwsAnswer, AwsCall } from "../../cloud/types.ts";
import { escapeXml } from "../../front-door/xml.ts";
import type { Bucket, Doer } from "./bucket.ts";
import { checkRead, checkWrite, readRange } from "./conditions.ts";
import { document } from "./list.ts";
import { checkTags, metadataOf, objectHeaders, override, tagsOfHeader } from "./metadata.ts";
import {
  beginUpload,
  findUpload,
  joinParts,
  listParts,
  malformedXml,
  parseXml,
  readCompletion,
  uploadPart,
} from "./multipart.ts";
import type { StoredObject } from "./objects.ts";
import { checksumHeaderOf } from "./receive.ts";

export interface ObjectCall {
  call: AwsCall;
  bucket: Bucket;
  key: string;
  doer: Doer;
  /** Finds the bucket of `x-amz-copy-source`. */
  bucketNamed(name: string): Bucket;
  now(): number;
}

/** The object, by version if one is asked for. @throws AwsError NoSuchKey, or AccessDenied as S3 does without ListBucket. */
function find({ call, bucket, key }: ObjectCall, versionId: string | null): StoredObject {
  if (versionId !== null) {
    const version = bucket.store.versions(key).find((one) => one.versionId === versionId);
    if (!version)
      throw new AwsError("NoSuchVersion", "The specified version does not exist.", 404, {
        Key: key,
        VersionId: versionId,
      });
    if (version.deleteMarker)
      throw new AwsError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
      );
    return version;
  }
  const object = bucket.store.current(key);
  if (object) return object;
  // Who may not list must not learn which keys are there.
  call.authorise("s3:ListBucket", bucket.spec.arn, { "s3:prefix": key });
  throw new AwsError("NoSuchKey", "The specified key does not exist.", 404, { Key: key });
}

export function getObject(operation: ObjectCall): AwsAnswer {
  const { call, bucket, key } = operation;
  const { query, headers, method } = call.http;
  const versionId = query.get("versionId");
  call.authorise(versionId === null ? "s3:GetObject" : "s3:GetObjectVersion", bucket.arn(key));
  const object = find(operation, versionId);
  const head = objectHeaders(
    object,
    headers["x-amz-checksum-mode"]?.toUpperCase() === "ENABLED",
    bucket.spec.versioning,
  );
  if (checkRead(object, (name) => headers[name])) return { status: 304, headers: { etag: object.etag } };
  override(head, query, call.principal.kind === "anonymous");
  const partNumber = query.get("partNumber");
  const range =
    partNumber !== null && object.parts
      ? partRange(object.parts, Number(partNumber))
      : readRange(headers.range, object.size);
  const length = range ? range.end - range.start + 1 : object.size;
  head["content-length"] = String(length);
  if (partNumber !== null && object.parts) head["x-amz-mp-parts-count"] = String(object.parts.length);
  if (range) head["content-range"] = `bytes ${range.start}-${range.end}/${object.size}`;
  const status = range ? 206 : 200;
  if (method === "HEAD" || length === 0 || !object.file)
    return { status, headers: head, body: Buffer.alloc(0) };
  return { status, headers: head, body: createReadStream(bucket.store.path(object.file), range) };
}

function partRange(parts: number[], number: number): { start: number; end: number } {
  const size = parts[number - 1];
  if (size === undefined)
    throw new AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416);
  const start = parts.slice(0, number - 1).reduce((sum, part) => sum + part, 0);
  return { start, end: start + size - 1 };
}

export async function putObject({ call, bucket, key, doer }: ObjectCall): Promise<AwsAnswer> {
  const { headers } = call.http;
  const tagging = headers["x-amz-tagging"];
  call.authorise("s3:PutObject", bucket.arn(key), tagContext(tagging));
  if (tagging !== undefined) call.authorise("s3:PutObjectTagging", bucket.arn(key), tagContext(tagging));
  const content = { ...metadataOf(headers), tags: tagsOfHeader(tagging), ...storageClass(headers) };
  const condition = () => checkWrite(bucket.store.current(key), (name) => headers[name]);
  condition();
  const received = await bucket.receive(call.http.body, headers);
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
  return { headers: written(object, bucket) };
}

function written(object: StoredObject, bucket: Bucket): Record<string, string> {
  return {
    etag: object.etag,
    "x-amz-server-side-encryption": "AES256",
    ...(bucket.spec.versioning && { "x-amz-version-id": object.versionId }),
    ...(object.checksum && {
      [object.checksum.header]: object.checksum.value,
      "x-amz-checksum-type": object.parts ? "COMPOSITE" : "FULL_OBJECT",
    }),
  };
}

function tagContext(header: string | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tagsOfHeader(header)).map(([key, value]) => [`s3:RequestObjectTag/${key}`, value]),
  );
}
function storageClass(headers: Record<string, string>): { storageClass?: string } {
  const wanted = headers["x-amz-storage-class"];
  return wanted && wanted !== "STANDARD" ? { storageClass: wanted } : {};
}

/** Source of a copy, authorised for reading. */
function copySource(operation: ObjectCall): { source: Bucket; object: StoredObject; path: string } {
  const { call, bucketNamed } = operation;
  const [path = "", version = null] = (call.http.headers["x-amz-copy-source"] ?? "")
    .replace(/^\//, "")
    .split("?versionId=");
  const slash = path.indexOf("/");
  if (slash < 1)
    throw new AwsError(
      "InvalidArgument",
      "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
      400,
    );
  const source = bucketNamed(decodeURIComponent(path.slice(0, slash)));
  const key = decodeURIComponent(path.slice(slash + 1));
  call.authorise(version === null ? "s3:GetObject" : "s3:GetObjectVersion", source.arn(key));
  const object = find({ ...operation, bucket: source, key }, version);
  if (checkRead(object, (name) => call.http.headers[`x-amz-copy-source-${name}`]))
    throw new AwsError(
      "PreconditionFailed",
      "At least one of the pre-conditions you specified did not hold",
      412,
    );
  return { source, object, path };
}

export async function copyObject(operation: ObjectCall): Promise<AwsAnswer> {
  const { call, bucket, key, doer } = operation;
  const { headers } = call.http;
  call.authorise("s3:PutObject", bucket.arn(key));
  const { source, object } = copySource(operation);
  const replace = headers["x-amz-metadata-directive"] === "REPLACE";
  const retag = headers["x-amz-tagging-directive"] === "REPLACE";
  if (source === bucket && object.key === key && !replace && !retag && !headers["x-amz-storage-class"])
    throw new AwsError(
      "InvalidRequest",
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
      400,
    );
  const tags = retag ? tagsOfHeader(headers["x-amz-tagging"]) : object.tags;
  if (Object.keys(tags).length > 0) call.authorise("s3:PutObjectTagging", bucket.arn(key));
  const received = await bucket.receive(
    object.file ? createReadStream(source.store.path(object.file)) : Buffer.alloc(0),
  );
  const content = {
    ...(replace ? metadataOf(headers) : { headers: object.headers, metadata: object.metadata }),
    tags,
    ...storageClass(headers),
    ...(object.checksum && !object.parts && { checksum: object.checksum }),
  };
  const copy = bucket.commit(
    key,
    { ...received, etag: `"${received.md5}"` },
    content,
    "ObjectCreated:Copy",
    doer,
  );
  return {
    headers: written(copy, bucket),
    body: document(
      "CopyObjectResult",
      `<LastModified>${new Date(copy.modified).toISOString()}</LastModified><ETag>${escapeXml(copy.etag)}</ETag>`,
    ),
  };
}

export function deleteObject({ call, bucket, key, doer }: ObjectCall): AwsAnswer {
  const versionId = call.http.query.get("versionId") ?? undefined;
  call.authorise(versionId === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion", bucket.arn(key));
  const removed = bucket.remove(key, versionId, doer);
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
  const quiet = String(root.Quiet ?? "false") === "true";
  let xml = "";
  for (const { Key, VersionId } of root.Object) {
    const key = String(Key ?? "");
    const versionId = VersionId === undefined ? undefined : String(VersionId);
    try {
      call.authorise(versionId === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion", bucket.arn(key));
      const removed = bucket.remove(key, versionId, doer);
      if (!quiet)
        xml += `<Deleted><Key>${escapeXml(key)}</Key>${removed.deleteMarker ? `<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>${removed.versionId ?? ""}</DeleteMarkerVersionId>` : ""}</Deleted>`;
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      xml += `<Error><Key>${escapeXml(key)}</Key><Code>${error.code}</Code><Message>${escapeXml(error.message)}</Message></Error>`;
    }
  }
  return { body: document("DeleteResult", xml) };
}

export function tagging(operation: ObjectCall, body: Buffer): AwsAnswer {
  const { call, bucket, key, doer } = operation;
  const { method, query } = call.http;
  const versionId = query.get("versionId");
  const suffix = versionId === null ? "Tagging" : "VersionTagging";
  if (method === "GET") {
    call.authorise(`s3:GetObject${suffix}`, bucket.arn(key));
    const pairs = Object.entries(find(operation, versionId).tags);
    return {
      body: document(
        "Tagging",
        `<TagSet>${pairs.map(([name, value]) => `<Tag><Key>${escapeXml(name)}</Key><Value>${escapeXml(value)}</Value></Tag>`).join("")}</TagSet>`,
      ),
    };
  }
  if (method === "DELETE") {
    call.authorise(`s3:DeleteObject${suffix}`, bucket.arn(key));
    bucket.tag(find(operation, versionId), {}, "ObjectTagging:Delete", doer);
    return { status: 204 };
  }
  call.authorise(`s3:PutObject${suffix}`, bucket.arn(key));
  const root = parseXml(body).Tagging as
    | { TagSet?: { Tag?: { Key?: unknown; Value?: unknown }[] } | "" }
    | undefined;
  if (root?.TagSet === undefined) throw malformedXml();
  const tags = checkTags(
    (root.TagSet === "" ? [] : (root.TagSet.Tag ?? [])).map(({ Key, Value }) => [
      String(Key ?? ""),
      String(Value ?? ""),
    ]),
  );
  bucket.tag(find(operation, versionId), tags, "ObjectTagging:Put", doer);
  return { headers: {} };
}

/** The operations of a multipart upload, by method and parameters. */
export async function multipart(operation: ObjectCall, readBody: () => Promise<Buffer>): Promise<AwsAnswer> {
  const { call, bucket, key, doer, now } = operation;
  const { method, query, headers } = call.http;
  const id = query.get("uploadId");
  if (method === "POST" && id === null) {
    call.authorise("s3:PutObject", bucket.arn(key));
    const checksumHeader = checksumHeaderOf(headers);
    const uploadId = beginUpload(bucket.store, {
      key,
      started: now(),
      template: {
        ...metadataOf(headers),
        tags: tagsOfHeader(headers["x-amz-tagging"]),
        ...(checksumHeader && { checksumHeader }),
      },
    });
    return {
      body: document(
        "InitiateMultipartUploadResult",
        `<Bucket>${bucket.spec.name}</Bucket><Key>${escapeXml(key)}</Key><UploadId>${uploadId}</UploadId>`,
      ),
    };
  }
  if (method === "GET") {
    call.authorise("s3:ListMultipartUploadParts", bucket.arn(key));
    return { body: listParts(findUpload(bucket.store, key, id), bucket.spec.name) };
  }
  if (method === "DELETE") {
    call.authorise("s3:AbortMultipartUpload", bucket.arn(key));
    bucket.store.endUpload(findUpload(bucket.store, key, id).id);
    return { status: 204 };
  }
  call.authorise("s3:PutObject", bucket.arn(key));
  const upload = findUpload(bucket.store, key, id);
  if (method === "PUT") {
    if (headers["x-amz-copy-source"] === undefined) {
      const { etag, checksum } = await uploadPart(
        bucket.store,
        upload,
        query.get("partNumber"),
        call.http.body,
        headers,
        now(),
      );
      return { headers: { etag, ...(checksum && { [checksum.header]: checksum.value }) } };
    }
    const { source, object } = copySource(operation);
    const range = readRange(headers["x-amz-copy-source-range"], object.size);
    const { etag } = await uploadPart(
      bucket.store,
      upload,
      query.get("partNumber"),
      object.file ? createReadStream(source.store.path(object.file), range) : Buffer.alloc(0),
      {},
      now(),
    );
    return {
      body: document(
        "CopyPartResult",
        `<LastModified>${new Date(now()).toISOString()}</LastModified><ETag>${escapeXml(etag)}</ETag>`,
      ),
    };
  }
  const wanted = readCompletion(await readBody());
  const joined = await joinParts(bucket.store, upload, wanted);
  try {
    checkWrite(bucket.store.current(key), (name) => headers[name]);
  } catch (error) {
    bucket.store.discard(joined.file ?? "");
    throw error;
  }
  const { checksumHeader: _, ...template } = upload.template;
  const object = bucket.commit(
    key,
    { file: joined.file ?? "", size: joined.size, etag: joined.etag },
    {
      ...template,
      ...(joined.parts && { parts: joined.parts }),
      ...(joined.checksum && { checksum: joined.checksum }),
    },
    "ObjectCreated:CompleteMultipartUpload",
    doer,
  );
  bucket.store.endUpload(upload.id);
  return {
    headers: bucket.spec.versioning ? { "x-amz-version-id": object.versionId } : {},
    body: document(
      "CompleteMultipartUploadResult",
      `<Location>https://${bucket.spec.name}.s3.${bucket.spec.region}.amazonaws.com/${escapeXml(encodeURIComponent(key))}</Location><Bucket>${bucket.spec.name}</Bucket><Key>${escapeXml(key)}</Key><ETag>${escapeXml(object.etag)}</ETag>`,
    ),
  };
}
