/**
 * Signed URLs and signed cookies.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-cookies.html
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { wildcard } from "./match.ts";

/** The parameters of a signed URL: CloudFront takes them for itself, and the origin never sees them. */
const parameters = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"];

export interface SignedRequest {
  /** What the signer may have called it: scheme, host and path, by each of the distribution's names. */
  bases: string[];
  /** As sent, without `?`. */
  query: string;
  cookies: Record<string, string>;
  ip: string;
  /** Seconds since the epoch. */
  now: number;
}
/** Why somebody may not see it, as CloudFront says it, with 403. */
export interface SignatureRefusal {
  code: string;
  message: string;
}

const missing = (what: string, code: string): SignatureRefusal => ({
  code,
  message: `Missing ${what} query parameter or cookie value`,
});
const denied: SignatureRefusal = { code: "AccessDenied", message: "Access denied" };
const malformed: SignatureRefusal = { code: "MalformedPolicy", message: "Malformed Policy" };

const publicKeys = new Map<string, KeyObject>();
function publicKey(pem: string): KeyObject {
  const known = publicKeys.get(pem);
  if (known) return known;
  const key = createPublicKey(pem);
  if (publicKeys.size >= 1000) publicKeys.clear();
  publicKeys.set(pem, key);
  return key;
}

/** @returns undefined: whoever asks may see it. */
export function checkSignature(
  request: SignedRequest,
  keys: readonly { id: string; pem: string }[],
): SignatureRefusal | undefined {
  const given = readGiven(request);
  if (!given.keyPairId) return missing("Key-Pair-Id", "MissingKey");
  const key = keys.find(({ id }) => id === given.keyPairId);
  if (!key) return { code: "InvalidKey", message: "Unknown Key" };
  if (!given.signature) return missing("Signature", "MissingSignature");
  const signature = decode(given.signature);
  const algorithm = hashes[given.algorithm ?? "SHA1"];
  if (!signature || !algorithm) return denied;
  const resources = request.bases.map((base) => (given.query === "" ? base : `${base}?${given.query}`));

  if (given.policy === undefined) {
    if (!given.expires) return missing("Policy", "MissingPolicy");
    if (!/^\d{1,12}$/.test(given.expires)) return malformed;
    const expires = Number(given.expires);
    const signed = resources.some((resource) =>
      verify(algorithm, Buffer.from(cannedPolicy(resource, expires)), publicKey(key.pem), signature),
    );
    return signed && request.now < expires ? undefined : denied;
  }

  const text = decode(given.policy);
  if (!text) return malformed;
  if (!verify(algorithm, text, publicKey(key.pem), signature)) return denied;
  const policy = readPolicy(text.toString("utf8"));
  if (!policy) return malformed;
  const here =
    resources.some((resource) => wildcard(policy.resource, resource)) &&
    request.now < policy.before &&
    (policy.after === undefined || request.now > policy.after) &&
    (policy.range === undefined || inRange(policy.range, request.ip));
  return here ? undefined : denied;
}

const hashes: Record<string, string> = { SHA1: "sha1", SHA256: "sha256" };

/** To the letter what a signer of a URL with an expiry alone signs. */
export function cannedPolicy(resource: string, expires: number): string {
  return `{"Statement":[{"Resource":"${resource}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`;
}

interface Given {
  keyPairId: string | undefined;
  signature: string | undefined;
  policy: string | undefined;
  expires: string | undefined;
  algorithm: string | undefined;
  /** What is left of the query. */
  query: string;
}

/** A URL that is signed counts alone, whatever cookies come with it. */
function readGiven({ query, cookies }: SignedRequest): Given {
  const pairs = query === "" ? [] : query.split("&");
  const own = new Map<string, string>();
  for (const pair of pairs) {
    const [name = "", value = ""] = split(pair);
    if (parameters.includes(name)) own.set(name, value);
  }
  const of = (name: string) => (own.size > 0 ? own.get(name) : cookies[`CloudFront-${name}`]);
  return {
    keyPairId: of("Key-Pair-Id"),
    signature: of("Signature"),
    policy: of("Policy"),
    expires: of("Expires"),
    algorithm: of("Hash-Algorithm"),
    query: withoutSignature(query),
  };
}

/** A query without the parameters of a signed URL. */
export function withoutSignature(query: string): string {
  if (query === "") return "";
  return query
    .split("&")
    .filter((pair) => !parameters.includes(split(pair)[0] ?? ""))
    .join("&");
}

function split(pair: string): string[] {
  const equals = pair.indexOf("=");
  if (equals < 0) return [pair, ""];
  const value = pair.slice(equals + 1);
  try {
    return [pair.slice(0, equals), decodeURIComponent(value)];
  } catch {
    return [pair.slice(0, equals), value];
  }
}

/** Base64 with `-`, `_` and `~` in the place of `+`, `=` and `/`. */
function decode(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9\-_~+/=]+$/.test(text)) return undefined;
  const base64 = text.replaceAll("-", "+").replaceAll("_", "=").replaceAll("~", "/");
  return Buffer.from(base64, "base64");
}

interface Policy {
  resource: string;
  before: number;
  after?: number;
  range?: string;
}

/** https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html */
function readPolicy(text: string): Policy | undefined {
  try {
    const { Statement } = JSON.parse(text) as { Statement?: unknown };
    if (!Array.isArray(Statement) || Statement.length !== 1) return undefined;
    const [{ Resource = "*", Condition }] = Statement as [
      { Resource?: unknown; Condition?: Record<string, Record<string, unknown>> },
    ];
    const before = Condition?.DateLessThan?.["AWS:EpochTime"];
    const after = Condition?.DateGreaterThan?.["AWS:EpochTime"];
    const range = Condition?.IpAddress?.["AWS:SourceIp"];
    if (typeof Resource !== "string" || typeof before !== "number") return undefined;
    if (after !== undefined && typeof after !== "number") return undefined;
    if (range !== undefined && typeof range !== "string") return undefined;
    return {
      resource: Resource,
      before,
      ...(after !== undefined && { after }),
      ...(range !== undefined && { range }),
    };
  } catch {
    return undefined;
  }
}

/** IPv4 alone, as an address or a block; what is no range holds nobody. */
function inRange(range: string, ip: string): boolean {
  const [address = "", bits = "32"] = range.split("/");
  if (isIP(address) !== 4 || isIP(ip) !== 4 || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return false;
  const block = new BlockList();
  block.addSubnet(address, Number(bits), "ipv4");
  return block.check(ip, "ipv4");
}
