/** Policies that behaviours name by id: the graph's own, and those that AWS manages. */
import type { GraphResource } from "../graph/types.ts";
import { managedCachePolicies, managedForwards, managedResponseHeaders } from "./cdn-managed.ts";
import type { BehaviourSpec, CachePolicySpec, ResponseHeadersSpec, Selection } from "./cdn-types.ts";
import { list, property, type Reader, record, texts, toFlag, toNumber, toText } from "./read.ts";

type Forward = BehaviourSpec["forward"];
export const nothing: Selection = { kind: "none", names: [] };

export interface CdnPolicies {
  cache(id: string): CachePolicySpec | undefined;
  forward(id: string): Forward | undefined;
  responseHeaders(id: string): ResponseHeadersSpec | undefined;
}

export function readCdnPolicies(reader: Reader): CdnPolicies {
  const byId = <T>(type: string, read: (resource: GraphResource) => T) =>
    new Map(reader.all(`aws:cloudfront/${type}`).map((one) => [toText(one.outputs.id) ?? "", read(one)]));
  const cache = byId("cachePolicy:CachePolicy", readCachePolicy);
  const forward = byId("originRequestPolicy:OriginRequestPolicy", readForward);
  const headers = byId("responseHeadersPolicy:ResponseHeadersPolicy", readResponseHeaders);
  return {
    cache: (id) => cache.get(id) ?? managedCachePolicies[id],
    forward: (id) => forward.get(id) ?? managedForwards[id],
    responseHeaders: (id) => headers.get(id) ?? managedResponseHeaders[id],
  };
}

/** `{ <what>Behavior: "whitelist", <what>s: { items: [...] } }` */
function selection(value: unknown, what: "cookie" | "header" | "queryString"): Selection {
  const config = record(value);
  const kind = toText(config[`${what}Behavior`]) ?? "none";
  const items = texts(record(config[`${what}s`]).items);
  const names = what === "header" ? items.map((name) => name.toLowerCase()) : items;
  if (kind === "whitelist") return { kind: "only", names };
  if (kind === "allExcept") return { kind: "except", names };
  return { kind: kind === "none" ? "none" : "all", names: [] };
}

/** Where the provider is given no times it takes these. */
function readCachePolicy(resource: GraphResource): CachePolicySpec {
  const keyed = record(property(resource, "parametersInCacheKeyAndForwardedToOrigin"));
  return {
    minTtl: toNumber(property(resource, "minTtl")) ?? 0,
    defaultTtl: toNumber(property(resource, "defaultTtl")) ?? 86_400,
    maxTtl: toNumber(property(resource, "maxTtl")) ?? 31_536_000,
    queries: selection(keyed.queryStringsConfig, "queryString"),
    headers: selection(keyed.headersConfig, "header"),
    cookies: selection(keyed.cookiesConfig, "cookie"),
    gzip: toFlag(keyed.enableAcceptEncodingGzip) ?? false,
    brotli: toFlag(keyed.enableAcceptEncodingBrotli) ?? false,
  };
}

function readForward(resource: GraphResource): Forward {
  return {
    queries: selection(property(resource, "queryStringsConfig"), "queryString"),
    headers: selection(property(resource, "headersConfig"), "header"),
    cookies: selection(property(resource, "cookiesConfig"), "cookie"),
  };
}

/** What was there before policies: `forwardedValues` and times in the behaviour itself. */
export function readForwardedValues(behaviour: Record<string, unknown>): CachePolicySpec {
  const values = record(behaviour.forwardedValues);
  const cookies = record(values.cookies);
  const headers = texts(values.headers).map((name) => name.toLowerCase());
  const keys = texts(values.queryStringCacheKeys);
  const only = (names: string[]): Selection => (names.length > 0 ? { kind: "only", names } : nothing);
  return {
    minTtl: toNumber(behaviour.minTtl) ?? 0,
    defaultTtl: toNumber(behaviour.defaultTtl) ?? 86_400,
    maxTtl: toNumber(behaviour.maxTtl) ?? 31_536_000,
    queries:
      values.queryString !== true
        ? nothing
        : keys.length > 0
          ? { kind: "only", names: keys }
          : { kind: "all", names: [] },
    headers: headers.includes("*") ? { kind: "all", names: [] } : only(headers),
    cookies:
      cookies.forward === "all"
        ? { kind: "all", names: [] }
        : cookies.forward === "whitelist"
          ? only(texts(cookies.whitelistedNames))
          : nothing,
    gzip: behaviour.compress === true,
    brotli: false,
  };
}

function readResponseHeaders(resource: GraphResource): ResponseHeadersSpec {
  const cors = record(property(resource, "corsConfig"));
  const items = (name: string) => texts(record(cors[name]).items);
  const maxAge = toNumber(cors.accessControlMaxAgeSec);
  return {
    set: [
      ...securityHeaders(record(property(resource, "securityHeadersConfig"))),
      ...list(record(property(resource, "customHeadersConfig")).items).map((item) => ({
        name: (toText(item.header) ?? "").toLowerCase(),
        value: toText(item.value) ?? "",
        override: toFlag(item.override) ?? false,
      })),
    ],
    remove: list(record(property(resource, "removeHeadersConfig")).items).map((item) =>
      (toText(item.header) ?? "").toLowerCase(),
    ),
    ...(Object.keys(cors).length > 0 && {
      cors: {
        allowOrigins: items("accessControlAllowOrigins"),
        allowMethods: items("accessControlAllowMethods"),
        allowHeaders: items("accessControlAllowHeaders"),
        exposeHeaders: items("accessControlExposeHeaders"),
        allowCredentials: toFlag(cors.accessControlAllowCredentials) ?? false,
        ...(maxAge !== undefined && { maxAgeSeconds: maxAge }),
        override: toFlag(cors.originOverride) ?? false,
      },
    }),
    serverTiming: record(property(resource, "serverTimingHeadersConfig")).enabled === true,
  };
}

function securityHeaders(config: Record<string, unknown>): ResponseHeadersSpec["set"] {
  const headers: ResponseHeadersSpec["set"] = [];
  const add = (key: string, name: string, value: (one: Record<string, unknown>) => string) => {
    if (config[key] === undefined || config[key] === null) return;
    const one = record(config[key]);
    headers.push({ name, value: value(one), override: toFlag(one.override) ?? false });
  };
  add("strictTransportSecurity", "strict-transport-security", (one) =>
    [
      `max-age=${toNumber(one.accessControlMaxAgeSec) ?? 0}`,
      ...(one.includeSubdomains === true ? ["includeSubDomains"] : []),
      ...(one.preload === true ? ["preload"] : []),
    ].join("; "),
  );
  add("contentTypeOptions", "x-content-type-options", () => "nosniff");
  add("frameOptions", "x-frame-options", (one) => toText(one.frameOption) ?? "DENY");
  add("referrerPolicy", "referrer-policy", (one) => toText(one.referrerPolicy) ?? "");
  add("contentSecurityPolicy", "content-security-policy", (one) => toText(one.contentSecurityPolicy) ?? "");
  add("xssProtection", "x-xss-protection", (one) => {
    if (one.protection !== true) return "0";
    const report = toText(one.reportUri);
    return `1${one.modeBlock === true ? "; mode=block" : ""}${report ? `; report=${report}` : ""}`;
  });
  return headers;
}
