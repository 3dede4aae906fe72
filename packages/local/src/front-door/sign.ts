/** Signature Version 4 by headers, for what this run asks of itself. */
import type { Credentials } from "../cloud/types.ts";
import { canonicalRequest, sha256 } from "./canonical.ts";
import { deriveSigningKey, hmac } from "./sigv4.ts";

/**
 * Adds the headers of a signature, which covers the host and all that begins with `x-amz-`.
 * @param options.now Milliseconds, by the run's clock.
 */
export function signHeaders(
  request: { method: string; path: string; query: string; headers: Record<string, string> },
  options: { credentials: Credentials; service: string; region: string; payloadHash: string; now: number },
): void {
  const { credentials, service, region, payloadHash } = options;
  const { headers } = request;
  const date = new Date(options.now).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = date.slice(0, 8);
  headers["x-amz-date"] = date;
  headers["x-amz-security-token"] = credentials.sessionToken;
  headers["x-amz-content-sha256"] = payloadHash;
  const signedHeaders = Object.keys(headers)
    .filter((name) => name === "host" || name.startsWith("x-amz-"))
    .sort();
  const canonical = canonicalRequest(
    { ...request, header: (name) => headers[name] },
    { service, signedHeaders, payloadHash },
  );
  const scope = `${day}/${region}/${service}/aws4_request`;
  const key = deriveSigningKey(credentials.secretAccessKey, day, region, service);
  const digest = sha256(Buffer.from(canonical, "latin1"));
  const signature = hmac(key, ["AWS4-HMAC-SHA256", date, scope, digest].join("\n")).toString("hex");
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
}
