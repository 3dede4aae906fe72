/** The operations of a multipart upload. */
import { AwsError } from "../../cloud/errors.ts";
import type { AwsAnswer } from "../../cloud/types.ts";
import { escapeXml } from "../../front-door/xml.ts";
import { checkWrite, readRange } from "./conditions.ts";
import { copySource } from "./copy.ts";
import { headerContext, metadataOf, writtenHeaders } from "./metadata.ts";
import {
  beginUpload,
  checksumElement,
  chooseParts,
  findUpload,
  joinParts,
  listParts,
  readCompletion,
  uploadPart,
} from "./multipart.ts";
import type { ObjectCall } from "./operations.ts";
import { checksumHeaderOf } from "./receive.ts";
import { requestTagContext, tagsOfHeader } from "./tagging.ts";
import { document } from "./xml.ts";

export function createUpload({ call, bucket, key, now }: ObjectCall): AwsAnswer {
  const { headers } = call.http;
  const tags = tagsOfHeader(headers["x-amz-tagging"]);
  const context = { ...headerContext(headers), ...requestTagContext(tags) };
  call.authorise("s3:PutObject", bucket.arn(key), context);
  if (headers["x-amz-tagging"] !== undefined) call.authorise("s3:PutObjectTagging", bucket.arn(key), context);
  const checksumHeader = checksumHeaderOf(headers);
  const fullChecksum = checksumHeader !== undefined && isFull(checksumHeader, headers["x-amz-checksum-type"]);
  const uploadId = beginUpload(bucket.store, {
    key,
    started: now(),
    template: {
      ...metadataOf(headers),
      tags,
      ...(checksumHeader && { checksumHeader }),
      ...(fullChecksum && { fullChecksum }),
    },
  });
  return {
    headers: checksumHeader
      ? {
          "x-amz-checksum-algorithm": checksumHeader.slice("x-amz-checksum-".length).toUpperCase(),
          "x-amz-checksum-type": fullChecksum ? "FULL_OBJECT" : "COMPOSITE",
        }
      : {},
    body: document(
      "InitiateMultipartUploadResult",
      `<Bucket>${bucket.spec.name}</Bucket><Key>${escapeXml(key)}</Key><UploadId>${uploadId}</UploadId>`,
    ),
  };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#Full-object-checksums */
function isFull(header: string, type: string | undefined): boolean {
  const cyclic = header.includes("-crc");
  if (type === "FULL_OBJECT" && !cyclic)
    throw new AwsError("InvalidRequest", "The FULL_OBJECT checksum type cannot be used with SHA checksums.");
  if (type === "COMPOSITE" && header.endsWith("crc64nvme"))
    throw new AwsError("InvalidRequest", "The COMPOSITE checksum type cannot be used with crc64nvme.");
  return type === "FULL_OBJECT" || header.endsWith("crc64nvme");
}

export async function putPart({ call, bucket, key, now }: ObjectCall): Promise<AwsAnswer> {
  call.authorise("s3:PutObject", bucket.arn(key));
  const { query, headers, body } = call.http;
  const upload = findUpload(bucket.store, key, query.get("uploadId"));
  const { etag, checksum } = await uploadPart(
    bucket.store,
    upload,
    query.get("partNumber"),
    body,
    headers,
    now,
  );
  return { headers: { etag, ...(checksum && { [checksum.header]: checksum.value }) } };
}

export async function copyPart(operation: ObjectCall): Promise<AwsAnswer> {
  const { call, bucket, key, now } = operation;
  call.authorise("s3:PutObject", bucket.arn(key));
  const { query, headers } = call.http;
  const upload = findUpload(bucket.store, key, query.get("uploadId"));
  const { source, object } = copySource(operation);
  const range = readRange(headers["x-amz-copy-source-range"], object.size);
  const body = object.file ? source.store.read(object.file, range) : Buffer.alloc(0);
  try {
    const { etag, checksum } = await uploadPart(bucket.store, upload, query.get("partNumber"), body, {}, now);
    const element = checksumElement(checksum?.header);
    return {
      body: document(
        "CopyPartResult",
        `<LastModified>${new Date(now()).toISOString()}</LastModified><ETag>${escapeXml(etag)}</ETag>${element && checksum ? `<${element}>${checksum.value}</${element}>` : ""}`,
      ),
    };
  } finally {
    if (!Buffer.isBuffer(body)) body.destroy();
  }
}

export function abortUpload({ call, bucket, key }: ObjectCall): AwsAnswer {
  call.authorise("s3:AbortMultipartUpload", bucket.arn(key));
  bucket.store.endUpload(findUpload(bucket.store, key, call.http.query.get("uploadId")).id);
  return { status: 204 };
}

export function partsOfUpload({ call, bucket, key }: ObjectCall): AwsAnswer {
  call.authorise("s3:ListMultipartUploadParts", bucket.arn(key));
  const { query } = call.http;
  const upload = findUpload(bucket.store, key, query.get("uploadId"));
  return { body: listParts(upload, bucket.spec.name, query) };
}

export async function completeUpload(
  { call, bucket, key, doer }: ObjectCall,
  readBody: () => Promise<Buffer>,
): Promise<AwsAnswer> {
  call.authorise("s3:PutObject", bucket.arn(key), headerContext(call.http.headers));
  const { query, headers } = call.http;
  const { id } = findUpload(bucket.store, key, query.get("uploadId"));
  const wanted = readCompletion(await readBody());
  const upload = findUpload(bucket.store, key, id);
  const chosen = chooseParts(upload, wanted);
  const condition = () => checkWrite(bucket.store.current(key), (name) => headers[name]);
  condition();
  const { file, size, etag, ...joined } = await joinParts(bucket.store, upload, chosen);
  try {
    condition();
    // Aborted or completed by another call while the parts were joined.
    findUpload(bucket.store, key, id);
  } catch (error) {
    bucket.store.discard(file);
    throw error;
  }
  const { checksumHeader: _, fullChecksum: __, ...content } = upload.template;
  const object = bucket.commit(
    key,
    { file, size, etag },
    { ...content, ...joined },
    "ObjectCreated:CompleteMultipartUpload",
    doer,
  );
  bucket.store.endUpload(id);
  const { name, region } = bucket.spec;
  const path = key.split("/").map(encodeURIComponent).join("/");
  const element = checksumElement(object.checksum?.header);
  return {
    headers: writtenHeaders(object, bucket.spec.versioning),
    body: document(
      "CompleteMultipartUploadResult",
      `<Location>https://${name}.s3.${region}.amazonaws.com/${escapeXml(path)}</Location><Bucket>${name}</Bucket><Key>${escapeXml(key)}</Key><ETag>${escapeXml(object.etag)}</ETag>${element ? `<${element}>${object.checksum?.value}</${element}><ChecksumType>${object.checksum?.composite ? "COMPOSITE" : "FULL_OBJECT"}</ChecksumType>` : ""}`,
    ),
  };
}
