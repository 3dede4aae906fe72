/** Who sends a request: its signature checked, before anything it says is believed. */
import type { IncomingMessage } from "node:http";
import { AwsError } from "../cloud/errors.ts";
import type { CredentialStore, Principal } from "../cloud/types.ts";
import { type SignableRequest, sha256 } from "./canonical.ts";
import {
  createVerifier,
  readAuthorization,
  readPresigned,
  type SignatureClaim,
  type SigningClock,
} from "./sigv4.ts";

/** What the signature of a request says, unchecked. Undefined: the request is not signed. */
export function readClaim(headers: Record<string, string>, query: string): SignatureClaim | undefined {
  const { authorization } = headers;
  // Other schemes, such as Bearer, are no signature: the request is then as good as anonymous.
  if (authorization?.startsWith("AWS")) return readAuthorization(authorization, (name) => headers[name]);
  return query.includes("X-Amz-Signature=") || query.includes("X-Amz-Algorithm=")
    ? readPresigned(query)
    : undefined;
}

const streamedPayloads = new Set([
  "UNSIGNED-PAYLOAD",
  "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
]);

/**
 * What S3's signature covers of the body, which is checked as it streams.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function s3PayloadHash(
  claim: SignatureClaim,
  headers: Record<string, string>,
  query: URLSearchParams,
): string {
  const header = headers["x-amz-content-sha256"];
  if (claim.presigned)
    return claim.signedHeaders.includes("x-amz-content-sha256") && header
      ? header
      : (query.get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD");
  if (!header)
    throw new AwsError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
  if (!streamedPayloads.has(header) && !/^[0-9a-f]{64}$/.test(header))
    throw new AwsError(
      "InvalidArgument",
      `x-amz-content-sha256 must be ${[...streamedPayloads].join(", ")}, or a valid sha256 value.`,
    );
  return header;
}

/**
 * S3 refuses headers of its own that were added after signing, such as an ACL on somebody's presigned upload.
 */
export function refuseUnsignedHeaders(claim: SignatureClaim, headers: Record<string, string>): void {
  const added = Object.keys(headers).filter(
    (name) => name.startsWith("x-amz-") && !harmless.has(name) && !claim.signedHeaders.includes(name),
  );
  if (added.length > 0)
    throw new AwsError(
      "AccessDenied",
      "There were headers present in the request which were not signed",
      403,
      {
        HeadersNotSigned: added.join(", "),
      },
    );
}
const harmless = new Set(["x-amz-content-sha256", "x-amz-user-agent", "x-amz-date", "x-amz-security-token"]);

/** What the last line of the canonical request is for services whose bodies are read whole. */
export function payloadHash(claim: SignatureClaim, headers: Record<string, string>, body: Buffer): string {
  const unsigned =
    headers["x-amz-content-sha256"] === "UNSIGNED-PAYLOAD" &&
    claim.signedHeaders.includes("x-amz-content-sha256");
  return unsigned ? "UNSIGNED-PAYLOAD" : sha256(body);
}

export function signable(
  method: string,
  path: string,
  query: string,
  headers: Record<string, string>,
): SignableRequest {
  return { method, path, query, header: (name) => headers[name] };
}

export function flattenHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers[name] = typeof value === "string" ? value : value.join(",");
  return headers;
}

export function splitUrl(url: string): { path: string; query: string } {
  const mark = url.indexOf("?");
  return mark < 0 ? { path: url, query: "" } : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

/**
 * Checks signatures of requests that another listener has received, such as an API with IAM authorization.
 *
 * @param service Signing name that the signature must be for.
 * @param clock The run's.
 * @returns undefined for a request that is not signed.
 * @throws AwsError when the signature does not hold.
 */
export function createAuthenticator(
  credentials: CredentialStore,
  service: string,
  clock: SigningClock,
): (request: IncomingMessage, body: Buffer) => { principal: Principal; accessKeyId: string } | undefined {
  const verifier = createVerifier(credentials, clock);
  return (request, body) => {
    const headers = flattenHeaders(request);
    const { path, query } = splitUrl(request.url ?? "/");
    const claim = readClaim(headers, query);
    if (!claim) return undefined;
    if (claim.service !== service)
      throw new AwsError(
        "SignatureDoesNotMatch",
        `Credential should be scoped to correct service: '${service}'.`,
        403,
      );
    const signed = signable(request.method ?? "GET", path, query, headers);
    const { principal, accessKeyId } = verifier.verify(signed, claim, payloadHash(claim, headers, body));
    return { principal, accessKeyId };
  };
}
