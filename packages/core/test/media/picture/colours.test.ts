import { deflateSync } from "node:zlib";
import { inspect } from "@frontdesk/core/media/picture";
import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { decode } from "../../../src/media/picture/decode.ts";
import { pngChunk } from "../../../src/media/picture/formats/png-chunks.ts";
import { greyProfile, matrixProfile } from "../../../src/media/picture/icc.ts";
import { isSrgb } from "../../../src/media/picture/icc-read.ts";
import { readHeader } from "../../../src/media/picture/read.ts";
import { all, type Colour, difference, fourQuarters, generator, look, quarters, rgb } from "./support.ts";

const [width, height] = [96, 64];
const adobeRgb = matrixProfile([0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06], 1 / 2.19921875);

/** What every format of every size shows in its quarters. */
async function expectColours(
  source: Buffer,
  wanted: { [Quarter in keyof typeof quarters]: readonly number[] },
  tolerance: number,
): Promise<void> {
  const variants = await all(source);
  expect(variants.length).toBeGreaterThan(0);
  for (const { bytes, format } of variants) {
    const seen = await look(bytes);
    for (const quarter of Object.keys(quarters) as (keyof typeof quarters)[])
      expect(
        difference(seen[quarter], wanted[quarter]),
        `${format} ${quarter}: ${seen[quarter]} for ${wanted[quarter]}`,
      ).toBeLessThanOrEqual(tolerance);
  }
}

/** For TIFF, which is JPEG inside by default. */
const lossless = { compression: "lzw" } as const;

const picture = (colours?: Parameters<typeof fourQuarters>[2]) =>
  rgb(fourQuarters(width, height, colours), width, height);

/** Chunks put behind the header. */
function withChunks(png: Buffer, ...chunks: Buffer[]): Buffer {
  return Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);
}
const iccChunk = (icc: Buffer) =>
  pngChunk("iCCP", Buffer.concat([Buffer.from("p\0\0", "latin1"), deflateSync(icc)]));
const numbers = (...values: number[]) => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
};
const greys = (
  ...[topLeft, topRight, bottomLeft, bottomRight]: readonly [number, number, number, number]
) => ({
  topLeft: [topLeft, topLeft, topLeft] as const,
  topRight: [topRight, topRight, topRight] as const,
  bottomLeft: [bottomLeft, bottomLeft, bottomLeft] as const,
  bottomRight: [bottomRight, bottomRight, bottomRight] as const,
});

describe("a profile is followed", () => {
  test.each(["jpeg", "png", "webp", "avif", "tiff"] as const)("Display P3 in %s", async (format) => {
    const source = await picture().withIccProfile("p3").toFormat(format, { quality: 95 }).toBuffer();
    expect(await inspect(source)).toMatchObject({ hasProfile: true });
    // The numbers in the file are others: left as they are, red would come out duller.
    const stored = await sharp(source, { ignoreIcc: true }).raw().toBuffer();
    expect(difference([...stored.subarray(0, 3)], quarters.topLeft)).toBeGreaterThan(15);
    await expectColours(source, quarters, 16);
  });

  test.each(["png", "tiff"] as const)("Display P3 in 16-bit %s", async (format) => {
    const source = await picture()
      .withIccProfile("p3")
      .toColourspace("rgb16")
      .toFormat(format, lossless)
      .toBuffer();
    expect(await inspect(source)).toMatchObject({ bitDepth: 16, hasProfile: true });
    await expectColours(source, quarters, 14);
  });

  it("Adobe RGB, by numbers known from elsewhere", async () => {
    // sRGB green and red as Adobe RGB has them (Adobe RGB (1998) Color Image Encoding, and any colour calculator).
    const stored = picture({
      topLeft: [144, 255, 60],
      topRight: [219, 0, 0],
      bottomLeft: [128, 128, 128],
      bottomRight: [255, 255, 255],
    });
    const source = withChunks(await stored.png().toBuffer(), iccChunk(adobeRgb ?? Buffer.alloc(0)));
    await expectColours(
      source,
      {
        topLeft: [0, 255, 0],
        topRight: [255, 0, 0],
        bottomLeft: [127, 127, 127],
        bottomRight: [255, 255, 255],
      },
      12,
    );
  });

  it("of 8-bit and of 16-bit grey, linear", async () => {
    const linear = greyProfile(1);
    const wanted = greys(0, 137, 188, 255);
    const eight = await picture(greys(0, 64, 128, 255))
      .toColourspace("b-w")
      .png()
      .toBuffer();
    expect(await inspect(withChunks(eight, iccChunk(linear)))).toMatchObject({
      colourSpace: "grey",
      bitDepth: 8,
    });
    await expectColours(withChunks(eight, iccChunk(linear)), wanted, 4);
    const sixteen = await picture(greys(0, 64, 128, 255))
      .toColourspace("grey16")
      .png()
      .toBuffer();
    expect(await inspect(withChunks(sixteen, iccChunk(linear)))).toMatchObject({
      colourSpace: "grey",
      bitDepth: 16,
    });
    await expectColours(withChunks(sixteen, iccChunk(linear)), wanted, 4);
  });

  test.each([
    "jpeg",
    "png",
  ] as const)("sRGB's own need not be, in %s: no channel differs by more than a level", async (format) => {
    const cube = Buffer.alloc(17 ** 3 * 3);
    for (let at = 0; at < 17 ** 3; at++)
      cube.set(
        [at % 17, Math.floor(at / 17) % 17, Math.floor(at / 289)].map((step) => Math.min(255, step * 16)),
        at * 3,
      );
    const source = await rgb(cube, 17, 289)
      .withIccProfile("srgb")
      .toFormat(format, { quality: 100, chromaSubsampling: "4:4:4" })
      .toBuffer();
    expect(await inspect(source)).toMatchObject({ hasProfile: false });
    const followed = await sharp(source).raw().toBuffer();
    const { data } = await decode(readHeader(source), { width: 17, height: 289 });
    expect(difference([...data], [...followed])).toBeLessThanOrEqual(1);
  });

  it("only what is sRGB counts as sRGB, whatever a profile's bytes", async () => {
    const { icc = Buffer.alloc(0) } = await sharp(
      await picture().withIccProfile("srgb").png().toBuffer(),
    ).metadata();
    expect(isSrgb(icc)).toBe(true);
    const { icc: p3 = Buffer.alloc(0) } = await sharp(
      await picture().withIccProfile("p3").png().toBuffer(),
    ).metadata();
    const others = [
      p3,
      adobeRgb,
      matrixProfile(undefined, 1 / 2.2),
      matrixProfile(undefined, 1),
      greyProfile(1 / 2.2),
    ];
    for (const other of others) expect(isSrgb(other ?? Buffer.alloc(0))).toBe(false);
    // A table goes before matrix and curves.
    const tabled = Buffer.from(icc);
    tabled.write("A2B0", tabled.indexOf("cprt"), "latin1");
    expect(isSrgb(tabled)).toBe(false);
    const next = generator(3);
    for (let length = 0; length < icc.length; length++) isSrgb(icc.subarray(0, length));
    for (let round = 0; round < 2000; round++) {
      const changed = Buffer.from(icc);
      changed[Math.floor(next() * icc.length)] = Math.floor(next() * 256);
      expect(isSrgb(changed)).toBeTypeOf("boolean");
    }
  });

  it("and one that is broken or of other channels is left aside, as browsers do it", async () => {
    const plain = await picture().png().toBuffer();
    for (const icc of [Buffer.alloc(200, 7), greyProfile(1), Buffer.alloc(0)])
      await expectColours(withChunks(plain, iccChunk(icc)), quarters, 14);
  });
});

describe("PNG says without a profile what its numbers mean", () => {
  const gamma = (value: number) => pngChunk("gAMA", numbers(value));

  it("linear, by gamma", async () => {
    for (const space of ["srgb", "b-w", "rgb16", "grey16"] as const) {
      const png = await picture(greys(0, 64, 128, 255))
        .toColourspace(space)
        .png()
        .toBuffer();
      await expectColours(withChunks(png, gamma(100_000)), greys(0, 137, 188, 255), 4);
    }
  });

  it("the gamma that everybody writes changes nothing, nor does any beside sRGB's own mark", async () => {
    const plain = await picture().png().toBuffer();
    const hashes = async (bytes: Buffer) => (await all(bytes)).map(({ sha256 }) => sha256);
    expect(await hashes(withChunks(plain, gamma(45_455)))).toEqual(await hashes(plain));
    expect(await hashes(withChunks(plain, pngChunk("sRGB", Buffer.from([0])), gamma(100_000)))).toEqual(
      await hashes(plain),
    );
  });

  it("Display P3 by code points and by chromaticities; HDR is refused", async () => {
    const { data } = await picture().withIccProfile("p3").raw().toBuffer({ resolveWithObject: true });
    const stored = await rgb(data, width, height).png().toBuffer();
    expect(difference([...data.subarray(0, 3)], quarters.topLeft)).toBeGreaterThan(15);
    await expectColours(withChunks(stored, pngChunk("cICP", Buffer.from([12, 13, 0, 1]))), quarters, 14);
    const chromaticities = pngChunk("cHRM", numbers(31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000));
    await expectColours(withChunks(stored, gamma(45_455), chromaticities), quarters, 14);
    for (const transfer of [16, 18])
      await expect(
        inspect(withChunks(stored, pngChunk("cICP", Buffer.from([9, transfer, 0, 1])))),
      ).rejects.toMatchObject({
        code: "picture_unsupported",
        message: expect.stringContaining("HDR"),
      });
  });
});

describe("AVIF says by code points what its numbers mean", () => {
  /** The numbers of Display P3, with code points in the place of the profile. */
  const coded = async (bitdepth: 8 | 10, primaries: number, transfer: number) => {
    const avif = await picture().withIccProfile("p3").avif({ quality: 95, bitdepth }).toBuffer();
    const at = avif.indexOf("colr") + 4;
    expect(at).toBeGreaterThan(4);
    avif.write("nclx", at, "latin1");
    for (const [index, value] of [primaries, transfer, 6].entries())
      avif.writeUInt16BE(value, at + 4 + index * 2);
    avif.writeUInt8(0x80, at + 10);
    return avif;
  };

  test.each([8, 10] as const)("Display P3 in %i bits", async (bitdepth) => {
    await expectColours(await coded(bitdepth, 12, 13), quarters, 16);
  });

  it("HDR is refused", async () => {
    await expect(inspect(await coded(10, 9, 16))).rejects.toMatchObject({
      code: "picture_unsupported",
      message: expect.stringContaining("HDR"),
    });
  });
});

describe("CMYK", () => {
  test.each(["jpeg", "tiff"] as const)("in %s, with and without its profile", async (format) => {
    const gentle = {
      topLeft: [175, 105, 95],
      topRight: [105, 140, 105],
      bottomLeft: [95, 105, 135],
      bottomRight: [235, 235, 230],
    } as const satisfies Record<keyof typeof quarters, Colour>;
    const withProfile = await picture(gentle)
      .withIccProfile("cmyk")
      .toFormat(format, { quality: 98, compression: "lzw" })
      .toBuffer();
    expect(await inspect(withProfile)).toMatchObject({ colourSpace: "cmyk", hasProfile: true });
    await expectColours(withProfile, gentle, 16);
    const without = await picture(gentle)
      .toColourspace("cmyk")
      .toFormat(format, { quality: 98, compression: "lzw" })
      .toBuffer();
    expect(await inspect(without)).toMatchObject({ colourSpace: "cmyk" });
    await expectColours(without, gentle, 40);
  });
});

describe("depth and kinds", () => {
  test.each(["png", "tiff"] as const)("16 bits in %s", async (format) => {
    const source = await picture().toColourspace("rgb16").toFormat(format, lossless).toBuffer();
    expect(await inspect(source)).toMatchObject({ bitDepth: 16, colourSpace: "rgb" });
    await expectColours(source, quarters, 14);
  });

  it("10 bits in AVIF", async () => {
    const source = await picture().avif({ bitdepth: 10, quality: 95 }).toBuffer();
    expect(await inspect(source)).toMatchObject({ bitDepth: 10 });
    await expectColours(source, quarters, 14);
  });

  test.each(["jpeg", "png", "tiff", "webp", "avif"] as const)("grey in %s", async (format) => {
    const source = await picture(greys(10, 90, 170, 250))
      .toColourspace("b-w")
      .toFormat(format)
      .toBuffer();
    await expectColours(source, greys(10, 90, 170, 250), 6);
  });

  it("a palette", async () => {
    const source = await picture().png({ palette: true, colours: 8 }).toBuffer();
    expect(await inspect(source)).toMatchObject({ colourSpace: "palette" });
    await expectColours(source, quarters, 16);
  });

  it("one bit", async () => {
    const source = await picture(greys(0, 255, 255, 0))
      .toColourspace("b-w")
      .png({ palette: true, colours: 2 })
      .toBuffer();
    await expectColours(source, greys(0, 255, 255, 0), 6);
    const fax = await picture(greys(0, 255, 255, 0))
      .toColourspace("b-w")
      .tiff({ bitdepth: 1, compression: "ccittfax4", miniswhite: true })
      .toBuffer();
    expect(await inspect(fax)).toMatchObject({ bitDepth: 1, colourSpace: "grey" });
    await expectColours(fax, greys(0, 255, 255, 0), 6);
  });
});

describe("transparency", () => {
  /** The left half cannot be seen, the right half is half there. */
  const data = Buffer.concat(
    Array.from({ length: width * height }, (_, index) =>
      Buffer.from(index % width < width / 2 ? [0, 0, 0, 0] : [200, 40, 40, 128]),
    ),
  );
  const translucent = () => sharp(data, { raw: { width, height, channels: 4 } });

  test.each([
    ["png", () => translucent().png()],
    ["16-bit png", () => translucent().toColourspace("rgb16").png()],
    ["webp", () => translucent().webp({ lossless: true })],
    ["avif", () => translucent().avif({ quality: 90 })],
    ["tiff", () => translucent().tiff({ compression: "lzw" })],
    ["palette png", () => translucent().png({ palette: true })],
  ] as const)("of %s is kept in AVIF and WebP, and white in JPEG", async (_, make) => {
    const source = await make().toBuffer();
    expect(await inspect(source)).toMatchObject({ hasAlpha: true });
    for (const { bytes, format } of await all(source)) {
      const seen = await look(bytes);
      if (format === "jpeg") {
        expect(difference(seen.topLeft, [255, 255, 255])).toBeLessThan(4);
        expect(difference(seen.topRight, [227, 147, 147])).toBeLessThan(10);
      } else {
        expect(seen.topLeft[3], format).toBeLessThan(6);
        expect(difference(seen.topRight, [200, 40, 40, 128]), `${format} ${seen.topRight}`).toBeLessThan(16);
      }
    }
  });

  it("of a grey picture", async () => {
    const source = await translucent().toColourspace("b-w").png().toBuffer();
    expect(await inspect(source)).toMatchObject({ colourSpace: "grey", hasAlpha: true });
    for (const { bytes, format } of await all(source)) {
      const { topLeft } = await look(bytes);
      if (format === "jpeg") expect(difference(topLeft, [255, 255, 255])).toBeLessThan(4);
      else expect(topLeft[3]).toBeLessThan(6);
    }
  });

  it("of one colour of a PNG without alpha", async () => {
    const plain = await picture().png().toBuffer();
    const key = Buffer.alloc(6);
    for (const [index, value] of quarters.topLeft.entries()) key.writeUInt16BE(value, index * 2);
    const [webp] = await all(withChunks(plain, pngChunk("tRNS", key)), { formats: ["webp"] });
    const seen = await look(webp?.bytes ?? Buffer.alloc(0));
    expect([seen.topLeft[3], seen.topRight[3]]).toEqual([0, 255]);
  });

  it("that is nowhere is left out", async () => {
    const source = await picture().ensureAlpha().png().toBuffer();
    for (const { bytes } of await all(source)) expect((await sharp(bytes).metadata()).hasAlpha).toBe(false);
  });
});
