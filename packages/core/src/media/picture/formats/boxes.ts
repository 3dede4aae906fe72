/** Boxes of ISO base media files (ISO/IEC 14496-12). */
import { checkParts } from "../limits.ts";
import { truncated } from "../refusal.ts";

export interface Box {
  type: string;
  content: Buffer;
  /** Where the box ends in the buffer that was walked. */
  end: number;
}

/** @throws Refusal `picture_truncated` when a box says that it goes on beyond the end. */
export function* boxes(bytes: Buffer, from = 0): Generator<Box> {
  let at = from;
  for (let parts = 0; at < bytes.length; parts++) {
    checkParts(parts);
    if (at + 8 > bytes.length) throw truncated();
    let size = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    let header = 8;
    if (size === 1) {
      size = Number(bytes.readBigUInt64BE(at + 8));
      header = 16;
    } else if (size === 0) size = bytes.length - at;
    if (size < header || at + size > bytes.length) throw truncated();
    yield { type, content: bytes.subarray(at + header, at + size), end: at + size };
    at += size;
  }
}

/** Reads numbers one after another; beyond the end it throws Node's RangeError. */
export class Cursor {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** @param size Bytes, 0 to 8; 0 reads nothing and is 0. */
  uint(size: number): number {
    if (size === 0) return 0;
    const at = this.at;
    this.at += size;
    return size === 8 ? Number(this.bytes.readBigUInt64BE(at)) : this.bytes.readUIntBE(at, size);
  }

  ascii(size: number): string {
    this.at += size;
    return this.bytes.toString("latin1", this.at - size, this.at);
  }
}
