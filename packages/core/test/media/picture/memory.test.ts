/** What a picture costs, seen from outside: each in a process of its own. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { pngChunk, signature } from "../../../src/media/picture/formats/png-chunks.ts";
import { photo } from "./support.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "pictures-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Cost {
  outcome: string;
  variants: number;
  cpuSeconds: number;
  megabytes: number;
}

async function cost(bytes: Buffer, formats = "avif,webp,jpeg"): Promise<Cost> {
  const file = join(folder, "picture");
  writeFileSync(file, bytes);
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, "child.ts"), file, formats]);
  return JSON.parse(stdout) as Cost;
}

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

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

/** A canvas of 16,000 × 16,000 and frames of one pixel. */
function gifBomb(): Buffer {
  const frame = Buffer.from("2c00000000010001000002024c0100", "hex");
  const head = Buffer.from("GIF89a\x80\x3e\x80\x3e\x80\0\0\0\0\0\xff\xff\xff", "latin1");
  return Buffer.concat([head, ...Array.from({ length: 5000 }, () => frame), Buffer.from(";")]);
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

describe("a bomb costs neither memory nor time", () => {
  let nothing: Cost;
  beforeAll(async () => {
    nothing = await cost(Buffer.from("no picture"));
  });

  test.each<[string, () => Buffer | Promise<Buffer>, string]>([
    ["PNG of 900 megapixels", pngBomb, "picture_too_large"],
    ["PNG with a profile of 256 MB", profileBomb, "picture_too_large"],
    ["PNG with texts of 5 GB, which nobody unpacks", textBomb, "ready"],
    ["GIF of many frames on a large canvas", gifBomb, "picture_too_large"],
    ["AVIF whose pixels are more than it says", avifLie, "picture_corrupt"],
    ["JPEG of 500 passes", jpegPasses, "picture_too_large"],
    ["TIFF of one tile of 4 gigapixels", tiffTile, "picture_too_large"],
    ["WebP with a canvas of 268 megapixels", webpCanvas, "picture_too_large"],
  ])("%s", async (_, make, outcome) => {
    const found = await cost(await make(), "webp");
    expect(found.outcome).toBe(outcome);
    expect(found.megabytes - nothing.megabytes, "megabytes above those of refusing a text").toBeLessThan(64);
    expect(found.cpuSeconds - nothing.cpuSeconds, "seconds above those of refusing a text").toBeLessThan(1.5);
  });
});

it("24 megapixels, progressive, turned and with a profile, are made into all sizes within 512 MB", async () => {
  const picture = await photo(6000, 4000)
    .withIccProfile("p3")
    .withMetadata({ orientation: 6 })
    .jpeg({ progressive: true })
    .toBuffer();
  const found = await cost(picture);
  expect(found).toMatchObject({ outcome: "ready", variants: 12 });
  expect(found.megabytes).toBeLessThan(512);
}, 180_000);
