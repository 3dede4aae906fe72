/**
 * Pictures changed at random, by a generator with a seed. Each is refused with a reason or made into sizes that are
 * whole; nothing crashes and nothing takes long. A change that a format's checksums cover is never shown.
 */
import { address, inspect, Refusal, widthsOf } from "@frontdesk/core/media/picture";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { mutated } from "./mutate.ts";
import { all, exif, generator, photo } from "./support.ts";

const perFormat = 150;
/** Seconds for one picture of 100 by 75 pixels, on a machine that does other things too. */
const patience = 10;

const animated = () =>
  photo(60, 90)
    .raw()
    .toBuffer()
    .then((data) =>
      sharp(data, { raw: { width: 60, height: 90, channels: 3, pageHeight: 30 }, animated: true }),
    );
const sources: Record<string, () => Promise<Buffer>> = {
  jpeg: () =>
    photo(100, 75)
      .withExif({ IFD0: { Make: "x" } })
      .withIccProfile("p3")
      .jpeg()
      .toBuffer(),
  "jpeg that is halved": () => photo(3900, 16).jpeg().toBuffer(),
  "progressive jpeg": () => photo(100, 75).jpeg({ progressive: true, chromaSubsampling: "4:4:4" }).toBuffer(),
  "cmyk jpeg": () => photo(100, 75).toColourspace("cmyk").jpeg().toBuffer(),
  png: () => photo(100, 75).withIccProfile("p3").png({ progressive: true }).toBuffer(),
  "16-bit png": () => photo(60, 40).ensureAlpha(0.5).toColourspace("rgb16").png().toBuffer(),
  gif: async () => (await animated()).gif().toBuffer(),
  webp: () => photo(100, 75).withIccProfile("p3").webp().toBuffer(),
  "animated webp": async () => (await animated()).webp().toBuffer(),
  "lossless webp": () => photo(100, 75).ensureAlpha(0.5).webp({ lossless: true }).toBuffer(),
  avif: () => photo(100, 75).ensureAlpha(0.5).withIccProfile("p3").avif({ effort: 0 }).toBuffer(),
  tiff: () => photo(100, 75).withIccProfile("p3").tiff({ compression: "lzw" }).toBuffer(),
  "tiled tiff": () =>
    photo(100, 75).tiff({ compression: "deflate", tile: true, tileWidth: 32, tileHeight: 32 }).toBuffer(),
};

describe("changed at random", () => {
  test.each(Object.entries(sources))("%s", async (name, make) => {
    const source = await make();
    const whole = await all(source, { formats: ["webp"] });
    const next = generator(Array.from(name).reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7));
    const seen = { taken: 0, refused: 0 };
    for (let round = 0; round < perFormat; round++) {
      const { bytes, how } = mutated(source, next);
      const from = performance.now();
      try {
        const inspection = await inspect(bytes);
        const variants = await all(bytes, { formats: ["webp"] });
        seen.taken++;
        expect(
          variants.map(({ width }) => width),
          how,
        ).toEqual(widthsOf(inspection.width));
        for (const variant of variants) {
          const { width, height, pageHeight } = await sharp(variant.bytes, { animated: true }).metadata();
          expect([width, pageHeight ?? height], how).toEqual([variant.width, variant.height]);
        }
        expect(address(inspection.sha256)).toHaveLength(64);
        // Each of its chunks has a checksum, so what is taken is what was sent.
        if (name.endsWith("png"))
          expect(
            variants.map(({ sha256 }) => sha256),
            how,
          ).toEqual(whole.map(({ sha256 }) => sha256));
      } catch (error) {
        if (!(error instanceof Refusal)) throw new Error(`round ${round}, ${how}`, { cause: error });
        seen.refused++;
        expect(error.message, how).toMatch(/^The (?:picture|file|animation) .{10,}\.\)?$/);
      }
      expect((performance.now() - from) / 1000, how).toBeLessThan(patience);
    }
    // Both ways are taken, or the changes test nothing.
    expect(seen.refused).toBeGreaterThan(perFormat / 5);
  });

  test("an EXIF block, which decides how the picture lies and nothing else", async () => {
    const plain = await photo(60, 40).jpeg().toBuffer();
    const next = generator(5);
    const hashes = new Map<number, string>();
    for (let round = 0; round < 200; round++) {
      const { bytes: block } = mutated(exif(6, round % 2 === 0 ? "II" : "MM"), next);
      const head = Buffer.from([0xff, 0xe1, 0, 0]);
      head.writeUInt16BE(block.length + 8, 2);
      const source = Buffer.concat([
        plain.subarray(0, 2),
        head,
        Buffer.from("Exif\0\0"),
        block,
        plain.subarray(2),
      ]);
      const { orientation } = await inspect(source);
      const [variant] = await all(source, { formats: ["jpeg"] });
      const known = hashes.get(orientation) ?? variant?.sha256 ?? "";
      expect(variant?.sha256).toBe(known);
      hashes.set(orientation, known);
    }
    expect(hashes.size).toBeGreaterThan(1);
  });
});
