/** What AV1 pictures say of themselves (AV1 Bitstream Specification, sections 5.3 to 5.5). */
import { checkParts } from "../limits.ts";
import { corrupt, truncated } from "../refusal.ts";

export interface Sequence {
  /** The most that any of its frames measures. */
  width: number;
  height: number;
  bitDepth: number;
  monochrome: boolean;
  /** As H.273 numbers them, where the bitstream says. */
  coded?: { primaries: number; transfer: number };
}

const obu = { sequenceHeader: 1, frameHeader: 3, frame: 6 } as const;

/**
 * Every sequence header of an item, since a decoder takes the last one, and how many frames follow.
 * @param data Whole open bitstream units.
 */
export function readUnits(data: Buffer): { sequences: Sequence[]; frames: number } {
  const sequences: Sequence[] = [];
  let frames = 0;
  let at = 0;
  for (let parts = 0; at < data.length; parts++) {
    checkParts(parts);
    const header = data.readUInt8(at++);
    if (header & 0x80) throw corrupt("its pixels have no header");
    const type = (header >> 3) & 15;
    if (header & 4) at++;
    let size = data.length - at;
    if (header & 2) {
      size = 0;
      for (let index = 0; index < 8; index++) {
        const byte = data.readUInt8(at++);
        size += (byte & 0x7f) * 2 ** (7 * index);
        if (!(byte & 0x80)) break;
      }
    }
    if (at + size > data.length) throw truncated();
    if (type === obu.sequenceHeader) sequences.push(readSequence(data.subarray(at, at + size)));
    else if (type === obu.frame || type === obu.frameHeader) frames++;
    at += size;
  }
  return { sequences, frames };
}

class Bits {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) {
      const byte = this.#bytes[this.#at >> 3];
      if (byte === undefined) throw truncated();
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
      this.#at++;
    }
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }

  skipUvlc(): void {
    let zeros = 0;
    while (!this.flag()) if (++zeros > 32) throw corrupt("its header makes no sense");
    this.read(zeros);
  }
}

/** `sequence_header_obu()`, section 5.5.1, as far as the colours. */
function readSequence(bytes: Buffer): Sequence {
  const bits = new Bits(bytes);
  const profile = bits.read(3);
  bits.flag();
  const reduced = bits.flag();
  if (reduced) bits.read(5);
  else skipOperatingPoints(bits);
  const [widthBits, heightBits] = [bits.read(4) + 1, bits.read(4) + 1];
  const width = bits.read(widthBits) + 1;
  const height = bits.read(heightBits) + 1;
  if (!reduced && bits.flag()) bits.read(7);
  bits.read(3);
  if (!reduced) skipTools(bits);
  bits.read(3);
  const high = bits.flag();
  const twelve = profile === 2 && high && bits.flag();
  const monochrome = profile !== 1 && bits.flag();
  const described = bits.flag();
  return {
    width,
    height,
    bitDepth: twelve ? 12 : high ? 10 : 8,
    monochrome,
    ...(described ? { coded: { primaries: bits.read(8), transfer: bits.read(8) } } : {}),
  };
}

function skipOperatingPoints(bits: Bits): void {
  let model = false;
  let delayBits = 0;
  if (bits.flag()) {
    bits.read(64);
    if (bits.flag()) bits.skipUvlc();
    model = bits.flag();
    if (model) {
      delayBits = bits.read(5) + 1;
      bits.read(42);
    }
  }
  const delays = bits.flag();
  const points = bits.read(5) + 1;
  for (let point = 0; point < points; point++) {
    bits.read(12);
    if (bits.read(5) > 7) bits.read(1);
    if (model && bits.flag()) bits.read(2 * delayBits + 1);
    if (delays && bits.flag()) bits.read(4);
  }
}

function skipTools(bits: Bits): void {
  bits.read(4);
  const orderHint = bits.flag();
  if (orderHint) bits.read(2);
  const screenContent = bits.flag() ? 2 : bits.read(1);
  if (screenContent > 0 && !bits.flag()) bits.read(1);
  if (orderHint) bits.read(3);
}
