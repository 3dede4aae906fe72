/**
 * Addresses of the CDN. What lies under `media/` everybody may fetch; everything else needs a signature by a key that
 * Secrets Manager holds and CloudFront trusts (docs/decisions/0065-signing-without-a-library.md).
 */
import { now } from "../clock/index.ts";
import { config } from "../config/index.ts";
import { signer } from "./keys.ts";
import { encodeKey, encodePart, policyOf, toUrlText } from "./policy.ts";

/** Seconds. An expiry falls on a multiple of it: an address stays the same for as long, and browsers keep what it showed. */
const STEP = 15 * 60;
/** Addresses that were signed already; one takes a millisecond to sign, 400 bytes to keep. */
const KEPT = 5_000;
const kept = new Map<string, string>();

/** @param key Of an object under `media/`: immutable, so that the address may be kept for ever. */
export function publicUrl(key: string): string {
  return addressOf(key);
}

/**
 * An address that shows one object to whoever has it, until it expires: after `seconds`, and up to a quarter of an hour
 * (or as long again, where that is less) later. Made twice within that step it is the same.
 *
 * @param query Part of what is signed.
 * @throws ConfigError where the function is not linked to the CDN.
 */
export async function signedUrl(
  key: string,
  seconds: number,
  query: Record<string, string> = {},
): Promise<string> {
  const { keyPairId, sign } = await signer();
  const expires = expiryOf(seconds);
  const pairs = Object.entries(query).map((pair) => pair.map(encodePart).join("="));
  const url = [addressOf(key), ...(pairs.length > 0 ? [pairs.join("&")] : [])].join("?");
  return remember(`${keyPairId} ${expires} ${url}`, () => {
    const signature = toUrlText(sign(policyOf(url, expires)));
    const mark = pairs.length > 0 ? "&" : "?";
    return `${url}${mark}Expires=${expires}&Signature=${signature}&Key-Pair-Id=${keyPairId}`;
  });
}

/**
 * The same for everything below a prefix, by one signature: for the sizes of a picture, and for lists. Whoever has one
 * address can make the others.
 *
 * @param prefix Such as `private/<hash>/`; ends with a slash, so that it covers no neighbour.
 * @returns Makes the address of a key below the prefix.
 */
export async function signedUrls(prefix: string, seconds: number): Promise<(key: string) => string> {
  const { parameters } = await signedPrefix(prefix, seconds);
  return (key) => {
    if (!key.startsWith(prefix)) throw new Error(`${key} is not below ${prefix}`);
    return `${addressOf(key)}?${parameters}`;
  };
}

/**
 * Cookies that open everything below a prefix, by name. They reach the CDN only when its name and that of whoever sets
 * them have a parent in common: `cdn.` and `api.` of the same domain. To be set `Secure; HttpOnly; SameSite=Strict`.
 */
export async function signedCookies(prefix: string, seconds: number): Promise<Record<string, string>> {
  const { policy, signature, keyPairId } = await signedPrefix(prefix, seconds);
  return {
    "CloudFront-Policy": policy,
    "CloudFront-Signature": signature,
    "CloudFront-Key-Pair-Id": keyPairId,
  };
}

async function signedPrefix(prefix: string, seconds: number) {
  if (!prefix.endsWith("/")) throw new Error(`the prefix ${prefix} must end with a slash`);
  const { keyPairId, sign } = await signer();
  const expires = expiryOf(seconds);
  const text = policyOf(`${addressOf(prefix)}*`, expires);
  const policy = toUrlText(Buffer.from(text));
  const signature = remember(`${keyPairId} ${text}`, () => toUrlText(sign(text)));
  return {
    policy,
    signature,
    keyPairId,
    parameters: `Policy=${policy}&Signature=${signature}&Key-Pair-Id=${keyPairId}`,
  };
}

function addressOf(key: string): string {
  return `${config("Cdn").url.replace(/\/$/, "")}/${encodeKey(key)}`;
}

function expiryOf(seconds: number): number {
  if (!(seconds > 0)) throw new Error("an address needs a life of more than no seconds");
  const step = Math.min(STEP, Math.ceil(seconds));
  return Math.ceil((now() / 1000 + seconds) / step) * step;
}

function remember(what: string, make: () => string): string {
  const known = kept.get(what);
  if (known !== undefined) return known;
  const made = make();
  // Those that expired are never asked for again: it is enough that there are not too many.
  if (kept.size >= KEPT) kept.clear();
  kept.set(what, made);
  return made;
}
