/** Takes a body to a file, with its digests, holding no more than a chunk of it. */
import { createHash, randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { AwsError } from "../../cloud/errors.ts";
import { createChecksum } from "../../front-door/checksums.ts";

export interface ReceivedBody {
  /** Name of the file. */
  file: string;
  size: number;
  /** Hexadecimal MD5. */
  md5: string;
  /** By `x-amz-checksum-*` header, base64; the one that was asked for. */
  checksum?: { header: string; value: string };
}

export interface ReceiveOptions {
  /** Full path for a file's name. */
  path(file: string): string;
  /** Request headers; trailing ones may be added until the end of the body. */
  headers?: Record<string, string>;
  /** Bytes; more is refused. S3 takes 5 GB at once. */
  limit?: number;
}

export const LARGEST_PUT = 5 * 1024 ** 3;

/**
 * @throws AwsError BadDigest, InvalidDigest, EntityTooLarge, IncompleteBody; nothing is left behind then.
 */
export async function receive(body: Buffer | Readable, options: ReceiveOptions): Promise<ReceivedBody> {
  const headers = options.headers ?? {};
  const limit = options.limit ?? LARGEST_PUT;
  const contentMd5 = headers["content-md5"];
  if (contentMd5 !== undefined && Buffer.from(contentMd5, "base64").length !== 16)
    throw new AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.", 400);
  const checksumHeader = checksumHeaderOf(headers);
  const checksum = checksumHeader ? createChecksum(checksumHeader) : undefined;
  const md5 = createHash("md5");
  const file = randomUUID();
  const handle = await open(options.path(file), "wx");
  let size = 0;
  try {
    for await (const piece of Buffer.isBuffer(body) ? [body] : body) {
      const chunk = piece as Buffer;
      size += chunk.length;
      if (size > limit)
        throw new AwsError(
          "EntityTooLarge",
          "Your proposed upload exceeds the maximum allowed object size.",
          400,
          { ProposedSize: size, MaxSizeAllowed: limit },
        );
      md5.update(chunk);
      checksum?.update(chunk);
      await writeAll(handle, chunk);
    }
    const digest = md5.digest();
    if (contentMd5 !== undefined && !digest.equals(Buffer.from(contentMd5, "base64")))
      throw new AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.", 400);
    const value = checksum?.digest();
    const expected = checksumHeader && headers[checksumHeader];
    if (expected && value !== expected)
      throw new AwsError(
        "BadDigest",
        `The ${checksumHeader.slice(15).toUpperCase()} you specified did not match the calculated checksum.`,
        400,
      );
    await handle.close();
    return {
      file,
      size,
      md5: digest.toString("hex"),
      ...(checksumHeader && value && { checksum: { header: checksumHeader, value } }),
    };
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(options.path(file), { force: true });
    if (body instanceof Readable) body.destroy();
    throw error;
  }
}

async function writeAll(handle: Awaited<ReturnType<typeof open>>, chunk: Buffer) {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
}

/** The checksum that the client sends, now or in a trailer, or asked for by its algorithm. */
export function checksumHeaderOf(headers: Record<string, string>): string | undefined {
  const sent = Object.keys(headers).find(
    (name) => name.startsWith("x-amz-checksum-") && createChecksum(name),
  );
  if (sent) return sent;
  const trailer = headers["x-amz-trailer"]?.toLowerCase();
  if (trailer?.startsWith("x-amz-checksum-")) return trailer;
  const algorithm = headers["x-amz-sdk-checksum-algorithm"] ?? headers["x-amz-checksum-algorithm"];
  return algorithm ? `x-amz-checksum-${algorithm.toLowerCase()}` : undefined;
}
