/**
 * What tells two requests apart in the cache, and what the origin is sent.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/controlling-the-cache-key.html
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html
 */
import type { BehaviourSpec, CachePolicySpec, OriginSpec, Selection } from "../plan/cdn-types.ts";
import { isHopHeader, readCookies, type ViewerRequest } from "./http.ts";

function selects(selection: Selection, name: string): boolean {
  switch (selection.kind) {
    case "all":
      return true;
    case "none":
      return false;
    default:
      return selection.names.includes(name) === (selection.kind === "only");
  }
}

function pairsOf(query: string): [name: string, pair: string][] {
  if (query === "") return [];
  return query.split("&").map((pair) => [pair.split("=", 1)[0] ?? "", pair]);
}

/** Encodings that the viewer takes and the policy tells apart, in CloudFront's own writing. */
export function acceptedEncodings(request: ViewerRequest, policy: CachePolicySpec): ("br" | "gzip")[] {
  const accepted = (request.headers["accept-encoding"] ?? "").split(",").flatMap((item) => {
    const [name = "", ...parameters] = item.split(";");
    const refused = parameters.some((parameter) => /^\s*q=0(\.0*)?\s*$/.test(parameter));
    return refused ? [] : [name.trim().toLowerCase()];
  });
  return [
    ...(policy.brotli && accepted.includes("br") ? (["br"] as const) : []),
    ...(policy.gzip && accepted.includes("gzip") ? (["gzip"] as const) : []),
  ];
}

/** @param origin What is asked: a function may have chosen another one. */
export function cacheKey(request: ViewerRequest, policy: CachePolicySpec, origin: OriginSpec): string {
  const headers = policy.headers.names.map((name) => `${name}:${request.headers[name] ?? ""}`);
  const cookies = readCookies(request.headers.cookie).filter(([name]) => selects(policy.cookies, name));
  return JSON.stringify([
    origin.domainName,
    request.uri,
    keyedQuery(request, policy),
    policy.headers.kind === "all" ? Object.entries(request.headers) : headers,
    cookies,
    acceptedEncodings(request, policy),
  ]);
}

/** What of a query tells one answer from another. */
export function keyedQuery({ query }: ViewerRequest, policy: CachePolicySpec): string {
  return pairsOf(query)
    .filter(([name]) => selects(policy.queries, name))
    .map(([, pair]) => pair)
    .join("&");
}

export function originQuery({ query }: ViewerRequest, { cache, forward }: BehaviourSpec): string {
  return pairsOf(query)
    .filter(([name]) => selects(cache.queries, name) || selects(forward.queries, name))
    .map(([, pair]) => pair)
    .join("&");
}

/** Without which a body is none. */
const ofTheBody = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "content-language",
  "content-md5",
  "x-amz-content-sha256",
]);
/** CloudFront's own to give. */
const ownHeader =
  /^(cloudfront-|x-amz-cf-|cdn-loop$|via$|x-forwarded-for$|host$|cookie$|accept-encoding$|user-agent$|range$|if-)/;

/** Whether cookies go through to the origin; where they do not, none come back either. */
export function passesCookies({ cache, forward }: BehaviourSpec): boolean {
  return cache.cookies.kind !== "none" || forward.cookies.kind !== "none";
}

export function originHeaders(
  request: ViewerRequest,
  behaviour: BehaviourSpec,
  origin: OriginSpec,
  distributionId: string,
): Record<string, string> {
  const { cache, forward } = behaviour;
  const told = (name: string) => selects(cache.headers, name) || selects(forward.headers, name);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (!isHopHeader(name) && !ownHeader.test(name) && (ofTheBody.has(name) || told(name)))
      headers[name] = value;
  const cookies = readCookies(request.headers.cookie).filter(
    ([name]) => selects(cache.cookies, name) || selects(forward.cookies, name),
  );
  if (cookies.length > 0) headers.cookie = cookies.map(([name, value]) => `${name}=${value}`).join("; ");
  const encodings = acceptedEncodings(request, cache);
  const accepted = request.headers["accept-encoding"];
  if (cache.gzip || cache.brotli) {
    if (encodings.length > 0) headers["accept-encoding"] = encodings.join(",");
  } else if (accepted !== undefined && told("accept-encoding")) headers["accept-encoding"] = accepted;

  const agent = request.headers["user-agent"];
  headers["user-agent"] = agent !== undefined && told("user-agent") ? agent : "Amazon CloudFront";
  // S3 would take another host for another bucket, and a signature is for its own.
  const viewerHost = told("host") && !origin.access ? request.headers.host : undefined;
  headers.host = viewerHost ?? origin.domainName;
  const forwardedFor = request.headers["x-forwarded-for"];
  headers["x-forwarded-for"] = forwardedFor ? `${forwardedFor}, ${request.ip}` : request.ip;
  headers["x-amz-cf-id"] = request.id;
  headers.via = `1.1 ${distributionId.toLowerCase()}.cloudfront.net (CloudFront)`;
  headers["cdn-loop"] = [request.headers["cdn-loop"], `cloudfront; id=${distributionId}`]
    .filter(Boolean)
    .join(", ");
  for (const [name, value] of Object.entries(viewerHeaders(request))) if (told(name)) headers[name] = value;
  return { ...headers, ...origin.headers };
}

/** What CloudFront knows of a viewer. Where on earth one is, it does not know here. */
export function viewerHeaders(request: ViewerRequest): Record<string, string> {
  return {
    "cloudfront-forwarded-proto": request.https ? "https" : "http",
    "cloudfront-viewer-address": request.ip,
  };
}
