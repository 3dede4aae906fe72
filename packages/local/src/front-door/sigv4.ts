/**
 * Verification of Signature Version 4, in the header and in the query ("presigned").
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../cloud/clock.ts";
import { AwsError } from "../cloud/errors.ts";
import type { CredentialStore, Principal } from "../cloud/types.ts";
import { canonicalRequest, decode, EMPTY_HASH, type SignableRequest, sha256 } from "./canonical.ts";

const ALGORITHM = "AWS4-HMAC-SHA256";
const SKEW_MS = 15 * 60_000;
const LONGEST_EXPIRY_SECONDS = 7 * 24 * 3600;

/** What a request says about its signature, before any of it is believed. */
export interface SignatureClaim {
  presigned: boolean;
  accessKeyId: string;
  /** `20240601` */
  day: string;
  region: string;
  service: string;
  /** `20240601T120000Z` */
  date: string;
  signedHeaders: string[];
  signature: string;
  sessionToken: string | undefined;
  /** Seconds; presigned only. */
  expires: number;
}
export interface Verified {
  principal: Principal;
  accessKeyId: string;
  claim: SignatureClaim;
  /** Of the day, region and service; the chunks of a streamed body are signed with it too. */
  signingKey: Buffer;
}
export interface Verifier {
  /**
   * @param payloadHash The last line of the canonical request.
   * @throws AwsError SignatureDoesNotMatch, InvalidClientTokenId, InvalidToken, RequestTimeTooSkewed, RequestExpired.
   */
  verify(request: SignableRequest, claim: SignatureClaim, payloadHash: string): Verified;
}

/**
 * What times of signatures are compared with. Functions sign by the run's clock, which may have been moved, and
 * programs outside of the run by the machine's.
 */
export type SigningClock = Pick<Clock, "now" | "atMachineTime" | "isNow">;

export function createVerifier(credentials: CredentialStore, clock: SigningClock): Verifier {
  const keys = new Map<string, Buffer>();

  /** Four HMACs a day, region and service rather than four a call. */
  function signingKey(claim: SignatureClaim, secret: string): Buffer {
    const id = `${claim.accessKeyId}/${scopeOf(claim)}`;
    const known = keys.get(id);
    if (known) return known;
    const key = deriveSigningKey(secret, claim.day, claim.region, claim.service);
    if (keys.size >= 10_000) keys.clear();
    keys.set(id, key);
    return key;
  }

  return {
    verify(request, claim, payloadHash) {
      const known = credentials.find(claim.accessKeyId);
      if (!known)
        throw new AwsError(
          "InvalidClientTokenId",
          "The security token included in the request is invalid.",
          403,
        );
      if ((claim.sessionToken ?? "") !== known.credentials.sessionToken)
        throw new AwsError(
          "InvalidToken",
          claim.sessionToken === undefined
            ? "The request carries no session token, which its temporary access key needs."
            : "The session token of the request belongs to another access key.",
          403,
        );
      checkTime(claim, clock);
      checkSignedHeaders(request, claim);
      const canonical = canonicalRequest(request, {
        service: claim.service,
        signedHeaders: claim.signedHeaders,
        payloadHash,
        ...(claim.presigned ? { omit: "X-Amz-Signature" } : {}),
      });
      const key = signingKey(claim, known.credentials.secretAccessKey);
      // Node reads headers as Latin-1: this is their bytes again, which is what was signed.
      const digest = sha256(Buffer.from(canonical, "latin1"));
      const expected = hmac(key, [ALGORITHM, claim.date, scopeOf(claim), digest].join("\n"));
      if (!sameBytes(expected, Buffer.from(claim.signature, "hex"))) throw signatureMismatch();
      return { principal: known.principal, accessKeyId: claim.accessKeyId, claim, signingKey: key };
    },
  };
}

export function deriveSigningKey(secret: string, day: string, region: string, service: string): Buffer {
  let key = hmac(`AWS4${secret}`, day);
  for (const part of [region, service, "aws4_request"]) key = hmac(key, part);
  return key;
}

export function scopeOf(claim: Pick<SignatureClaim, "day" | "region" | "service">): string {
  return `${claim.day}/${claim.region}/${claim.service}/aws4_request`;
}

/**
 * Verifies a presigned request that came by another way than HTTP, such as the token an RDS client gives as its
 * password.
 *
 * @param request.host As signed, with the port where it was part of it.
 * @param expected The service and region that the signature must be for.
 * @throws AwsError as `Verifier.verify`, and IncompleteSignature where the query is not that of a presigned request.
 */
export function verifyPresigned(
  request: { method: string; host: string; path: string; query: string },
  expected: { service: string; region: string },
  credentials: CredentialStore,
  clock: SigningClock,
): Verified {
  const signable: SignableRequest = {
    ...request,
    header: (name) => (name === "host" ? request.host : undefined),
  };
  const claim = readPresigned(request.query);
  if (claim.service !== expected.service || claim.region !== expected.region)
    throw new AwsError(
      "SignatureDoesNotMatch",
      `Credential should be scoped to ${expected.region}/${expected.service}, not ${claim.region}/${claim.service}.`,
      403,
    );
  return createVerifier(credentials, clock).verify(signable, claim, EMPTY_HASH);
}

/** Reads `AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...`. */
export function readAuthorization(authorization: string, header: SignableRequest["header"]): SignatureClaim {
  const space = authorization.indexOf(" ");
  const algorithm = space < 0 ? authorization : authorization.slice(0, space);
  if (algorithm !== ALGORITHM)
    throw new AwsError(
      "IncompleteSignature",
      `The authorization mechanism ${JSON.stringify(algorithm.slice(0, 40))} is not supported. Please use ${ALGORITHM}.`,
    );
  const fields = new Map<string, string>();
  for (const part of authorization.slice(space + 1).split(",")) {
    const equals = part.indexOf("=");
    fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const date = header("x-amz-date");
  if (!date) throw incomplete("Authorization header requires existence of an 'X-Amz-Date' header.");
  return claimOf({
    presigned: false,
    credential: fields.get("Credential"),
    signedHeaders: fields.get("SignedHeaders"),
    signature: fields.get("Signature"),
    date,
    sessionToken: header("x-amz-security-token"),
    expires: 0,
  });
}

/** Reads the `X-Amz-*` parameters of a raw query. */
export function readPresigned(query: string): SignatureClaim {
  const fields = new Map<string, string>();
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (fields.has(name) && name.startsWith("X-Amz-")) throw incomplete(`${name} is given twice.`);
    fields.set(name, decode(equals < 0 ? "" : pair.slice(equals + 1)));
  }
  if (fields.get("X-Amz-Algorithm") !== ALGORITHM)
    throw incomplete(`X-Amz-Algorithm only supports "${ALGORITHM}".`);
  const expires = Number(fields.get("X-Amz-Expires"));
  if (!Number.isInteger(expires) || expires < 1 || expires > LONGEST_EXPIRY_SECONDS)
    throw new AwsError(
      "AuthorizationQueryParametersError",
      `X-Amz-Expires must be a whole number of seconds from 1 to ${LONGEST_EXPIRY_SECONDS}.`,
    );
  return claimOf({
    presigned: true,
    credential: fields.get("X-Amz-Credential"),
    signedHeaders: fields.get("X-Amz-SignedHeaders"),
    signature: fields.get("X-Amz-Signature"),
    date: fields.get("X-Amz-Date") ?? "",
    sessionToken: fields.get("X-Amz-Security-Token"),
    expires,
  });
}

interface ClaimFields {
  presigned: boolean;
  credential: string | undefined;
  signedHeaders: string | undefined;
  signature: string | undefined;
  date: string;
  sessionToken: string | undefined;
  expires: number;
}

function claimOf({ credential, signedHeaders, signature, ...rest }: ClaimFields): SignatureClaim {
  const [accessKeyId, day, region, service, terminator, more] = (credential ?? "").split("/");
  if (!accessKeyId || !day || !region || !service || terminator !== "aws4_request" || more !== undefined)
    throw incomplete("Credential must be <key>/<date>/<region>/<service>/aws4_request.");
  if (!signedHeaders) throw incomplete("SignedHeaders is missing.");
  if (!signature) throw incomplete("Signature is missing.");
  return {
    ...rest,
    accessKeyId,
    day,
    region,
    service,
    signedHeaders: signedHeaders.toLowerCase().split(";"),
    signature,
  };
}

/** @throws AwsError when the signature holds neither by the run's clock nor, for who goes by it, by the machine's. */
function checkTime(claim: SignatureClaim, clock: SigningClock) {
  const signedAt = parseDate(claim.date);
  if (Number.isNaN(signedAt) || !claim.date.startsWith(claim.day))
    throw new AwsError(
      "SignatureDoesNotMatch",
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: ${claim.day} and ${claim.date}.`,
      403,
    );
  const now = clock.now();
  const refusal = refusalAt(claim, signedAt, now);
  if (!refusal) return;
  if (!claim.presigned && clock.isNow(signedAt, SKEW_MS)) return;
  // Dates of signatures leave out fractions. Within the second of a move, a database token, which is used at once, was
  // signed after it, and an address, which lives for a while, before.
  const times = !claim.presigned ? [] : claim.service === "rds-db" ? [signedAt, signedAt + 999] : [signedAt];
  for (const time of times) {
    const byMachine = clock.atMachineTime(time);
    if (byMachine !== undefined && !refusalAt(claim, byMachine, now)) return;
  }
  throw refusal;
}

function refusalAt(claim: SignatureClaim, signedAt: number, now: number): AwsError | undefined {
  if (claim.presigned) {
    if (now > signedAt + claim.expires * 1000)
      return new AwsError("RequestExpired", "Request has expired", 403);
    if (signedAt > now + SKEW_MS) return new AwsError("RequestExpired", "Request is not yet valid", 403);
  } else if (Math.abs(now - signedAt) > SKEW_MS)
    return new AwsError(
      "RequestTimeTooSkewed",
      `Signature not yet current or expired: signed at ${claim.date}, the time is ${new Date(now).toISOString()}.`,
      403,
    );
  return undefined;
}

function checkSignedHeaders(request: SignableRequest, claim: SignatureClaim) {
  if (!claim.signedHeaders.includes("host"))
    throw new AwsError(
      "SignatureDoesNotMatch",
      "'Host' must be a 'SignedHeader' in the AWS Authorization.",
      403,
    );
  // An operation that nobody signed would let a captured signature do something else.
  if (request.header("x-amz-target") !== undefined && !claim.signedHeaders.includes("x-amz-target"))
    throw new AwsError("SignatureDoesNotMatch", "'X-Amz-Target' must be a 'SignedHeader'.", 403);
}

/** `20240601T120000Z` as milliseconds; NaN for what is no such date. */
export function parseDate(date: string): number {
  if (date.length !== 16 || date[8] !== "T" || date[15] !== "Z") return Number.NaN;
  const part = (from: number, to: number) => Number(date.slice(from, to));
  return Date.UTC(part(0, 4), part(4, 6) - 1, part(6, 8), part(9, 11), part(11, 13), part(13, 15));
}

export function signatureMismatch(): AwsError {
  return new AwsError(
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    403,
  );
}
function incomplete(message: string): AwsError {
  return new AwsError("IncompleteSignature", message);
}
export function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
export function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
