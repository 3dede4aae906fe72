import * as aws from "../aws/index.ts";
import { config } from "../config/index.ts";
import type { Attachment } from "../mime/index.ts";
import { inParallel } from "../outbox/schedule.ts";
import type { PreparedAttachment } from "./prepare.ts";
import { IngestFailure } from "./types.ts";

/** Where the receipt rule puts mail; the sweep may list nothing else. */
export const mailPrefix = "inbound/";

/** SES takes messages up to 40 MB; what it adds on top is far below this margin. */
export const largestObject = 41 * 1024 * 1024;

/** Bytes of messages that one process holds at a time, whatever the batch. One message of the largest size fits. */
export class MemoryBudget {
  #free: number;
  readonly #waiting: { bytes: number; go: () => void }[] = [];

  constructor(bytes = 2 * largestObject) {
    this.#free = bytes;
  }

  /** Resolves once there is room; whoever came first goes first. The returned function gives the room back. */
  async take(bytes: number): Promise<() => void> {
    if (this.#waiting.length > 0 || bytes > this.#free)
      await new Promise<void>((go) => this.#waiting.push({ bytes, go }));
    else this.#free -= bytes;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#free += bytes;
      for (let next = this.#waiting[0]; next && next.bytes <= this.#free; next = this.#waiting[0]) {
        this.#waiting.shift();
        this.#free -= next.bytes;
        next.go();
      }
    };
  }
}

/**
 * Reads an object of the mail bucket, as a stream that is cut off at the limit whatever the object's length says.
 * @returns The bytes and what gives their room back.
 * @throws IngestFailure `object_missing`, `object_forbidden` or `object_too_large`; the SDK's error for the rest.
 */
export async function readMail(
  key: string,
  budget: MemoryBudget,
): Promise<{ bytes: Buffer; release: () => void }> {
  const { body, length = largestObject } = await aws.getObject(
    config("MailBucket"),
    key,
    (denied, cause) => new IngestFailure(`object_${denied}`, denials[denied], { cause }),
  );
  if (!body) throw new IngestFailure("object_missing", "S3 answered without the object's bytes");
  if (length > largestObject) {
    body.destroy();
    throw tooLarge(length);
  }
  const release = await budget.take(length);
  try {
    const bytes = await aws.collect(body, largestObject, (size): never => {
      throw tooLarge(size);
    });
    return { bytes, release };
  } catch (error) {
    release();
    throw error;
  }
}

function tooLarge(size: number): IngestFailure {
  return new IngestFailure(
    "object_too_large",
    `the object has at least ${size} bytes, and a message has at most ${largestObject}: SES delivers no larger ones, so it did not come from SES`,
  );
}

const denials = {
  missing: "the object is not in the mail bucket (any more)",
  forbidden:
    "S3 denies reading the object: it is missing and the role may not list the bucket, or the role lacks s3:GetObject",
};

const uploadsAtOnce = 4;

/**
 * Writes attachments to the home bucket, before the transaction that names them. Their keys follow from the message's
 * identifier, so a repeated try writes over the same objects and leaves none behind.
 */
export async function putAttachments(
  attachments: readonly PreparedAttachment[],
  parts: readonly Attachment[],
): Promise<void> {
  if (attachments.length === 0) return;
  const { name, region } = config("HomeBucket");
  const [client, { PutObjectCommand }] = await Promise.all([aws.s3(region), import("@aws-sdk/client-s3")]);
  await inParallel(uploadsAtOnce, attachments, async ({ objectKey, position }) => {
    await client.send(
      new PutObjectCommand({
        Bucket: name,
        Key: objectKey,
        Body: parts[position]?.content ?? Buffer.alloc(0),
        // Never the sender's type, and never to be shown: a browser may save the bytes. The name comes when they are read.
        ContentType: "application/octet-stream",
        ContentDisposition: "attachment",
      }),
    );
  });
}
