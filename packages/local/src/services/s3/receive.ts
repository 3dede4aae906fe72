/** Takes a body to a file, with its digests, holding no more than a little of it. */
import { createHash, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import type { Readable } from "node:stream";
import { AwsError } from "../../cloud/errors.ts";
import { type Checksum, createChecksum } from "../../front-door/checksums.ts";

export interface ReceivedBody {
  /** Name of the file. */
  file: string;
  size: number;
  /** Hexadecimal MD5. */
  md5: string;
  /** By `x-amz-checksum-*` header, base64; the one that was sent or asked for. */
  checksum?: { header: string; value: string };
}

export interface ReceiveOptions {
  /** Full path for a file's name. */
  path(file: string): string;
  /** Request headers; trailing ones may be added until the end of the body. */
  headers?: Record<string, string>;
  /** Bytes; more is refused. S3 takes 5 GB at once. */
  limit?: number;
  /** Bytes; less is refused. */
  minimum?: number;
}

const LARGEST_PUT = 5 * 1024 ** 3;
/** A body up to this many bytes is written at once when it is known to be whole: most are, and it is one call. */
const HELD_BYTES = 256 * 1024;

/**
 * A stream is read to its end or left where it is when the body is refused; it is not destroyed: it may be a request,
 * whose socket the answer still needs.
 *
 * @throws AwsError BadDigest, InvalidDigest, EntityTooLarge, EntityTooSmall; nothing is left behind then.
 */
export async function receive(body: Buffer | Readable, options: ReceiveOptions): Promise<ReceivedBody> {
  const { headers = {}, limit = LARGEST_PUT, minimum = 0 } = options;
  const expect = expectations(headers);
  const md5 = createHash("md5");
  const file = randomUUID();
  const path = options.path(file);
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  let held: Buffer[] = [];
  let size = 0;
  try {
    const chunks = Buffer.isBuffer(body) ? [body] : body.iterator({ destroyOnReturn: false });
    for await (const piece of chunks) {
      const chunk = piece as Buffer;
      size += chunk.length;
      if (size > limit) throw wrongSize("EntityTooLarge", size, limit);
      md5.update(chunk);
      expect.checksum?.update(chunk);
      held.push(chunk);
      if (!handle && size <= HELD_BYTES) continue;
      handle ??= await open(path, "wx");
      for (const one of held) await writeAll(handle, one);
      held = [];
    }
    if (size < minimum) throw wrongSize("EntityTooSmall", size, minimum);
    const digest = md5.digest();
    const checksum = expect.check(digest);
    if (handle) await handle.close();
    else writeFileSync(path, held.length === 1 && held[0] ? held[0] : Buffer.concat(held), { flag: "wx" });
    return { file, size, md5: digest.toString("hex"), ...(checksum && { checksum }) };
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await rm(path, { force: true });
    throw error;
  }
}

/** What the headers say of the body's digests. */
function expectations(headers: Record<string, string>): {
  checksum: Checksum | undefined;
  /** @returns the checksum to keep. @throws AwsError BadDigest. */
  check(md5: Buffer): { header: string; value: string } | undefined;
} {
  const contentMd5 = headers["content-md5"];
  const wanted = contentMd5 === undefined ? undefined : Buffer.from(contentMd5, "base64");
  if (wanted && wanted.length !== 16)
    throw new AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.");
  const header = checksumHeaderOf(headers);
  const checksum = header ? createChecksum(header) : undefined;
  return {
    checksum,
    check(md5) {
      if (wanted && !wanted.equals(md5))
        throw new AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.");
      if (!header || !checksum) return undefined;
      const value = checksum.digest();
      const sent = headers[header];
      if (sent !== undefined && sent !== value)
        throw new AwsError(
          "BadDigest",
          `The ${header.slice("x-amz-checksum-".length).toUpperCase()} you specified did not match the calculated checksum.`,
        );
      return { header, value };
    },
  };
}

function wrongSize(code: "EntityTooLarge" | "EntityTooSmall", size: number, bound: number): AwsError {
  return code === "EntityTooLarge"
    ? new AwsError(code, "Your proposed upload exceeds the maximum allowed size", 400, {
        ProposedSize: size,
        MaxSizeAllowed: bound,
      })
    : new AwsError(code, "Your proposed upload is smaller than the minimum allowed size", 400, {
        ProposedSize: size,
        MinSizeAllowed: bound,
      });
}

async function writeAll(handle: Awaited<ReturnType<typeof open>>, chunk: Buffer) {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
}

/**
 * The checksum that the client sends, now or in a trailer, or asks for by its algorithm.
 * @throws AwsError InvalidRequest for two of them, or an algorithm that S3 does not know.
 */
export function checksumHeaderOf(headers: Record<string, string>): string | undefined {
  const names = new Set(Object.keys(headers).filter((name) => createChecksum(name)));
  for (const trailer of (headers["x-amz-trailer"] ?? "").toLowerCase().split(","))
    if (createChecksum(trailer.trim())) names.add(trailer.trim());
  if (names.size > 1)
    throw new AwsError(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    );
  const [sent] = names;
  if (sent) return sent;
  const algorithm = headers["x-amz-sdk-checksum-algorithm"] ?? headers["x-amz-checksum-algorithm"];
  if (!algorithm) return undefined;
  const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
  if (createChecksum(header)) return header;
  throw new AwsError(
    "InvalidRequest",
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
  );
}
