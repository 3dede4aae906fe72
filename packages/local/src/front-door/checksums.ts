/**
 * The checksums that S3 clients send after a streamed body.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

export interface Checksum {
  update(data: Buffer): void;
  /** Base64, as in `x-amz-checksum-*`. */
  digest(): string;
}

/** @returns undefined for a name that is not `x-amz-checksum-` and a known algorithm. */
export function createChecksum(header: string): Checksum | undefined {
  switch (header.toLowerCase()) {
    case "x-amz-checksum-crc32":
      return cyclic((data, value) => crc32(data, value));
    case "x-amz-checksum-crc32c":
      return cyclic(crc32c);
    case "x-amz-checksum-crc64nvme":
      return crc64nvme();
    case "x-amz-checksum-sha1":
      return hashing("sha1");
    case "x-amz-checksum-sha256":
      return hashing("sha256");
    default:
      return undefined;
  }
}

function hashing(algorithm: string): Checksum {
  const hash = createHash(algorithm);
  return { update: (data) => void hash.update(data), digest: () => hash.digest("base64") };
}

function cyclic(step: (data: Buffer, value: number) => number): Checksum {
  let value = 0;
  return {
    update(data) {
      value = step(data, value);
    },
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value >>> 0);
      return bytes.toString("base64");
    },
  };
}

/** Castagnoli's polynomial, reflected. */
const crc32cTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});
function crc32c(data: Buffer, from: number): number {
  let value = ~from;
  for (let at = 0; at < data.length; at++)
    value = (value >>> 8) ^ (crc32cTable[(value ^ (data[at] ?? 0)) & 0xff] ?? 0);
  return ~value >>> 0;
}

/** CRC-64/NVME, reflected, in two halves: BigInt arithmetic is a hundred times slower. */
const crc64Low = new Uint32Array(256);
const crc64High = new Uint32Array(256);
for (let index = 0; index < 256; index++) {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ 0x9a6c9329ac4bc9b5n : value >> 1n;
  crc64Low[index] = Number(value & 0xffffffffn);
  crc64High[index] = Number(value >> 32n);
}
function crc64nvme(): Checksum {
  let low = 0xffffffff;
  let high = 0xffffffff;
  return {
    update(data) {
      for (let at = 0; at < data.length; at++) {
        const index = (low ^ (data[at] ?? 0)) & 0xff;
        low = ((low >>> 8) | (high << 24)) ^ (crc64Low[index] ?? 0);
        high = (high >>> 8) ^ (crc64High[index] ?? 0);
      }
    },
    digest() {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32BE(~high >>> 0, 0);
      bytes.writeUInt32BE(~low >>> 0, 4);
      return bytes.toString("base64");
    },
  };
}
