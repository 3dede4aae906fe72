/**
 * Claim check: what is too large for its row or message is put into the home bucket, and its place is kept instead.
 * https://www.enterpriseintegrationpatterns.com/patterns/messaging/StoreInLibrary.html
 */
import { createHash } from "node:crypto";
import * as z from "zod";
import * as aws from "../aws/index.ts";
import { config } from "../config/index.ts";

/** Where claims lie in the home bucket; grants name it (infra/storage.ts). */
export const claimPrefix = "claims/";

/** A place in the home bucket, and what must be found there. */
export const Claim = z.object({
  key: z.string().startsWith(claimPrefix),
  /** Bytes. */
  size: z.number().int().min(0),
  /** Of the bytes, hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Claim = z.infer<typeof Claim>;

/**
 * What a claim names cannot be had. `code`: `claim_missing` (deleted, or never put), `claim_corrupt` (other bytes than
 * were put) or `claim_forbidden`.
 */
export class ClaimError extends Error {
  override readonly name = "ClaimError";
  readonly code: "claim_missing" | "claim_corrupt" | "claim_forbidden";
  constructor(code: ClaimError["code"], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Bytes of JSON above which a value is put away: `claimCheckBytes` of the settings. */
export function threshold(): number {
  return config("Settings").claimCheckBytes;
}

/**
 * Puts a value away, as JSON. Outside of transactions, and before the one that refers to it: when that never commits,
 * the object is an orphan, which the job `deleteSQSFiles` finds. The content's hash is part of the key, so an object
 * never changes: another payload for the same job (a retry by hand that is rolled back) leaves the one before as it is.
 * @throws Error inside a transaction.
 */
export async function put(jobId: string, part: "payload" | "result", value: unknown): Promise<Claim> {
  aws.refuseInTransaction("putting a claim away");
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError("a claim is JSON, and this value is none");
  const body = Buffer.from(text);
  const sha256 = createHash("sha256").update(body).digest("hex");
  const key = `${claimPrefix}${jobId}/${part}/${sha256}`;
  const { name, region } = config("HomeBucket");
  const [client, { PutObjectCommand }] = await Promise.all([aws.s3(region), import("@aws-sdk/client-s3")]);
  await client.send(
    new PutObjectCommand({ Bucket: name, Key: key, Body: body, ContentType: "application/json" }),
  );
  return { key, size: body.length, sha256 };
}

/**
 * Reads what was put away. At most `size` bytes are read, whatever lies there.
 * @throws ClaimError; the SDK's error when S3 is away.
 */
export async function read({ key, size, sha256 }: Claim): Promise<unknown> {
  aws.refuseInTransaction("reading a claim");
  const { body } = await aws.getObject(
    config("HomeBucket"),
    key,
    (denied, cause) => new ClaimError(`claim_${denied}`, denials[denied], { cause }),
  );
  const bytes = body && (await aws.collect(body, size, () => undefined));
  if (bytes?.length !== size || createHash("sha256").update(bytes).digest("hex") !== sha256)
    throw new ClaimError("claim_corrupt", "the object's bytes are not those that were put away");
  return JSON.parse(bytes.toString()) as unknown;
}

const denials = {
  missing: "the object is not in the home bucket (any more)",
  forbidden: "S3 denies reading the object: it is missing, or the role lacks s3:GetObject",
};
