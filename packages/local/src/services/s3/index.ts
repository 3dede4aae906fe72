/**
 * S3, on disk: objects, versions, tags, multipart and form uploads, conditional writes, notifications, lifecycle and
 * CORS, each bucket in its region.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 *
 * Not here: ACLs, website hosting, object lock, replication, S3 Select, customers' encryption keys.
 */
import { createHash } from "node:crypto";
import { AccessDenied, AwsError } from "../../cloud/errors.ts";
import type {
  AwsAnswer,
  AwsCall,
  AwsService,
  Cloud,
  CredentialStore,
  Part,
  Ports,
  Principal,
  S3Port,
} from "../../cloud/types.ts";
import { type RestRequest, restOperation, s3Address } from "../../front-door/rest-operations.ts";
import { identify } from "../../iam/principal.ts";
import { Bucket, type Doer } from "./bucket.ts";
import { copyObject } from "./copy.ts";
import { corsHeaders, preflight } from "./cors.ts";
import { checkKey, decodePath } from "./key.ts";
import { expired, untilMidnight } from "./lifecycle.ts";
import { listObjects, listVersions } from "./list.ts";
import { listUploads } from "./multipart.ts";
import {
  abortUpload,
  completeUpload,
  copyPart,
  createUpload,
  partsOfUpload,
  putPart,
} from "./multipart-operations.ts";
import { createNotifier } from "./notifications.ts";
import {
  deleteObject,
  deleteObjects,
  findObject,
  getObject,
  type ObjectCall,
  objectAttributes,
  putObject,
  tagging,
} from "./operations.ts";
import { postObject } from "./post.ts";
import { checkRegion } from "./region.ts";
import { existingTagContext } from "./tagging.ts";
import { document } from "./xml.ts";

/** Bodies that are XML: lists of keys, parts and tags. */
const XML_LIMIT = 2 * 1024 * 1024;

export interface S3 extends S3Port, AwsService, Part {
  /** Applies the lifecycle rules as of the clock's now; otherwise that happens each midnight UTC. */
  applyLifecycle(): void;
}

/** @param options.credentials Where the signers of form uploads are found. */
export function createS3(cloud: Cloud, ports: Ports, options: { credentials: CredentialStore }): S3 {
  const notifier = createNotifier(cloud, ports);
  const buckets = new Map(cloud.plan.buckets.map((spec) => [spec.name, new Bucket(cloud, notifier, spec)]));
  const now = () => cloud.clock.now();
  let cancelMidnight: (() => void) | undefined;

  function bucketNamed(name: string): Bucket {
    const bucket = buckets.get(name);
    if (!bucket)
      throw new AwsError("NoSuchBucket", "The specified bucket does not exist", 404, { BucketName: name });
    return bucket;
  }

  function applyLifecycle() {
    for (const bucket of buckets.values()) {
      const { current, noncurrent, uploads } = expired(bucket.spec, bucket.store, now());
      for (const object of current) bucket.expire(object, true);
      for (const object of noncurrent) bucket.expire(object, false);
      for (const upload of uploads) bucket.store.endUpload(upload.id);
    }
  }
  function armMidnight() {
    cancelMidnight = cloud.clock.after(untilMidnight(now()), () => {
      applyLifecycle();
      armMidnight();
    });
  }

  const doerOf = (principal: Principal, trace: string | undefined): Doer => ({
    principalId: principalId(principal),
    sourceIp: "127.0.0.1",
    trace,
  });

  async function handle(call: AwsCall): Promise<AwsAnswer> {
    const { method, path, query, headers, response } = call.http;
    const host = (headers.host ?? "").toLowerCase().replace(/:\d+$/, "");
    const rest: RestRequest = { method, path, query, headers, host };
    const address = s3Address(rest);
    const operation = restOperation("s3", rest);
    if (operation === "ListBuckets") return listBuckets(call);
    const bucket = bucketNamed(decodePath(address.bucket));
    const { spec } = bucket;
    // Errors carry them too: browsers hide an answer without the first, SDKs follow the second.
    const common = { ...corsHeaders(spec, method, headers), "x-amz-bucket-region": spec.region };
    for (const [name, value] of Object.entries(common)) response.setHeader(name, value);
    if (method === "OPTIONS") return preflight(spec, headers);
    // Where a client is sent for the right region; told to everybody.
    if (operation !== "GetBucketLocation") checkRegion(call, host, spec);
    if (call.principal.kind === "anonymous" && spec.blockPublicAccess && operation !== "PostObject")
      throw new AccessDenied(`public access to ${spec.name} is blocked: the request must be signed`);
    const key = checkKey(decodePath(address.key));
    return act(operation, { call, bucket, key, doer: doerOf(call.principal, call.trace), bucketNamed, now });
  }

  function listBuckets(call: AwsCall): AwsAnswer {
    call.authorise("s3:ListAllMyBuckets", "*");
    const list = [...buckets.values()].map(
      ({ spec }) =>
        `<Bucket><Name>${spec.name}</Name><CreationDate>2000-01-01T00:00:00.000Z</CreationDate><BucketRegion>${spec.region}</BucketRegion></Bucket>`,
    );
    const xml = `<Owner><ID>local</ID></Owner><Buckets>${list.join("")}</Buckets>`;
    return { body: document("ListAllMyBucketsResult", xml) };
  }

  async function act(operation: string, object: ObjectCall): Promise<AwsAnswer> {
    const { call, bucket } = object;
    const readXml = () => readAll(call);
    switch (operation) {
      case "GetObject":
      case "HeadObject":
        return getObject(object);
      case "PutObject":
        return putObject(object);
      case "PostObject":
        return postObject({
          call,
          bucket,
          credentials: options.credentials,
          clock: cloud.clock,
          doerOf: (principal) => doerOf(principal, call.trace),
        });
      case "CopyObject":
        return copyObject(object);
      case "DeleteObject":
        return deleteObject(object);
      case "DeleteObjects":
        return deleteObjects(object, await readXml());
      case "GetObjectAttributes":
        return objectAttributes(object);
      case "GetObjectTagging":
      case "PutObjectTagging":
      case "DeleteObjectTagging":
        return tagging(object, operation === "PutObjectTagging" ? await readXml() : Buffer.alloc(0));
      case "CreateMultipartUpload":
        return createUpload(object);
      case "UploadPart":
        return putPart(object);
      case "UploadPartCopy":
        return copyPart(object);
      case "CompleteMultipartUpload":
        return completeUpload(object, readXml);
      case "AbortMultipartUpload":
        return abortUpload(object);
      case "ListParts":
        return partsOfUpload(object);
      default:
        return actOnBucket(operation, call, bucket);
    }
  }

  function actOnBucket(operation: string, call: AwsCall, { spec, store }: Bucket): AwsAnswer {
    const { query } = call.http;
    switch (operation) {
      case "ListObjectsV2":
      case "ListObjects":
        call.authorise("s3:ListBucket", spec.arn, listContext(query));
        return { body: listObjects(store, spec.name, query) };
      case "ListObjectVersions":
        call.authorise("s3:ListBucketVersions", spec.arn, listContext(query));
        return { body: listVersions(store, spec.name, query) };
      case "ListMultipartUploads":
        call.authorise("s3:ListBucketMultipartUploads", spec.arn);
        return { body: listUploads(store, spec.name, query) };
      case "HeadBucket":
        call.authorise("s3:ListBucket", spec.arn);
        return { body: Buffer.alloc(0) };
      case "GetBucketLocation":
        call.authorise("s3:GetBucketLocation", spec.arn);
        return { body: document("LocationConstraint", spec.region === "us-east-1" ? "" : spec.region) };
      case "GetBucketVersioning":
        call.authorise("s3:GetBucketVersioning", spec.arn);
        return {
          body: document("VersioningConfiguration", spec.versioning ? "<Status>Enabled</Status>" : ""),
        };
      default:
        throw new AwsError(
          "NotImplemented",
          `S3's ${operation} does not run on this machine: buckets and their settings come from sst.config.ts.`,
          501,
        );
    }
  }

  return {
    signingNames: ["s3"],
    handle,
    async put(principal, name, key, body, { contentType, cacheControl, metadata = {}, trace } = {}) {
      const bucket = bucketNamed(name);
      const point = { service: "s3", operation: "PutObject", resource: bucket.arn(checkKey(key)) };
      await cloud.faults.strike({ ...point, phase: "before" });
      cloud.authoriser.authorise({ principal, action: "s3:PutObject", resource: bucket.arn(key) });
      const received = await bucket.receive(body);
      const object = bucket.commit(
        key,
        { ...received, etag: `"${received.md5}"` },
        {
          headers: {
            "content-type": contentType ?? "binary/octet-stream",
            ...(cacheControl !== undefined && { "cache-control": cacheControl }),
          },
          metadata,
          tags: {},
        },
        "ObjectCreated:Put",
        doerOf(principal, trace),
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
      const point = { service: "s3", operation: "GetObject", resource: bucket.arn(key) };
      const authorise = (action: string, resource: string, context = {}) =>
        cloud.authoriser.authorise({ principal, action, resource, context });
      await cloud.faults.strike({ ...point, phase: "before" });
      authorise("s3:GetObject", point.resource, existingTagContext(bucket.store.current(key)?.tags));
      const object = findObject(bucket, key, null, () => authorise("s3:ListBucket", bucket.spec.arn));
      if (!object.file) throw new Error(`${point.resource} has no bytes`);
      await cloud.faults.strike({ ...point, phase: "after" });
      return {
        body: bucket.store.read(object.file),
        size: object.size,
        contentType: object.headers["content-type"] ?? "binary/octet-stream",
        metadata: object.metadata,
      };
    },
    applyLifecycle,
    async start() {
      notifier.start(buckets.values());
      armMidnight();
    },
    async stop() {
      cancelMidnight?.();
      await notifier.stop();
      for (const bucket of buckets.values()) bucket.store.close();
    },
  };
}

/** As events name who acted. */
function principalId(principal: Principal): string {
  if (principal.kind === "role") return `AWS:${identify(principal).roleId}:${principal.sessionName}`;
  return principal.kind === "service" ? principal.service : `AWS:${principal.kind}`;
}

function listContext(query: URLSearchParams): Record<string, string> {
  return {
    "s3:prefix": query.get("prefix") ?? "",
    ...(query.has("delimiter") && { "s3:delimiter": query.get("delimiter") ?? "" }),
    "s3:max-keys": query.get("max-keys") ?? "1000",
  };
}

async function readAll(call: AwsCall): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of call.http.body.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > XML_LIMIT) throw new AwsError("MaxMessageLengthExceeded", "Your request was too big.");
    chunks.push(chunk as Buffer);
  }
  const body = Buffer.concat(chunks);
  const md5 = call.http.headers["content-md5"];
  if (md5 !== undefined && createHash("md5").update(body).digest("base64") !== md5)
    throw new AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.");
  return body;
}
