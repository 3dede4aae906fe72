/**
 * Policies that AWS manages, by their ids.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-response-headers-policies.html
 */
import type { BehaviourSpec, CachePolicySpec, ResponseHeadersSpec, Selection } from "./cdn-types.ts";

type Forward = BehaviourSpec["forward"];
const none: Selection = { kind: "none", names: [] };
const all: Selection = { kind: "all", names: [] };
const only = (...names: string[]): Selection => ({ kind: "only", names });

const DAY = 86_400;
const YEAR = 31_536_000;
const optimized: CachePolicySpec = {
  minTtl: 1,
  defaultTtl: DAY,
  maxTtl: YEAR,
  queries: none,
  headers: none,
  cookies: none,
  gzip: true,
  brotli: true,
};
const byOrigin: CachePolicySpec = {
  ...optimized,
  minTtl: 0,
  defaultTtl: 0,
  headers: only("host", "origin", "x-http-method-override", "x-http-method", "x-method-override"),
  cookies: all,
};

export const managedCachePolicies: Record<string, CachePolicySpec> = {
  // CachingOptimized
  "658327ea-f89d-4fab-a63d-7e88639e58f6": optimized,
  // CachingOptimizedForUncompressedObjects
  "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": { ...optimized, gzip: false, brotli: false },
  // CachingDisabled
  "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": {
    ...optimized,
    minTtl: 0,
    defaultTtl: 0,
    maxTtl: 0,
    gzip: false,
    brotli: false,
  },
  // UseOriginCacheControlHeaders
  "83da9c7e-98b4-4e11-a168-04f0df8e2c65": byOrigin,
  // UseOriginCacheControlHeaders-QueryStrings
  "4cc15a8a-d715-48a4-82b8-cc0b614638fe": { ...byOrigin, queries: all },
  // Amplify
  "2e54312d-136d-493c-8eb9-b001f22f67d2": {
    ...optimized,
    minTtl: 2,
    defaultTtl: 2,
    maxTtl: 600,
    queries: all,
    headers: only("authorization", "cloudfront-viewer-country", "host"),
    cookies: all,
  },
};

export const managedForwards: Record<string, Forward> = {
  // AllViewer
  "216adef6-5c7f-47e4-b989-5492eafa07d3": { queries: all, headers: all, cookies: all },
  // AllViewerAndCloudFrontHeaders-2022-06
  "33f36d7e-f396-46d9-90e0-52428a34d9dc": { queries: all, headers: all, cookies: all },
  // AllViewerExceptHostHeader
  "b689b0a8-53d0-40ab-baf2-68738e2966ac": {
    queries: all,
    headers: { kind: "except", names: ["host"] },
    cookies: all,
  },
  // CORS-CustomOrigin
  "59781a5b-3903-41f3-afcb-af62929ccde1": { queries: none, headers: only("origin"), cookies: none },
  // CORS-S3Origin
  "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": {
    queries: none,
    headers: only("origin", "access-control-request-headers", "access-control-request-method"),
    cookies: none,
  },
  // HostHeaderOnly
  "bf0718e1-ba1e-49d1-88b1-f726733018ae": { queries: none, headers: only("host"), cookies: none },
  // UserAgentRefererHeaders
  "acba4595-bd28-49b8-b9fe-13317c0390fa": {
    queries: none,
    headers: only("user-agent", "referer"),
    cookies: none,
  },
};

const security: ResponseHeadersSpec["set"] = [
  { name: "strict-transport-security", value: "max-age=31536000", override: false },
  { name: "x-content-type-options", value: "nosniff", override: true },
  { name: "x-frame-options", value: "SAMEORIGIN", override: false },
  { name: "x-xss-protection", value: "1; mode=block", override: false },
  { name: "referrer-policy", value: "strict-origin-when-cross-origin", override: false },
];
const simpleCors: NonNullable<ResponseHeadersSpec["cors"]> = {
  allowOrigins: ["*"],
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  allowCredentials: false,
  override: false,
};
const preflightCors: NonNullable<ResponseHeadersSpec["cors"]> = {
  ...simpleCors,
  allowMethods: ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
  exposeHeaders: ["*"],
};
const policy = (
  set: ResponseHeadersSpec["set"],
  cors?: ResponseHeadersSpec["cors"],
): ResponseHeadersSpec => ({ set, remove: [], serverTiming: false, ...(cors && { cors }) });

export const managedResponseHeaders: Record<string, ResponseHeadersSpec> = {
  // SimpleCORS
  "60669652-455b-4ae9-85a4-c4c02393f86c": policy([], simpleCors),
  // CORS-With-Preflight
  "5cc3b908-e619-4b99-88e5-2cf7f45965bd": policy([], preflightCors),
  // SecurityHeadersPolicy
  "67f7725c-6f97-4210-82d7-5512b31e9d03": policy(security),
  // CORS-and-SecurityHeadersPolicy
  "e61eb60c-9c35-4d20-a928-2b84e02af89c": policy(security, simpleCors),
  // CORS-with-preflight-and-SecurityHeadersPolicy
  "eaab4381-ed33-4a86-88ca-d9558dc6cd63": policy(security, preflightCors),
};
