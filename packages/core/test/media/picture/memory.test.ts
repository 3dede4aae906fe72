/** Pictures whose headers alone say that they cost too much. The others are in memory.thorough.test.ts. */
import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { pngChunk, signature } from "../../../src/media/picture/formats/png-chunks.ts";
import { expectCheap, u32 } from "./cost.ts";
import { photo } from "./support.ts";

/** 30,000 × 30,000 pixels, all there, in 900 kB. */
function pngBomb(): Buffer {
  const header = Buffer.concat([u32(30_000, 30_000), Buffer.from([8, 2, 0, 0, 0])]);
  const data = deflateSync(Buffer.alloc(256 * 1024 * 1024));
  return Buffer.concat([
    signature,
    pngChunk("IHDR", header),
    pngChunk("IDAT", data),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A canvas of 16,000 × 16,000 and frames of one pixel. */
function gifBomb(): Buffer {
  const frame = Buffer.from("2c00000000010001000002024c0100", "hex");
  const head = Buffer.from("GIF89a\x80\x3e\x80\x3e\x80\0\0\0\0\0\xff\xff\xff", "latin1");
  return Buffer.concat([head, ...Array.from({ length: 5000 }, () => frame), Buffer.from(";")]);
}

/** A picture of one pixel in a tile of 4 billion. */
async function tiffTile(): Promise<Buffer> {
  const tiff = await photo(32, 32).tiff({ tile: true, tileWidth: 32, tileHeight: 32 }).toBuffer();
  const start = tiff.readUInt32LE(4);
  for (let entry = 0; entry < tiff.readUInt16LE(start); entry++) {
    const at = start + 2 + entry * 12;
    if (![322, 323].includes(tiff.readUInt16LE(at))) continue;
    tiff.writeUInt16LE(4, at + 2);
    tiff.writeUInt32LE(65_536, at + 8);
  }
  return tiff;
}

async function webpCanvas(): Promise<Buffer> {
  const webp = await photo(60, 90).ensureAlpha(0.5).webp().toBuffer();
  expect(webp.toString("latin1", 12, 16)).toBe("VP8X");
  webp.writeUIntLE(16_382, 24, 3);
  webp.writeUIntLE(16_382, 27, 3);
  return webp;
}

test.each<[string, () => Buffer | Promise<Buffer>]>([
  ["PNG of 900 megapixels", pngBomb],
  ["GIF of many frames on a large canvas", gifBomb],
  ["TIFF of one tile of 4 gigapixels", tiffTile],
  ["WebP with a canvas of 268 megapixels", webpCanvas],
])("%s costs neither memory nor time", async (_, make) => {
  await expectCheap(await make(), "picture_too_large");
});
