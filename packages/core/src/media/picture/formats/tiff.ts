/** TIFF (revision 6.0, with its supplements) and BigTIFF. */
import { toOrientation } from "../exif.ts";
import { checkParts, checkSize, limits } from "../limits.ts";
import { corrupt, tooLarge, truncated, unsupported } from "../refusal.ts";
import type { ColourSpace, Header, Surrounding } from "../types.ts";

const tag = {
  subfileType: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  stripBytes: 279,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileBytes: 325,
  extraSamples: 338,
  sampleFormat: 339,
  profile: 34675,
  dngVersion: 50706,
} as const;

/** Bytes of a value of each field type; 13, 16 to 18 are IFD and the long ones of BigTIFF. */
const typeSizes: Record<number, number> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};
const spaces: Record<number, ColourSpace> = {
  0: "grey",
  1: "grey",
  2: "rgb",
  3: "palette",
  5: "cmyk",
  6: "rgb",
  8: "lab",
  9: "lab",
};
/** What the decoder has: none, CCITT, LZW, JPEG, Deflate, PackBits. */
const compressions = new Set([1, 2, 3, 4, 5, 7, 8, 32773, 32946]);
const mostDirectories = 64;
/** Of one strip or tile, unpacked. Made whole in memory, even for a picture of one pixel. */
const mostTilePixels = 16 * 1024 * 1024;

interface Field {
  type: number;
  count: number;
  /** Where the values are. */
  at: number;
}

export function readTiff(file: Buffer): Header {
  const tiff = new TiffReader(file);
  const directories = tiff.directories();
  const [fields, ...others] = directories;
  if (!fields) throw corrupt("it has no pixels");
  if (
    fields.has(tag.dngVersion) ||
    file.toString("latin1", 8, 10) === "CR" ||
    (tiff.one(fields, tag.subfileType) ?? 0) & 1
  )
    throw unsupported("The picture is a camera's raw file. Please save it as JPEG.");
  const pages =
    1 +
    others.filter((other) => other.has(tag.width) && !((tiff.one(other, tag.subfileType) ?? 0) & 1)).length;
  if (pages > 1)
    throw unsupported(
      `The file has ${pages} pages, of which a picture has one. Please save each page as a picture.`,
    );

  const width = tiff.one(fields, tag.width) ?? 0;
  const height = tiff.one(fields, tag.height) ?? 0;
  if (width === 0 || height === 0) throw corrupt("its header names no size");
  checkSize(width, height);
  const samples = tiff.one(fields, tag.samples) ?? 1;
  if (samples < 1 || samples > 5)
    throw unsupported(`The picture has ${samples} channels. Please save it as JPEG.`);
  const bitDepth = tiff.same(fields, tag.bits, samples) ?? 1;
  const sampleFormat = tiff.same(fields, tag.sampleFormat, samples) ?? 1;
  if (sampleFormat !== 1 || ![1, 2, 4, 8, 16].includes(bitDepth))
    throw unsupported(
      "The picture's numbers are of a kind for science (float, signed or wide). Please save it as JPEG.",
    );
  const photometric = tiff.one(fields, tag.photometric) ?? (samples >= 3 ? 2 : 1);
  const colourSpace = spaces[photometric];
  const compression = tiff.one(fields, tag.compression) ?? 1;
  if (!colourSpace || !compressions.has(compression))
    throw unsupported(
      `The picture is a TIFF of a rare kind (compression ${compression}, colours ${photometric}). Please save it as JPEG.`,
    );
  checkTiles(tiff, fields, width, height);
  const profile = fields.get(tag.profile);
  if (profile && profile.count > limits.profileBytes)
    throw tooLarge("The picture's colour profile is too large.");
  const extra = fields.get(tag.extraSamples);
  return {
    format: "tiff",
    width,
    height,
    orientation: toOrientation(tiff.one(fields, tag.orientation) ?? 1),
    frames: 1,
    hasAlpha: extra !== undefined && (tiff.one(fields, tag.extraSamples) ?? 0) > 0,
    colourSpace,
    bitDepth,
    hasProfile: profile !== undefined,
    clean: file,
    surroundings: tiff.surroundings(directories),
    ...(profile ? { profile: tiff.bytes(profile) } : {}),
  };
}

/** Strips and tiles lie within the file, are as many as the size needs, and none is a bomb by itself. */
function checkTiles(tiff: TiffReader, fields: Map<number, Field>, width: number, height: number): void {
  const tileWidth = tiff.one(fields, tag.tileWidth);
  const tileHeight = tiff.one(fields, tag.tileHeight);
  if (tileWidth !== undefined && tileHeight !== undefined) {
    if (tileWidth === 0 || tileHeight === 0) throw corrupt("its tiles have no size");
    if (tileWidth * tileHeight > mostTilePixels) throw tooLarge("The picture's tiles are too large.");
  }
  const tiled = fields.has(tag.tileOffsets);
  const offsets = tiff.list(fields, tiled ? tag.tileOffsets : tag.stripOffsets);
  const lengths = tiff.list(fields, tiled ? tag.tileBytes : tag.stripBytes);
  if (offsets.length === 0 || width * height === 0) throw corrupt("it has no pixels");
  for (const [index, offset] of offsets.entries())
    if (offset + (lengths[index] ?? 0) > tiff.length) throw truncated();
}

class TiffReader {
  readonly #file: Buffer;
  readonly #little: boolean;
  readonly #big: boolean;
  #end = 0;

  constructor(file: Buffer) {
    this.#file = file;
    this.#little = file.toString("latin1", 0, 2) === "II";
    this.#big = this.#uint(2, 2) === 43;
    if (this.#big && (this.#uint(4, 2) !== 8 || this.#uint(6, 2) !== 0))
      throw corrupt("its header makes no sense");
  }

  get length(): number {
    return this.#file.length;
  }

  #uint(at: number, size: number): number {
    if (size === 1) return this.#file.readUInt8(at);
    if (size === 8)
      return Number(this.#little ? this.#file.readBigUInt64LE(at) : this.#file.readBigUInt64BE(at));
    return this.#little ? this.#file.readUIntLE(at, size) : this.#file.readUIntBE(at, size);
  }

  /** The chain of directories; a loop or an endless chain is an attack. */
  directories(): Map<number, Field>[] {
    const found: Map<number, Field>[] = [];
    const seen = new Set<number>();
    const word = this.#big ? 8 : 4;
    let at = this.#uint(this.#big ? 8 : 4, word);
    while (at !== 0) {
      if (seen.has(at)) throw corrupt("its directories go in a circle");
      if (seen.add(at).size > mostDirectories)
        throw tooLarge(`The file has more than ${mostDirectories} pages.`);
      const fields = new Map<number, Field>();
      const countSize = this.#big ? 8 : 2;
      const count = this.#uint(at, countSize);
      checkParts(count);
      const entrySize = this.#big ? 20 : 12;
      for (let index = 0; index < count; index++) this.#readField(at + countSize + index * entrySize, fields);
      const next = at + countSize + count * entrySize;
      this.#end = Math.max(this.#end, next + word);
      found.push(fields);
      at = this.#uint(next, word);
    }
    return found;
  }

  #readField(at: number, fields: Map<number, Field>): void {
    const name = this.#uint(at, 2);
    const type = this.#uint(at + 2, 2);
    const word = this.#big ? 8 : 4;
    const count = this.#uint(at + 4, word);
    const size = (typeSizes[type] ?? 0) * count;
    const from = size <= word ? at + 4 + word : this.#uint(at + 4 + word, word);
    if (size > 0 && from + size > this.#file.length) throw truncated();
    this.#end = Math.max(this.#end, from + size);
    if (!fields.has(name)) fields.set(name, { type, count, at: from });
  }

  /** The first value. */
  one(fields: Map<number, Field>, name: number): number | undefined {
    const field = fields.get(name);
    return field && field.count > 0 ? this.#uint(field.at, typeSizes[field.type] ?? 1) : undefined;
  }

  list(fields: Map<number, Field>, name: number): number[] {
    const field = fields.get(name);
    if (!field) return [];
    checkParts(field.count);
    const size = typeSizes[field.type] ?? 1;
    return Array.from({ length: field.count }, (_, index) => this.#uint(field.at + index * size, size));
  }

  /** A value that every channel has alike. @throws Refusal where they differ. */
  same(fields: Map<number, Field>, name: number, samples: number): number | undefined {
    const [first, ...others] = this.list(fields, name).slice(0, samples);
    if (others.some((value) => value !== first))
      throw unsupported("The picture's channels differ in kind. Please save it as JPEG.");
    return first;
  }

  bytes(field: Field): Buffer {
    return this.#file.subarray(field.at, field.at + field.count * (typeSizes[field.type] ?? 1));
  }

  /** Texts and private data in the directories, and what lies behind everything that is referred to. */
  surroundings(directories: readonly Map<number, Field>[]): Surrounding[] {
    const found: Surrounding[] = [];
    let end = this.#end;
    for (const fields of directories) {
      for (const [name, field] of fields)
        if (name !== tag.profile && [1, 2, 7].includes(field.type))
          found.push({ kind: "metadata", bytes: this.bytes(field) });
      for (const [offsets, lengths] of [
        [tag.stripOffsets, tag.stripBytes],
        [tag.tileOffsets, tag.tileBytes],
      ] as const) {
        const sizes = this.list(fields, lengths);
        for (const [index, offset] of this.list(fields, offsets).entries())
          end = Math.max(end, offset + (sizes[index] ?? 0));
      }
    }
    if (end < this.#file.length) found.push({ kind: "trailing", bytes: this.#file.subarray(end) });
    return found;
  }
}
