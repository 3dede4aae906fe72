import { readFileSync } from "node:fs";
import { address, inspect, placeholder, recipe, widthsOf } from "@frontdesk/core/media/picture";
import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { all, difference, exif, fourQuarters, look, photo, quarters, rgb, stored } from "./support.ts";

const still = ["avif", "webp", "jpeg"];

describe("sizes", () => {
  test.each([
    [5000, [1920, 1280, 640, 320]],
    [1920, [1920, 1280, 640, 320]],
    [1919, [1919, 1280, 640, 320]],
    [1000, [1000, 640, 320]],
    [640, [640, 320]],
    [321, [321, 320]],
    [320, [320]],
    [7, [7]],
  ])("a picture %i wide comes in widths of %j", (width, widths) => {
    expect(widthsOf(width)).toEqual(widths);
  });

  it("is made in AVIF, WebP and JPEG, each of the size it says, largest first, with its proportions kept", async () => {
    const source = await photo(1500, 1000).jpeg({ quality: 90 }).toBuffer();
    const variants = await all(source);
    expect(variants.map(({ width, height, format }) => [width, height, format])).toEqual(
      [
        [1500, 1000],
        [1280, 853],
        [640, 427],
        [320, 213],
      ].flatMap(([width, height]) => still.map((format) => [width, height, format])),
    );
    for (const { bytes, width, height, format, contentType } of variants) {
      const seen = await sharp(bytes).metadata();
      expect([seen.width, seen.height]).toEqual([width, height]);
      expect(seen.format === "heif" ? "avif" : seen.format).toBe(format);
      expect(contentType).toBe(`image/${format}`);
    }
  });

  it("never makes a side of no pixels", async () => {
    const line = await photo(4000, 1).png().toBuffer();
    expect((await all(line)).map(({ width, height }) => `${width}x${height}`)).toContain("320x1");
  });

  it("gives the same bytes for the same picture", async () => {
    const source = await photo(700, 500).png().toBuffer();
    const [first, second] = [await all(source), await all(source)];
    expect(first.map(({ sha256 }) => sha256)).toEqual(second.map(({ sha256 }) => sha256));
  });

  it("can be made in some formats only, and given up", async () => {
    const source = await photo(700, 500).png().toBuffer();
    expect(new Set((await all(source, { formats: ["webp"] })).map(({ format }) => format))).toEqual(
      new Set(["webp"]),
    );
    const controller = new AbortController();
    controller.abort(new Error("given up"));
    await expect(all(source, { signal: controller.signal })).rejects.toThrow("given up");
  });

  it("has an address that follows from content and recipe, of a recipe settled with the library installed", async () => {
    const { sha256 } = await inspect(await photo(20, 20).png().toBuffer());
    expect(address(sha256)).toMatch(/^[0-9a-f]{64}$/);
    expect(address(sha256)).toBe(address(sha256));
    expect(address(sha256)).not.toBe(sha256);
    expect(address(sha256)).not.toBe(address(sha256.replace(/^./, (digit) => (digit === "0" ? "1" : "0"))));
    const { dependencies } = JSON.parse(
      readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
    ) as { dependencies: Record<string, string> };
    expect(recipe.sharp, "raise recipe.version when the library is raised").toBe(dependencies.sharp);
  });
});

describe("orientation", () => {
  const upright = fourQuarters(80, 60);
  const orientations = [1, 2, 3, 4, 5, 6, 7, 8];
  const cases = orientations.flatMap((orientation) =>
    (["jpeg", "png", "webp", "tiff"] as const).map((format) => [orientation, format] as const),
  );

  test.each(cases)("%i is applied to %s", async (orientation, format) => {
    const { data, info } = await stored(rgb(upright, 80, 60), orientation)
      .raw()
      .toBuffer({ resolveWithObject: true });
    const source = await rgb(data, info.width, info.height)
      .withMetadata({ orientation })
      .toFormat(format, { quality: 95 })
      .toBuffer();
    expect(await inspect(source)).toMatchObject({ width: 80, height: 60, orientation });
    for (const { bytes, width, height } of await all(source)) {
      expect([width, height]).toEqual([80, 60]);
      const seen = await look(bytes);
      for (const quarter of Object.keys(quarters) as (keyof typeof quarters)[])
        expect(difference(seen[quarter], quarters[quarter]), quarter).toBeLessThan(20);
    }
  });

  it("is read from EXIF in either byte order, and is upright where EXIF is broken", async () => {
    const plain = await rgb(upright, 80, 60).jpeg().toBuffer();
    const withExif = (block: Buffer) => {
      const head = Buffer.from([0xff, 0xe1, 0, 0]);
      head.writeUInt16BE(block.length + 8, 2);
      return Buffer.concat([plain.subarray(0, 2), head, Buffer.from("Exif\0\0"), block, plain.subarray(2)]);
    };
    for (const order of ["II", "MM"] as const)
      expect(await inspect(withExif(exif(6, order)))).toMatchObject({
        width: 60,
        height: 80,
        orientation: 6,
      });
    expect(await inspect(withExif(exif(9)))).toMatchObject({ width: 80, orientation: 1 });
    expect(await inspect(withExif(exif(6).subarray(0, 12)))).toMatchObject({ width: 80, orientation: 1 });
  });
});

describe("animation", () => {
  const colours = [
    [220, 30, 30],
    [30, 200, 40],
    [30, 50, 210],
  ] as const;
  const delay = [100, 250, 400];
  const roll = (width: number, height: number) =>
    sharp(
      Buffer.concat(
        colours.map((colour) =>
          Buffer.from(
            Array(width * height)
              .fill(colour)
              .flat(),
          ),
        ),
      ),
      {
        raw: { width, height: height * colours.length, channels: 3, pageHeight: height },
        animated: true,
      },
    );

  test.each([
    "gif",
    "webp",
  ] as const)("of %s goes on as WebP with its times, and stands still as JPEG", async (format) => {
    const source = await roll(700, 40).toFormat(format, { delay, loop: 2 }).toBuffer();
    expect(await inspect(source)).toMatchObject({ format, width: 700, height: 40, frames: 3 });
    const variants = await all(source);
    expect(variants.map(({ width, format: made, animated }) => [width, made, animated])).toEqual(
      [700, 640, 320].flatMap((width) => [
        [width, "webp", true],
        [width, "jpeg", false],
      ]),
    );
    for (const { bytes, width, height, format: made } of variants) {
      const seen = await sharp(bytes, { animated: true }).metadata();
      expect([seen.width, seen.pageHeight ?? seen.height]).toEqual([width, height]);
      if (made === "webp") expect(seen).toMatchObject({ pages: 3, delay, loop: 2 });
      for (const [page, colour] of colours.entries())
        if (made === "webp" || page === 0)
          expect(difference((await look(bytes, page)).bottomRight, colour)).toBeLessThan(16);
    }
  });
});

describe("placeholder", () => {
  it("is a tiny picture with the same colours, and their average", async () => {
    const [small] = (await all(await rgb(fourQuarters(300, 200), 300, 200).png().toBuffer())).slice(-1);
    const { dataUrl, colour } = await placeholder(small?.bytes ?? Buffer.alloc(0));
    expect(dataUrl.length).toBeLessThan(500);
    const seen = await look(Buffer.from(dataUrl.split(",")[1] ?? "", "base64"));
    for (const quarter of Object.keys(quarters) as (keyof typeof quarters)[])
      expect(difference(seen[quarter], quarters[quarter]), quarter).toBeLessThan(60);
    const mean = [0, 1, 2].map(
      (channel) => Object.values(quarters).reduce((sum, value) => sum + (value[channel] ?? 0), 0) / 4,
    );
    expect(difference([...Buffer.from(colour.slice(1), "hex")], mean)).toBeLessThan(8);
  });

  it("leaves out of the average what cannot be seen", async () => {
    const dot = await sharp({ create: { width: 40, height: 40, channels: 4, background: "#00000000" } })
      .composite([
        {
          input: { create: { width: 20, height: 20, channels: 4, background: "#ff0000" } },
          top: 10,
          left: 10,
        },
      ])
      .webp({ lossless: true })
      .toBuffer();
    const { colour } = await placeholder(dot);
    expect(difference([...Buffer.from(colour.slice(1), "hex")], [255, 0, 0])).toBeLessThan(6);
  });
});
