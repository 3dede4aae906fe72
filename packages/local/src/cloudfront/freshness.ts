/**
 * How long an answer is kept.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/Expiration.html
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
 */
import type { CachePolicySpec } from "../plan/cdn-types.ts";
import type { Headers } from "./http.ts";

const keptCodes = new Set([200, 203, 300, 301, 302, 307, 308, 410]);
/** Kept for the error caching minimum. */
const errorCodes = new Set([400, 403, 404, 405, 412, 414, 415, 416, 500, 501, 502, 503, 504]);
/** What errors are kept for where the distribution does not say. */
const ERROR_SECONDS = 10;

export function isError(status: number): boolean {
  return errorCodes.has(status);
}

/**
 * @param now Milliseconds.
 * @param errorSeconds What the distribution says of this status.
 * @returns Seconds; 0: it is not kept.
 */
export function secondsToKeep(
  answer: { status: number; headers: Headers },
  policy: Pick<CachePolicySpec, "minTtl" | "defaultTtl" | "maxTtl">,
  now: number,
  errorSeconds: number | undefined,
): number {
  const { status, headers } = answer;
  const directives = readCacheControl(headers["cache-control"]);
  const asked = askedSeconds(directives, headers, now);
  if (errorCodes.has(status)) {
    // An error may ask to be kept longer, not shorter.
    const minimum = errorSeconds ?? ERROR_SECONDS;
    return refusesCaching(directives) ? minimum : Math.max(minimum, asked ?? 0);
  }
  if (!keptCodes.has(status)) return 0;
  if (refusesCaching(directives)) return policy.minTtl;
  if (asked === undefined) return Math.max(policy.minTtl, Math.min(policy.defaultTtl, policy.maxTtl));
  return Math.max(policy.minTtl, Math.min(asked, policy.maxTtl));
}

type Directives = Map<string, string>;
function readCacheControl(value: string | string[] | undefined): Directives {
  const directives: Directives = new Map();
  for (const part of String(value ?? "").split(",")) {
    const [name = "", argument = ""] = part.split("=");
    if (name.trim() !== "") directives.set(name.trim().toLowerCase(), argument.trim().replaceAll('"', ""));
  }
  return directives;
}

const refusesCaching = (directives: Directives) =>
  ["no-store", "no-cache", "private"].some((name) => directives.has(name));

/** `s-maxage` before `max-age` before `Expires`; undefined: the origin says nothing. */
function askedSeconds(directives: Directives, headers: Headers, now: number): number | undefined {
  for (const name of ["s-maxage", "max-age"]) {
    const seconds = directives.get(name);
    if (seconds !== undefined && /^\d+$/.test(seconds)) return Number(seconds);
  }
  if (headers.expires === undefined) return undefined;
  const expires = Date.parse(String(headers.expires));
  // What is no date is in the past (RFC 9111 section 5.3).
  return Number.isNaN(expires) ? 0 : Math.max(0, Math.floor((expires - now) / 1000));
}
