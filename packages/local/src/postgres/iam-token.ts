/**
 * RDS authentication tokens: a presigned request for `connect` of the service `rds-db`, without its scheme, used as
 * password (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html).
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { CredentialStore, Principal } from "../cloud/types.ts";

/** Why a token is not accepted. For the developer's eyes: the client learns no reason, as on AWS. */
export class InvalidToken extends Error {}

const SERVICE = "rds-db";
const LIFETIME_SECONDS = 900;
/** SigV4's tolerance for a signer whose clock is ahead. */
const SKEW_MS = 5 * 60_000;

/**
 * @param expected.endpoints `host:port` of every name that leads to the server.
 * @returns whose keys signed it. @throws InvalidToken
 */
export function verifyToken(
  token: string,
  expected: { endpoints: string[]; user: string; region: string },
  credentials: CredentialStore,
): Principal {
  if (!token.includes("X-Amz-Signature="))
    throw new InvalidToken("the password is not an IAM token; a member of rds_iam cannot log in by password");
  let url: URL;
  try {
    url = new URL(`https://${token}`);
  } catch {
    throw new InvalidToken("the token is not a presigned URL");
  }
  const query = url.searchParams;
  const one = (name: string) => {
    const values = query.getAll(name);
    if (values.length !== 1) throw new InvalidToken(`the token has ${values.length} parameters ${name}`);
    return values[0] ?? "";
  };
  const endpoint = `${url.hostname}:${url.port || "443"}`.toLowerCase();
  if (!expected.endpoints.some((name) => name.toLowerCase() === endpoint))
    throw new InvalidToken(`the token is for ${endpoint}, this is ${expected.endpoints.join(" and ")}`);
  if (url.pathname !== "/" || one("Action") !== "connect")
    throw new InvalidToken("the token is not for the action connect");
  if (one("DBUser") !== expected.user)
    throw new InvalidToken(`the token is for user ${one("DBUser")}, not ${expected.user}`);
  if (one("X-Amz-Algorithm") !== "AWS4-HMAC-SHA256" || one("X-Amz-SignedHeaders") !== "host")
    throw new InvalidToken("the token must be signed with AWS4-HMAC-SHA256 over the header host");

  const [accessKeyId = "", day = "", region = "", service = "", terminator = "", ...more] =
    one("X-Amz-Credential").split("/");
  if (service !== SERVICE || terminator !== "aws4_request" || more.length > 0)
    throw new InvalidToken(`the token is signed for ${service}, not ${SERVICE}`);
  if (region !== expected.region)
    throw new InvalidToken(`the token is signed for region ${region}, the server is in ${expected.region}`);
  const date = one("X-Amz-Date");
  checkAge(date, day, Number(one("X-Amz-Expires")));

  const known = credentials.find(accessKeyId);
  if (!known) throw new InvalidToken(`the access key ${accessKeyId} is none of this run's`);
  if ((query.get("X-Amz-Security-Token") ?? "") !== known.credentials.sessionToken)
    throw new InvalidToken("the token carries another session token than its access key");
  const scope = `${day}/${region}/${SERVICE}/aws4_request`;
  const canonical = ["GET", "/", canonicalQuery(url), `host:${endpoint}`, "", "host", sha256("")].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  const key = [day, region, SERVICE, "aws4_request"].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${known.credentials.secretAccessKey}`,
  );
  const signature = hmac(key, toSign);
  const given = Buffer.from(one("X-Amz-Signature"), "hex");
  if (given.length !== signature.length || !timingSafeEqual(given, signature))
    throw new InvalidToken("the token's signature does not match");
  return known.principal;
}

/** Against the machine's clock, which the signer used too; the run's clock may have been moved. */
function checkAge(date: string, day: string, expires: number) {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const signedAt = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
  if (Number.isNaN(signedAt) || date.slice(0, 8) !== day)
    throw new InvalidToken("the token's date is malformed");
  if (!Number.isInteger(expires) || expires < 1 || expires > LIFETIME_SECONDS)
    throw new InvalidToken(`the token's lifetime must be 1 to ${LIFETIME_SECONDS} s`);
  const age = Date.now() - signedAt;
  if (age > expires * 1000)
    throw new InvalidToken(`the token expired ${Math.round(age / 1000) - expires} s ago`);
  if (age < -SKEW_MS) throw new InvalidToken("the token is from the future: check the clock of its signer");
}

/** Encoded anew: a client may have left characters as they are that the signature has escaped. */
function canonicalQuery(url: URL) {
  return [...url.searchParams]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
}
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
