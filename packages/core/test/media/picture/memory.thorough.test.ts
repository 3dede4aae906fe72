/** What pictures cost that have to be looked into, and large ones. */
import { deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { describe, expect, test } from "vitest";
import { pngChunk } from "../../../src/media/picture/formats/png-chunks.ts";
import { cost, expectCheap, u32 } from "./cost.ts";
import { fourQuarters, photo, rgb } from "./support.ts";

/** A profile that unpacks to 256 MB. */
async function profileBomb(): Promise<Buffer> {
  const png = await photo(20, 20).png().toBuffer();
  const packed = Buffer.concat([
    Buffer.from("p\0\0", "latin1"),
    deflateSync(Buffer.alloc(256 * 1024 * 1024)),
  ]);
  return Buffer.concat([png.subarray(0, 33), pngChunk("iCCP", packed), png.subarray(33)]);
}

/** A text that unpacks to 256 MB. */
async function textBomb(): Promise<Buffer> {
  const png = await photo(20, 20).png().toBuffer();
  const packed = Buffer.concat([
    Buffer.from("t\0\0", "latin1"),
    deflateSync(Buffer.alloc(256 * 1024 * 1024)),
  ]);
  const texts = Array.from({ length: 20 }, () => pngChunk("zTXt", packed));
  return Buffer.concat([png.subarray(0, 33), ...texts, png.subarray(33)]);
}

/** Its boxes say 64 × 48, its pixels 4,000 × 3,000. */
async function avifLie(): Promise<Buffer> {
  const avif = await sharp({ create: { width: 4000, height: 3000, channels: 3, background: "#123456" } })
    .avif({ effort: 0, quality: 1 })
    .toBuffer();
  for (let at = avif.indexOf("ispe"); at >= 0; at = avif.indexOf("ispe", at + 4))
    u32(64, 48).copy(avif, at + 8);
  return avif;
}

/** A progressive JPEG of 49 megapixels whose passes are repeated 500 times. */
async function jpegPasses(): Promise<Buffer> {
  const jpeg = await sharp({ create: { width: 7000, height: 7000, channels: 3, background: "#123456" } })
    .jpeg({ progressive: true })
    .toBuffer();
  const last = jpeg.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = jpeg.subarray(last, -2);
  return Buffer.concat([jpeg.subarray(0, -2), ...Array.from({ length: 500 }, () => scan), jpeg.subarray(-2)]);
}

test.each<[string, () => Buffer | Promise<Buffer>, string]>([
  ["PNG with a profile of 256 MB", profileBomb, "picture_too_large"],
  ["PNG with texts of 5 GB, which nobody unpacks", textBomb, "ready"],
  ["AVIF whose pixels are more than it says", avifLie, "picture_corrupt"],
  ["JPEG of 500 passes", jpegPasses, "picture_too_large"],
])("%s costs neither memory nor time", async (_, make, outcome) => {
  await expectCheap(await make(), outcome);
});

/** Of AVIF the decoder keeps what it knows of every 4 × 4 pixels, and two copies of all planes: docs/decisions/0084. */
const avif = { effort: 0, quality: 50 } as const;

describe("all sizes are made within 512 MB of 24 megapixels", () => {
  test.each<[string, (picture: Sharp) => Sharp]>([
    ["JPEG", (picture) => picture.jpeg()],
    [
      "progressive JPEG, turned, with a profile and full chroma",
      (picture) =>
        picture
          .withIccProfile("p3")
          .withMetadata({ orientation: 6 })
          .jpeg({ progressive: true, chromaSubsampling: "4:4:4" }),
    ],
    ["interlaced 16-bit PNG with transparency", (picture) => sixteenBits(picture).png({ progressive: true })],
    ["16-bit TIFF", (picture) => sixteenBits(picture).tiff({ compression: "lzw" })],
    ["WebP", (picture) => picture.webp({ effort: 0 })],
    ["AVIF", (picture) => picture.avif({ ...avif, chromaSubsampling: "4:2:0" })],
  ])("%s", async (name, make) => {
    const [width, height] = [6000, 4000];
    // Noise in 16 bits is larger than files may be.
    const picture = name.includes("16-bit")
      ? rgb(fourQuarters(width, height), width, height)
      : photo(width, height);
    const found = await cost(await make(picture).toBuffer());
    expect(found).toMatchObject({ outcome: "ready", variants: 12 });
    expect(found.megabytes).toBeLessThan(512);
  });
});

const sixteenBits = (picture: Sharp) => picture.ensureAlpha(0.5).toColourspace("rgb16");

describe("the largest that is taken leaves the image consumer (2,048 MB) a third of its memory", () => {
  test.each<[string, (picture: Sharp) => Sharp]>([
    [
      "AVIF of 12 bits with full chroma and transparency",
      (picture) => picture.ensureAlpha(0.5).avif({ ...avif, chromaSubsampling: "4:4:4", bitdepth: 12 }),
    ],
    ["interlaced 16-bit PNG with transparency", (picture) => sixteenBits(picture).png({ progressive: true })],
  ])("%s", async (_, make) => {
    const [width, height] = [8640, 5760];
    const found = await cost(await make(rgb(fourQuarters(width, height), width, height)).toBuffer());
    expect(found).toMatchObject({ outcome: "ready", variants: 12 });
    expect(found.megabytes).toBeLessThan(1365);
  });
});
