/**
 * Names of operations that REST requests ask for, as AWS's models have them: for fault injection and for messages.
 * The services route themselves.
 */
import type { Plan } from "../plan/types.ts";
import { decode } from "./canonical.ts";

export interface RestRequest {
  method: string;
  /** Percent-encoded, without query. */
  path: string;
  query: URLSearchParams;
  headers: Record<string, string>;
  /** Host without port, lower case. */
  host: string;
}

/** @returns e.g. `PutObject`, or method and path where no name is known. */
export function restOperation(service: string, request: RestRequest): string {
  if (service === "s3") return s3Operation(request);
  const route = `${request.method} ${request.path}`;
  for (const [pattern, name] of routes[service] ?? []) if (pattern.test(route)) return name;
  return route;
}

const routes: Record<string, [pattern: RegExp, operation: string][]> = {
  lambda: [
    [/^POST \/[^/]+\/functions\/[^/]+\/invocations$/, "Invoke"],
    [/^POST \/[^/]+\/functions\/[^/]+\/invoke-async\/?$/, "InvokeAsync"],
    [/^GET \/[^/]+\/functions\/[^/]+\/configuration$/, "GetFunctionConfiguration"],
    [/^GET \/[^/]+\/functions\/[^/]+$/, "GetFunction"],
    [/^GET \/[^/]+\/functions\/?$/, "ListFunctions"],
  ],
  "execute-api": [
    [/^POST .*\/(@|%40)connections\//i, "PostToConnection"],
    [/^GET .*\/(@|%40)connections\//i, "GetConnection"],
    [/^DELETE .*\/(@|%40)connections\//i, "DeleteConnection"],
  ],
  cloudfront: [
    [/^POST \/[^/]+\/distribution\/[^/]+\/invalidation$/, "CreateInvalidation"],
    [/^GET \/[^/]+\/distribution\/[^/]+\/invalidation$/, "ListInvalidations"],
    [/^GET \/[^/]+\/distribution\/[^/]+\/invalidation\/[^/]+$/, "GetInvalidation"],
    [/^GET \/[^/]+\/distribution\/[^/]+$/, "GetDistribution"],
    [/^GET \/[^/]+\/distribution$/, "ListDistributions"],
  ],
  scheduler: [
    [/^GET \/schedules$/, "ListSchedules"],
    [/^POST \/schedules\//, "CreateSchedule"],
    [/^GET \/schedules\//, "GetSchedule"],
    [/^PUT \/schedules\//, "UpdateSchedule"],
    [/^DELETE \/schedules\//, "DeleteSchedule"],
    [/^GET \/schedule-groups$/, "ListScheduleGroups"],
    [/^POST \/schedule-groups\//, "CreateScheduleGroup"],
    [/^GET \/schedule-groups\//, "GetScheduleGroup"],
    [/^DELETE \/schedule-groups\//, "DeleteScheduleGroup"],
    [/^POST \/tags\//, "TagResource"],
    [/^DELETE \/tags\//, "UntagResource"],
    [/^GET \/tags\//, "ListTagsForResource"],
  ],
  ses: [
    [/^POST \/v2\/email\/outbound-emails$/, "SendEmail"],
    [/^POST \/v2\/email\/outbound-bulk-emails$/, "SendBulkEmail"],
    [/^POST \/v2\/email\/templates$/, "CreateEmailTemplate"],
    [/^GET \/v2\/email\/templates$/, "ListEmailTemplates"],
    [/^PUT \/v2\/email\/suppression\/addresses$/, "PutSuppressedDestination"],
    [/^GET \/v2\/email\/suppression\/addresses$/, "ListSuppressedDestinations"],
    [/^GET \/v2\/email\/suppression\/addresses\//, "GetSuppressedDestination"],
    [/^DELETE \/v2\/email\/suppression\/addresses\//, "DeleteSuppressedDestination"],
  ],
};

const subresources: [parameter: string, name: string][] = [
  ["tagging", "Tagging"],
  ["acl", "Acl"],
  ["retention", "Retention"],
  ["legal-hold", "LegalHold"],
  ["attributes", "Attributes"],
];
const bucketSubresources: [parameter: string, name: string][] = [
  ["location", "BucketLocation"],
  ["versioning", "BucketVersioning"],
  ["lifecycle", "BucketLifecycleConfiguration"],
  ["notification", "BucketNotificationConfiguration"],
  ["policy", "BucketPolicy"],
  ["cors", "BucketCors"],
  ["tagging", "BucketTagging"],
  ["encryption", "BucketEncryption"],
  ["publicAccessBlock", "PublicAccessBlock"],
];
const verbs: Record<string, string> = {
  GET: "Get",
  PUT: "Put",
  DELETE: "Delete",
  HEAD: "Head",
  POST: "Post",
};

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html */
function s3Operation(request: RestRequest): string {
  const { method, query, headers } = request;
  const { bucket, key } = s3Address(request);
  const verb = verbs[method] ?? method;
  if (method === "OPTIONS") return "CORSPreflight";
  if (!bucket) return "ListBuckets";
  if (!key) {
    if (method === "POST") return query.has("delete") ? "DeleteObjects" : "PostObject";
    if (method === "GET" && query.has("uploads")) return "ListMultipartUploads";
    if (method === "GET" && query.has("versions")) return "ListObjectVersions";
    const found = bucketSubresources.find(([parameter]) => query.has(parameter));
    if (found) return verb + found[1];
    if (method === "GET") return query.get("list-type") === "2" ? "ListObjectsV2" : "ListObjects";
    return method === "PUT" ? "CreateBucket" : `${verb}Bucket`;
  }
  if (query.has("uploadId")) {
    if (method === "PUT") return headers["x-amz-copy-source"] ? "UploadPartCopy" : "UploadPart";
    if (method === "POST") return "CompleteMultipartUpload";
    return method === "DELETE" ? "AbortMultipartUpload" : "ListParts";
  }
  if (method === "POST") return query.has("uploads") ? "CreateMultipartUpload" : "PostObject";
  const found = subresources.find(([parameter]) => query.has(parameter));
  if (found) return `${verb}Object${found[1]}`;
  return method === "PUT" && headers["x-amz-copy-source"] ? "CopyObject" : `${verb}Object`;
}

/** Bucket and key, percent-encoded, of a request in either of S3's addressing styles. */
export function s3Address({ host, path }: Pick<RestRequest, "host" | "path">): {
  bucket: string;
  key: string;
} {
  const virtual =
    /^(.+)\.s3[.-][a-z0-9.-]*amazonaws\.com$/.exec(host)?.[1] ?? /^(.+)\.localhost$/.exec(host)?.[1];
  if (virtual) return { bucket: virtual, key: path.slice(1) };
  const slash = path.indexOf("/", 1);
  return slash < 0
    ? { bucket: path.slice(1), key: "" }
    : { bucket: path.slice(1, slash), key: path.slice(slash + 1) };
}

/** ARN that a call is about, as far as its input tells; for faults that strike one resource only. */
export function resourceOf(
  plan: Plan,
  service: string,
  input: Record<string, unknown>,
  request: RestRequest,
): string | undefined {
  if (service === "s3") {
    const { bucket, key } = s3Address(request);
    return bucket ? `arn:aws:s3:::${bucket}${key ? `/${key}` : ""}` : undefined;
  }
  if (service === "lambda") {
    const name = decode(/\/functions\/([^/]+)/.exec(request.path)?.[1] ?? "");
    return plan.functions.find((fn) => fn.name === name || fn.arn === name)?.arn;
  }
  const { QueueUrl: url, SecretId: secret, TopicArn: topic, TargetArn: target } = input;
  if (typeof url === "string") {
    const name = url.slice(url.lastIndexOf("/") + 1);
    return plan.queues.find((queue) => queue.url === url || queue.name === name)?.arn;
  }
  if (typeof secret === "string")
    return plan.secrets.find(({ arn, name }) => arn === secret || name === secret)?.arn;
  return typeof topic === "string" ? topic : typeof target === "string" ? target : undefined;
}
