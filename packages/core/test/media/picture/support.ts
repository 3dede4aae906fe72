/** Pictures made on the spot, and a look at what came out. */
import { derive, inspect, type Variant } from "@frontdesk/core/media/picture";
import sharp, { type Sharp } from "sharp";

export type Colour = readonly [number, number, number];

/** Pseudo-random numbers from 0 up to 1; the same seed gives the same ones (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Something like a photograph: slopes, edges and noise. */
export function photo(width: number, height: number, seed = 1): Sharp {
  const next = generator(seed);
  const noise = Uint8Array.from({ length: 4096 }, () => next() * 24);
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const grain = noise[(x * 31 + y * 57 + ((x * y) >> 3)) & 4095] ?? 0;
      const edge = ((x >> 6) + (y >> 6)) & 1 ? 40 : 0;
      data[at++] = ((x * 150) / width + edge + grain) | 0;
      data[at++] = ((y * 170) / height + edge + grain) | 0;
      data[at++] = (((width - x + y) * 90) / (width + height) + 60 + grain) | 0;
    }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

export const quarters = {
  topLeft: [220, 30, 30],
  topRight: [30, 200, 40],
  bottomLeft: [30, 50, 210],
  bottomRight: [235, 230, 60],
} as const satisfies Record<string, Colour>;

/** Four quarters of different colours: shows how a picture lies, and what became of its colours. */
export function fourQuarters(
  width: number,
  height: number,
  colours: { [Quarter in keyof typeof quarters]: Colour } = quarters,
): Buffer {
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 3)
      data.set(
        y < height / 2
          ? x < width / 2
            ? colours.topLeft
            : colours.topRight
          : x < width / 2
            ? colours.bottomLeft
            : colours.bottomRight,
        at,
      );
  return data;
}

export const rgb = (data: Buffer, width: number, height: number) =>
  sharp(data, { raw: { width, height, channels: 3 } });

const toStore: Record<number, (picture: Sharp) => Sharp> = {
  2: (picture) => picture.flop(),
  3: (picture) => picture.rotate(180),
  4: (picture) => picture.flip(),
  5: (picture) => picture.flop().rotate(270),
  6: (picture) => picture.rotate(270),
  7: (picture) => picture.flop().rotate(90),
  8: (picture) => picture.rotate(90),
};

/** As it has to be stored so that the orientation brings it upright. */
export const stored = (picture: Sharp, orientation: number) => toStore[orientation]?.(picture) ?? picture;

export async function all(bytes: Uint8Array, options?: Parameters<typeof derive>[2]): Promise<Variant[]> {
  const variants: Variant[] = [];
  for await (const variant of derive(bytes, await inspect(bytes), options)) variants.push(variant);
  return variants;
}

/** Colours in the middles of the quarters, with alpha where there is any. */
export async function look(picture: Uint8Array, page = 0): Promise<Record<keyof typeof quarters, number[]>> {
  const { data, info } = await sharp(picture, { page }).raw().toBuffer({ resolveWithObject: true });
  const pixel = (fx: number, fy: number) => {
    const at = (Math.floor(info.height * fy) * info.width + Math.floor(info.width * fx)) * info.channels;
    return [...data.subarray(at, at + info.channels)];
  };
  return {
    topLeft: pixel(0.25, 0.25),
    topRight: pixel(0.75, 0.25),
    bottomLeft: pixel(0.25, 0.75),
    bottomRight: pixel(0.75, 0.75),
  };
}

/** Largest difference of a channel between what is seen and what should be. */
export function difference(seen: readonly number[], wanted: readonly number[]): number {
  return Math.max(
    ...wanted.map((value, index) => Math.abs(value - (seen[index] ?? Number.POSITIVE_INFINITY))),
  );
}

/** An EXIF block with an orientation, a place on earth, a maker and a preview. */
export function exif(orientation: number, order: "II" | "MM" = "MM"): Buffer {
  const little = order === "II";
  const block = Buffer.alloc(200);
  const u16 = (value: number, at: number) =>
    little ? block.writeUInt16LE(value, at) : block.writeUInt16BE(value, at);
  const u32 = (value: number, at: number) =>
    little ? block.writeUInt32LE(value, at) : block.writeUInt32BE(value, at);
  block.write(order, 0, "latin1");
  u16(42, 2);
  u32(8, 4);
  const entry = (at: number, tag: number, type: number, count: number, value: number, short = false) => {
    u16(tag, at);
    u16(type, at + 2);
    u32(count, at + 4);
    if (short) u16(value, at + 8);
    else u32(value, at + 8);
  };
  u16(3, 8);
  entry(10, 0x010f, 2, 12, 100);
  entry(22, 0x0112, 3, 1, orientation, true);
  entry(34, 0x8825, 4, 1, 60);
  block.write("SecretMaker\0", 100, "latin1");
  u16(1, 60);
  entry(62, 0x0001, 2, 2, little ? 0x4e : 0x4e000000);
  return block;
}

/**
 * Like a photograph in what it costs to encode: detail at every scale, each half as strong as the one twice its size
 * (natural pictures fall off so), and grain.
 */
export function landscape(width: number, height: number, seed = 1): Sharp {
  const next = generator(seed);
  const field = Float32Array.from({ length: 256 * 256 }, () => next() - 0.5);
  const at = (x: number, y: number) => field[((y & 255) << 8) | (x & 255)] ?? 0;
  const smooth = (x: number, y: number) => {
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [dx, dy] = [x - left, y - top];
    const above = at(left, top) * (1 - dx) + at(left + 1, top) * dx;
    return above * (1 - dy) + (at(left, top + 1) * (1 - dx) + at(left + 1, top + 1) * dx) * dy;
  };
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let light = 0;
      for (let size = 512, strength = 150; size >= 2; size /= 2, strength /= 1.6)
        light += smooth(x / size + size, y / size) * strength;
      const grain = at(x * 7 + y, y * 3 + (x >> 8)) * 12;
      data[to++] = Math.min(255, Math.max(0, 130 + light + grain));
      data[to++] = Math.min(255, Math.max(0, 120 + light * 0.9 + grain));
      data[to++] = Math.min(255, Math.max(0, 100 + light * 0.7 + grain + (60 * y) / height));
    }
  return sharp(data, { raw: { width, height, channels: 3 } });
}
