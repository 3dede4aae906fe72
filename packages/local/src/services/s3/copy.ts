/** Copies of objects, within a bucket and between buckets. */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsAnswer } from "../../cloud/types.ts";
import { escapeXml } from "../../front-door/xml.ts";
import type { Bucket } from "./bucket.ts";
import { checkRead, checkWrite } from "./conditions.ts";
import { headerContext, metadataOf, writtenHeaders } from "./metadata.ts";
import { checksumElement } from "./multipart.ts";
import type { StoredObject } from "./objects.ts";
import { find, type ObjectCall, tagsBefore } from "./operations.ts";
import { existingTagContext, requestTagContext, tagsOfHeader } from "./tagging.ts";
import { document } from "./xml.ts";

/** Source of a copy, authorised for reading. */
export function copySource(operation: ObjectCall): { source: Bucket; object: StoredObject } {
  const { call, bucketNamed } = operation;
  const { headers } = call.http;
  const header = (headers["x-amz-copy-source"] ?? "").replace(/^\//, "");
  const [path = "", version = null] = header.split("?versionId=");
  const slash = path.indexOf("/");
  const malformed = () =>
    new AwsError(
      "InvalidArgument",
      "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
      400,
      { ArgumentName: "x-amz-copy-source", ArgumentValue: header },
    );
  if (slash < 1 || slash === path.length - 1) throw malformed();
  let key: string;
  try {
    key = decodeURIComponent(path.slice(slash + 1));
  } catch {
    throw malformed();
  }
  const source = bucketNamed(decodeURIComponent(path.slice(0, slash)));
  call.authorise(
    version === null ? "s3:GetObject" : "s3:GetObjectVersion",
    source.arn(key),
    tagsBefore({ bucket: source, key }, version),
  );
  const object = find({ ...operation, bucket: source, key }, version);
  if (checkRead(object, (name) => headers[`x-amz-copy-source-${name}`]))
    throw new AwsError(
      "PreconditionFailed",
      "At least one of the pre-conditions you specified did not hold",
      412,
    );
  return { source, object };
}

export async function copyObject(operation: ObjectCall): Promise<AwsAnswer> {
  const { call, bucket, key, doer } = operation;
  const { headers } = call.http;
  const replace = headers["x-amz-metadata-directive"] === "REPLACE";
  const retag = headers["x-amz-tagging-directive"] === "REPLACE";
  const given = retag ? tagsOfHeader(headers["x-amz-tagging"]) : {};
  const context = { ...headerContext(headers), ...requestTagContext(given) };
  call.authorise("s3:PutObject", bucket.arn(key), context);
  const { source, object } = copySource(operation);
  if (source === bucket && object.key === key && !replace && !retag && !headers["x-amz-storage-class"])
    throw new AwsError(
      "InvalidRequest",
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  if (!retag && Object.keys(object.tags).length > 0)
    call.authorise("s3:GetObjectTagging", source.arn(object.key), existingTagContext(object.tags));
  const tags = retag ? given : object.tags;
  if (Object.keys(tags).length > 0) call.authorise("s3:PutObjectTagging", bucket.arn(key), context);
  const wanted = metadataOf(headers);
  const condition = () => checkWrite(bucket.store.current(key), (name) => headers[name]);
  condition();
  const kind = object.checksum && !object.checksum.composite ? object.checksum.header : undefined;
  const body = object.file ? source.store.read(object.file) : Buffer.alloc(0);
  const received = await bucket
    .receive(body, {
      headers: kind ? { "x-amz-checksum-algorithm": kind.slice("x-amz-checksum-".length) } : {},
    })
    .finally(() => Buffer.isBuffer(body) || body.destroy());
  try {
    condition();
  } catch (error) {
    bucket.store.discard(received.file);
    throw error;
  }
  const content = {
    ...(replace ? wanted : { headers: object.headers, metadata: object.metadata }),
    tags,
    ...(wanted.storageClass && { storageClass: wanted.storageClass }),
    ...(received.checksum && { checksum: received.checksum }),
  };
  const copy = bucket.commit(
    key,
    { ...received, etag: `"${received.md5}"` },
    content,
    "ObjectCreated:Copy",
    doer,
  );
  const element = checksumElement(copy.checksum?.header);
  return {
    headers: {
      ...writtenHeaders(copy, bucket.spec.versioning),
      ...(source.spec.versioning && { "x-amz-copy-source-version-id": object.versionId }),
    },
    body: document(
      "CopyObjectResult",
      `<LastModified>${new Date(copy.modified).toISOString()}</LastModified><ETag>${escapeXml(copy.etag)}</ETag>${element ? `<${element}>${copy.checksum?.value}</${element}>` : ""}`,
    ),
  };
}
