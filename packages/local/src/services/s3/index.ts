/**
 * S3, on disk: objects, versions, tags, multipart uploads, conditional writes, notifications, lifecycle and CORS, each
 * bucket in its region. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 *
 * Not here: ACLs, website hosting, object lock, replication, S3 Select.
 */
import { createReadStream } from "node:fs";
import { AwsError } from "../../cloud/errors.ts";
import type {
  AwsAnswer,
  AwsCall,
  AwsService,
  Cloud,
  Part,
  Ports,
  Principal,
  S3Port,
} from "../../cloud/types.ts";
import { restOperation, s3Address } from "../../front-door/rest-operations.ts";
import { identify } from "../../iam/principal.ts";
import { Bucket, type Doer } from "./bucket.ts";
import { corsHeaders, preflight } from "./cors.ts";
import { expired, untilMidnight } from "./lifecycle.ts";
import { document, listObjects, listVersions } from "./list.ts";
import { listUploads } from "./multipart.ts";
import { createNotifier } from "./notifications.ts";
import {
  copyObject,
  deleteObject,
  deleteObjects,
  getObject,
  multipart,
  type ObjectCall,
  putObject,
  tagging,
} from "./operations.ts";

const LONGEST_KEY = 1024;
/** Bodies that are XML: lists of keys, parts and tags. */
const XML_LIMIT = 2 * 1024 * 1024;

export interface S3 extends S3Port, AwsService, Part {
  /** Applies the lifecycle rules as of the clock's now; otherwise that happens each midnight UTC. */
  applyLifecycle(): void;
}

export function createS3(cloud: Cloud, ports: Ports): S3 {
  const notifier = createNotifier(cloud, ports);
  const buckets = new Map(cloud.plan.buckets.map((spec) => [spec.name, new Bucket(cloud, notifier, spec)]));
  let cancelMidnight: (() => void) | undefined;

  function bucketNamed(name: string): Bucket {
    const bucket = buckets.get(name);
    if (!bucket)
      throw new AwsError("NoSuchBucket", "The specified bucket does not exist", 404, { BucketName: name });
    return bucket;
  }

  function applyLifecycle() {
    for (const bucket of buckets.values()) {
      const { current, noncurrent, uploads } = expired(bucket.spec, bucket.store, cloud.clock.now());
      for (const object of current) bucket.expire(object, true);
      for (const object of noncurrent) bucket.expire(object, false);
      for (const upload of uploads) bucket.store.endUpload(upload.id);
    }
  }
  function armMidnight() {
    cancelMidnight = cloud.clock.after(untilMidnight(cloud.clock.now()), () => {
      applyLifecycle();
      armMidnight();
    });
  }

  const doerOf = (principal: Principal, trace: string | undefined): Doer => ({
    principalId: `AWS:${identify(principal).display}`,
    trace,
  });

  async function handle(call: AwsCall): Promise<AwsAnswer> {
    const { method, path, query, headers } = call.http;
    const host = (headers.host ?? "").toLowerCase().replace(/:\d+$/, "");
    const rest = { method, path, query, headers, host };
    const address = s3Address(rest);
    const operation = restOperation("s3", rest);
    if (operation === "ListBuckets") {
      call.authorise("s3:ListAllMyBuckets", "*");
      const list = [...buckets.values()].map(
        ({ spec }) =>
          `<Bucket><Name>${spec.name}</Name><CreationDate>2000-01-01T00:00:00.000Z</CreationDate><BucketRegion>${spec.region}</BucketRegion></Bucket>`,
      );
      return {
        body: document(
          "ListAllMyBucketsResult",
          `<Owner><ID>local</ID></Owner><Buckets>${list.join("")}</Buckets>`,
        ),
      };
    }
    const bucket = bucketNamed(decode(address.bucket));
    if (method === "OPTIONS") return preflight(bucket.spec, headers);
    rightRegion(call, bucket, operation);
    const key = decode(address.key);
    if (Buffer.byteLength(key) > LONGEST_KEY)
      throw new AwsError("KeyTooLongError", "Your key is too long", 400, {
        Size: Buffer.byteLength(key),
        MaxSizeAllowed: LONGEST_KEY,
      });
    const object: ObjectCall = {
      call,
      bucket,
      key,
      doer: doerOf(call.principal, call.trace),
      bucketNamed,
      now: () => cloud.clock.now(),
    };
    const answer = await act(operation, object);
    answer.headers = {
      ...answer.headers,
      ...corsHeaders(bucket.spec, method, headers),
      "x-amz-bucket-region": bucket.spec.region,
    };
    return answer;
  }

  async function act(operation: string, object: ObjectCall): Promise<AwsAnswer> {
    const { call, bucket } = object;
    const { query } = call.http;
    const readXml = () => readAll(call);
    switch (operation) {
      case "GetObject":
      case "HeadObject":
        return getObject(object);
      case "PutObject":
        return putObject(object);
      case "CopyObject":
        return copyObject(object);
      case "DeleteObject":
        return deleteObject(object);
      case "DeleteObjects":
        return deleteObjects(object, await readXml());
      case "GetObjectTagging":
      case "PutObjectTagging":
      case "DeleteObjectTagging":
        return tagging(object, call.http.method === "PUT" ? await readXml() : Buffer.alloc(0));
      case "CreateMultipartUpload":
      case "UploadPart":
      case "UploadPartCopy":
      case "CompleteMultipartUpload":
      case "AbortMultipartUpload":
      case "ListParts":
        return multipart(object, readXml);
      case "ListObjectsV2":
      case "ListObjects":
        call.authorise("s3:ListBucket", bucket.spec.arn, listContext(query));
        return { body: listObjects(bucket.store, bucket.spec.name, query) };
      case "ListObjectVersions":
        call.authorise("s3:ListBucketVersions", bucket.spec.arn, listContext(query));
        return { body: listVersions(bucket.store, bucket.spec.name, query) };
      case "ListMultipartUploads":
        call.authorise("s3:ListBucketMultipartUploads", bucket.spec.arn);
        return { body: listUploads(bucket.store, bucket.spec.name, query.get("prefix") ?? "") };
      case "HeadBucket":
        call.authorise("s3:ListBucket", bucket.spec.arn);
        return { headers: {}, body: Buffer.alloc(0) };
      case "GetBucketLocation": {
        call.authorise("s3:GetBucketLocation", bucket.spec.arn);
        const { region } = bucket.spec;
        return { body: document("LocationConstraint", region === "us-east-1" ? "" : region) };
      }
      case "GetBucketVersioning":
        call.authorise("s3:GetBucketVersioning", bucket.spec.arn);
        return {
          body: document("VersioningConfiguration", bucket.spec.versioning ? "<Status>Enabled</Status>" : ""),
        };
      default:
        throw new AwsError("NotImplemented", `S3's ${operation} does not run on this machine.`, 501);
    }
  }

  return {
    signingNames: ["s3"],
    handle,
    async put(principal, name, key, body, options = {}) {
      const bucket = bucketNamed(name);
      const point = { service: "s3", operation: "PutObject", resource: bucket.arn(key) };
      await cloud.faults.strike({ ...point, phase: "before" });
      cloud.authoriser.authorise({ principal, action: "s3:PutObject", resource: bucket.arn(key) });
      const received = await bucket.receive(body);
      const content = {
        headers: { "content-type": options.contentType ?? "binary/octet-stream" },
        metadata: options.metadata ?? {},
        tags: {},
      };
      const object = bucket.commit(
        key,
        { ...received, etag: `"${received.md5}"` },
        content,
        "ObjectCreated:Put",
        doerOf(principal, options.trace),
      );
      await cloud.faults.strike({ ...point, phase: "after" });
      return {
        etag: object.etag,
        size: object.size,
        ...(bucket.spec.versioning && { versionId: object.versionId }),
      };
    },
    async get(principal, name, key) {
      const bucket = bucketNamed(name);
      cloud.authoriser.authorise({ principal, action: "s3:GetObject", resource: bucket.arn(key) });
      const object = bucket.store.current(key);
      if (!object?.file)
        throw new AwsError("NoSuchKey", "The specified key does not exist.", 404, { Key: key });
      return {
        body: createReadStream(bucket.store.path(object.file)),
        size: object.size,
        contentType: object.headers["content-type"] ?? "",
        metadata: object.metadata,
      };
    },
    applyLifecycle,
    async start() {
      notifier.start();
      armMidnight();
    },
    async stop() {
      cancelMidnight?.();
      await notifier.stop();
      for (const bucket of buckets.values()) bucket.store.close();
    },
  };
}

/** A bucket answers in its own region only. https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingRouting.html */
function rightRegion(call: AwsCall, { spec }: Bucket, operation: string) {
  if (call.region === spec.region || call.principal.kind === "anonymous" || operation === "GetBucketLocation")
    return;
  throw new AwsError(
    "AuthorizationHeaderMalformed",
    `The authorization header is malformed; the region '${call.region}' is wrong; expecting '${spec.region}'`,
    400,
    { Region: spec.region },
  );
}

function listContext(query: URLSearchParams): Record<string, string> {
  return {
    "s3:prefix": query.get("prefix") ?? "",
    ...(query.has("delimiter") && { "s3:delimiter": query.get("delimiter") ?? "" }),
    "s3:max-keys": query.get("max-keys") ?? "1000",
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AwsError("InvalidURI", "Couldn't parse the specified URI.", 400);
  }
}

async function readAll(call: AwsCall): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of call.http.body) {
    size += (chunk as Buffer).length;
    if (size > XML_LIMIT) throw new AwsError("MaxMessageLengthExceeded", "Your request was too big.", 400);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
