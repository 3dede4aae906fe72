/** Reading what was uploaded and writing what was made of it. */
import * as aws from "../aws/index.ts";
import { config } from "../config/index.ts";
import { inParallel } from "../outbox/schedule.ts";
import { limits } from "./picture/limits.ts";
import type { StoredVariant } from "./types.ts";

/** Why an object could not be read, for the table of failures. Another try may find it. */
export class ReadFailure extends Error {
  override readonly name = "ReadFailure";
  readonly code = "object_unreadable";
}

/**
 * The bytes of an object of the home bucket, as a stream that is cut off at the limit whatever the object's length says.
 * @returns Nothing when it has more than a picture may have.
 * @throws ReadFailure when S3 denies it, which without the right to list is how it tells a missing object too.
 */
export async function read(key: string): Promise<Buffer | undefined> {
  aws.refuseInTransaction("reading a picture");
  const { body } = await aws.getObject(config("HomeBucket"), key, (_, cause) => {
    const message =
      "S3 denies reading the object: it is missing (uploads expire), or the role lacks s3:GetObject";
    return new ReadFailure(message, { cause });
  });
  if (!body) return Buffer.alloc(0);
  return aws.collect(body, limits.bytes, () => undefined);
}

const writesAtOnce = 4;

/**
 * Writes the sizes of a picture. Their names follow from the content, so a repeated try writes the same again; nothing
 * about who uploaded it is among what is written.
 */
export async function write(variants: readonly (StoredVariant & { bytes: Uint8Array })[]): Promise<void> {
  const { name, region } = config("HomeBucket");
  const [client, { PutObjectCommand }] = await Promise.all([aws.s3(region), import("@aws-sdk/client-s3")]);
  await inParallel(writesAtOnce, variants, async ({ key, bytes, contentType, width, format }) => {
    await client.send(
      new PutObjectCommand({
        Bucket: name,
        Key: key,
        Body: bytes,
        ContentType: contentType,
        ContentDisposition: `inline; filename="${width}.${format}"`,
        // The name follows from the bytes: what lies under it never changes.
        CacheControl: "public, max-age=31536000, immutable",
      }),
    );
  });
}
