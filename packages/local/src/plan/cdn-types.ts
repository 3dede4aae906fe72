/** CloudFront as the graph declares it, with every policy that a behaviour names resolved into the behaviour. */

/** Which of a request's headers, cookies or query strings are meant. Names of headers are in lower case. */
export interface Selection {
  kind: "none" | "all" | "only" | "except";
  names: string[];
}

export interface DistributionSpec {
  id: string;
  arn: string;
  /** Logical name of the component that it belongs to. */
  name: string;
  /** `d….cloudfront.net` */
  domainName: string;
  aliases: string[];
  enabled: boolean;
  /** Without a leading slash. */
  defaultRootObject?: string;
  origins: OriginSpec[];
  originGroups: { id: string; members: string[]; statusCodes: number[] }[];
  /** In the order they are asked; the last one is the default and takes every path. */
  behaviours: BehaviourSpec[];
  errorResponses: {
    code: number;
    responseCode?: number;
    pagePath?: string;
    /** Of `code`, with a page or without; absent: ten. */
    ttlSeconds?: number;
  }[];
}

export interface OriginSpec {
  id: string;
  domainName: string;
  /** Put in front of the path: empty, or with a leading slash and none at the end. */
  path: string;
  headers: Record<string, string>;
  /** How CloudFront speaks to it; `match-viewer` as the viewer does. */
  protocol: "http" | "https" | "match-viewer";
  httpPort: number;
  httpsPort: number;
  readTimeoutSeconds: number;
  /** Origin access control: requests are signed as CloudFront's own. */
  access?: OriginAccess;
}
export interface OriginAccess {
  /** What is behind it, which is what the signature is for. */
  service: "s3" | "lambda";
  /** `no-override`: a viewer's own Authorization header is left as it is. */
  signing: "always" | "never" | "no-override";
}

export interface BehaviourSpec {
  /** With `*` and `?`; `*` is the default's. */
  pattern: string;
  /** An origin or an origin group. */
  originId: string;
  allowedMethods: string[];
  cachedMethods: string[];
  viewerProtocol: "allow-all" | "https-only" | "redirect-to-https";
  compress: boolean;
  /** Public keys of the trusted key groups; absent: everybody may see what is here. */
  trustedKeys?: { id: string; pem: string }[];
  cache: CachePolicySpec;
  /** What the origin is sent beside what is in the cache key. */
  forward: { queries: Selection; headers: Selection; cookies: Selection };
  responseHeaders?: ResponseHeadersSpec;
  functions: { viewerRequest?: EdgeFunctionSpec; viewerResponse?: EdgeFunctionSpec };
}

/** Seconds. */
export interface CachePolicySpec {
  minTtl: number;
  defaultTtl: number;
  maxTtl: number;
  queries: Selection;
  headers: Selection;
  cookies: Selection;
  gzip: boolean;
  brotli: boolean;
}

export interface ResponseHeadersSpec {
  set: { name: string; value: string; override: boolean }[];
  remove: string[];
  cors?: {
    allowOrigins: string[];
    allowMethods: string[];
    allowHeaders: string[];
    exposeHeaders: string[];
    allowCredentials: boolean;
    maxAgeSeconds?: number;
    override: boolean;
  };
  serverTiming: boolean;
}

/** A CloudFront Function. */
export interface EdgeFunctionSpec {
  arn: string;
  name: string;
  code: string;
  /** ARN of the key value store that it is associated with. */
  keyValueStoreArn?: string;
}

export interface KeyValueStoreSpec {
  arn: string;
  name: string;
  entries: Record<string, string>;
}
