/** Photographs from twice to three times as wide as the largest size: their JPEG is decoded at half its size. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { decode } from "../../../src/media/picture/decode.ts";
import { readHeader } from "../../../src/media/picture/read.ts";
import { all, difference, fourQuarters, landscape, look, quarters, rgb, stored } from "./support.ts";

const [width, height] = [4001, 241];
const target = { width: 1920, height: 116 };
const picture = () => rgb(fourQuarters(width, height), width, height);

let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "halved-"));
  vi.stubEnv("TMPDIR", temporary);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(temporary, { recursive: true });
});

async function expectQuarters(source: Buffer, tolerance: number): Promise<void> {
  for (const { bytes, format, ...size } of await all(source)) {
    if (size.width === target.width) expect(size).toMatchObject(target);
    const seen = await look(bytes);
    for (const quarter of Object.keys(quarters) as (keyof typeof quarters)[])
      expect(
        difference(seen[quarter], quarters[quarter]),
        `${format} ${size.width} ${quarter}: ${seen[quarter]}`,
      ).toBeLessThanOrEqual(tolerance);
  }
}

describe("a JPEG that is decoded at half its size", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("is upright when its orientation is %i", async (orientation) => {
    const { data, info } = await stored(picture(), orientation).raw().toBuffer({ resolveWithObject: true });
    await expectQuarters(
      await rgb(data, info.width, info.height)
        .withMetadata({ orientation })
        .jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
        .toBuffer(),
      24,
    );
  });

  test.each<[string, (jpeg: Sharp) => Sharp, number]>([
    ["progressive", (jpeg) => jpeg.jpeg({ quality: 95, progressive: true }), 24],
    ["in Display P3", (jpeg) => jpeg.withIccProfile("p3").jpeg({ quality: 95 }), 24],
  ])("keeps its colours: %s", async (_, make, tolerance) => {
    await expectQuarters(await make(picture()).toBuffer(), tolerance);
  });

  it("keeps the colours of CMYK as they are at full size", async () => {
    const source = await picture().withIccProfile("cmyk").jpeg({ quality: 95 }).toBuffer();
    const small = await look((await all(source, { formats: ["jpeg"] }))[0]?.bytes ?? Buffer.alloc(0));
    const whole = await look(await sharp(source).toColourspace("srgb").png().toBuffer());
    for (const quarter of Object.keys(quarters) as (keyof typeof quarters)[])
      expect(difference(small[quarter], whole[quarter]), quarter).toBeLessThan(12);
  });

  it("is what a resize of all its pixels gives, but for the finest detail", async () => {
    const source = await landscape(4032, 400, 4).jpeg({ quality: 90 }).toBuffer();
    const size = { width: 1920, height: 190 };
    const { data, channels } = await decode(readHeader(source), size);
    const whole = await sharp(source)
      .resize({ ...size, fit: "fill" })
      .raw()
      .toBuffer();
    expect(channels).toBe(3);
    const squares = whole.reduce((sum, value, at) => sum + (value - (data[at] ?? 0)) ** 2, 0);
    const decibels = 10 * Math.log10((255 ** 2 * whole.length) / squares);
    expect(decibels).toBeGreaterThan(42);
    expect(decibels, "all its pixels were decoded").toBeLessThan(60);
  });

  it("is refused where it ends too early, and leaves no file behind either way", async () => {
    const source = await picture().jpeg().toBuffer();
    await all(source, { formats: ["jpeg"] });
    expect(readdirSync(temporary)).toEqual([]);
    const cut = Buffer.concat([
      source.subarray(0, Math.round(source.length * 0.8)),
      Buffer.from("ffd9", "hex"),
    ]);
    await expect(all(cut)).rejects.toMatchObject({ code: "picture_truncated" });
    expect(readdirSync(temporary)).toEqual([]);
  });
});
