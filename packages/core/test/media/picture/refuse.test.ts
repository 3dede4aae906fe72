import { deflateSync } from "node:zlib";
import { derive, inspect, limits, type Refusal } from "@frontdesk/core/media/picture";
import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { pngChunk } from "../../../src/media/picture/formats/png-chunks.ts";
import { all, fourQuarters, photo, rgb } from "./support.ts";

const small = () => rgb(fourQuarters(64, 48), 64, 48);
const animation = () =>
  sharp(Buffer.concat([fourQuarters(64, 48), Buffer.alloc(64 * 48 * 3, 90)]), {
    raw: { width: 64, height: 96, channels: 3, pageHeight: 48 },
    animated: true,
  });
const made: Record<string, () => Promise<Buffer>> = {
  jpeg: () => small().jpeg().toBuffer(),
  progressive: () => small().jpeg({ progressive: true }).toBuffer(),
  png: () => small().png().toBuffer(),
  gif: () => animation().gif().toBuffer(),
  webp: () => small().webp().toBuffer(),
  animatedWebp: () => animation().webp().toBuffer(),
  avif: () => small().avif().toBuffer(),
  tiff: () => small().tiff().toBuffer(),
};

/** Code and sentence with which it is refused, wherever that happens. */
async function refusal(bytes: Uint8Array): Promise<{ code: string; message: string }> {
  try {
    await all(bytes, { formats: ["webp"] });
  } catch (error) {
    if ((error as Error).name !== "Refusal") throw error;
    const { code, message } = error as Refusal;
    return { code, message };
  }
  return { code: "taken", message: "" };
}

const latin1 = (text: string) => Buffer.from(text, "latin1");
const ftyp = (...brands: string[]) => {
  const box = latin1(`\0\0\0\0ftyp${brands[0]}\0\0\0\0${brands.join("")}`);
  box.writeUInt32BE(box.length, 0);
  return box;
};

describe("what is not a picture that is taken is refused as what it is", () => {
  test.each<[string, Buffer, RegExp]>([
    ["HEIC", ftyp("heic", "mif1"), /HEIC.*save it as JPEG/],
    ["HEIC by its brands", ftyp("mif1", "heix"), /HEIC.*save it as JPEG/],
    ["SVG", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"), /SVG.*PNG or JPEG/],
    [
      "SVG behind a prologue",
      Buffer.from("\ufeff<?xml version='1.0'?>\n<!-- x -->\n<svg >"),
      /SVG.*PNG or JPEG/,
    ],
    ["SVG in UTF-16", Buffer.from("\ufeff<svg width='1'>", "utf16le"), /SVG.*PNG or JPEG/],
    ["PDF", latin1("%PDF-1.7\n"), /a PDF/],
    ["PostScript", latin1("%!PS-Adobe-3.0"), /PostScript/],
    ["EPS", latin1("\xc5\xd0\xd3\xc6\x1e"), /PostScript/],
    ["MVG", latin1("push graphic-context\nviewbox 0 0 640 480\n"), /MVG/],
    ["XML", latin1("<?xml version='1.0'?><note/>"), /XML/],
    ["HTML", latin1("\n <!DOCTYPE html><html></html>"), /web page/],
    ["ZIP", latin1("PK\x03\x04"), /ZIP/],
    ["icon", latin1("\0\0\x01\0\x01\0"), /icon/],
    ["BMP", latin1("BM\x36\0"), /BMP/],
    ["PSD", latin1("8BPS\0\x01"), /Photoshop/],
    ["JPEG XL", latin1("\xff\x0a\x00"), /JPEG XL/],
    ["JPEG XL in a box", latin1("\0\0\0\x0cJXL \x0d\x0a\x87\x0a"), /JPEG XL/],
    ["JPEG 2000", latin1("\0\0\0\x0cjP  \x0d\x0a\x87\x0a"), /JPEG 2000/],
    ["video", ftyp("isom", "mp42"), /video/],
    ["sound", latin1("RIFF\x24\0\0\0WAVEfmt "), /sound/],
    ["program", latin1("\x7fELF\x02"), /program/],
    ["text", Buffer.from("Hello"), /a text, not a picture/],
    ["noise", Buffer.from([1, 2, 3, 0, 0, 0, 9]), /unknown kind/],
  ])("%s", async (_, bytes, sentence) => {
    expect(await refusal(bytes)).toEqual({
      code: "picture_unsupported",
      message: expect.stringMatching(sentence),
    });
  });

  it("an empty file", async () => {
    expect(await refusal(Buffer.alloc(0))).toMatchObject({ code: "picture_empty" });
  });
});

describe("what is incomplete or damaged", () => {
  const formats = Object.keys(made);
  test.each(formats)("%s: cut anywhere, it is refused and never shown in part", async (format) => {
    const whole = (await made[format]?.()) ?? Buffer.alloc(0);
    expect(await refusal(whole)).toMatchObject({ code: "taken" });
    for (let part = 1; part < 12; part++) {
      const { code } = await refusal(whole.subarray(0, Math.floor((whole.length * part) / 12)));
      expect(code, `${part}/12`).toMatch(/^picture_(?:truncated|corrupt|unsupported)$/);
    }
    expect((await refusal(whole.subarray(0, -1))).code).toMatch(/^picture_(?:truncated|corrupt)$/);
  });

  it("PNG: a flipped bit in its pixels", async () => {
    const png = await small().png().toBuffer();
    const at = png.indexOf("IDAT") + 12;
    png[at] = (png[at] ?? 0) ^ 1;
    expect(await refusal(png)).toMatchObject({
      code: "picture_corrupt",
      message: expect.stringMatching(/checksum.*IDAT/),
    });
  });

  it("PNG: fewer pixels than its header says", async () => {
    const png = await small().png().toBuffer();
    const header = Buffer.from(png.subarray(16, 29));
    header.writeUInt32BE(96, 4);
    const tall = Buffer.concat([png.subarray(0, 8), pngChunk("IHDR", header), png.subarray(33)]);
    expect((await refusal(tall)).code).toMatch(/^picture_(?:truncated|corrupt)$/);
  });

  it("WebP: a canvas that differs from its pixels", async () => {
    const webp = await small().ensureAlpha(0.5).webp().toBuffer();
    expect(webp.toString("latin1", 12, 16)).toBe("VP8X");
    webp.writeUIntLE(200, 24, 3);
    expect(await refusal(webp)).toMatchObject({
      code: "picture_corrupt",
      message: expect.stringMatching(/size/),
    });
  });

  it("TIFF: directories that go in a circle", async () => {
    const tiff = await small().tiff().toBuffer();
    const start = tiff.readUInt32LE(4);
    tiff.writeUInt32LE(start, start + 2 + 12 * tiff.readUInt16LE(start));
    expect(await refusal(tiff)).toMatchObject({
      code: "picture_corrupt",
      message: expect.stringMatching(/circle/),
    });
  });
});

describe("what is a picture and something else", () => {
  const hidden: Record<string, string> = {
    "a ZIP archive": "PK\x03\x04\x14\0\0\0",
    "a PDF": "%PDF-1.4 1 0 obj",
    "a web page": "<HTML><body>",
    "a script": "<ScRiPt>alert(1)</sCrIpT>",
    "a program": "<?php system($_GET['c']);",
  };
  const formats = Object.keys(made);
  test.each(formats)("%s: behind its end", async (format) => {
    const whole = (await made[format]?.()) ?? Buffer.alloc(0);
    for (const [what, start] of Object.entries(hidden))
      expect(await refusal(Buffer.concat([whole, latin1(start)])), what).toEqual({
        code: "picture_polyglot",
        message: expect.stringContaining(what),
      });
  });

  it("JPEG: in a comment", async () => {
    const jpeg = await small().jpeg().toBuffer();
    const comment = latin1("\xff\xfe\0\x12<html><script>");
    const both = Buffer.concat([jpeg.subarray(0, 2), comment, latin1("ab"), jpeg.subarray(2)]);
    expect(await refusal(both)).toMatchObject({ code: "picture_polyglot" });
  });

  it("PNG: in its texts", async () => {
    const png = await small().png().toBuffer();
    const both = Buffer.concat([
      png.subarray(0, 33),
      pngChunk("tEXt", latin1("a\0<svg onload=x>")),
      png.subarray(33),
    ]);
    expect(await refusal(both)).toMatchObject({ code: "picture_polyglot" });
  });

  it("GIF: in a comment, and one that opens a comment of JavaScript with its width", async () => {
    const gif = await small().gif().toBuffer();
    const end = gif.length - 1;
    const both = Buffer.concat([gif.subarray(0, end), latin1("\x21\xfe\x05<html\0;")]);
    expect(await refusal(both)).toMatchObject({ code: "picture_polyglot" });
    const script = latin1("GIF89a/*\x01\0\0\0\0\x21\xfe\x0a*/=alert(1)\0;");
    expect(await refusal(script)).toMatchObject({ code: "picture_polyglot" });
  });

  test.each(formats)("%s: padding behind its end is left out", async (format) => {
    const whole = (await made[format]?.()) ?? Buffer.alloc(0);
    const plain = await all(whole, { formats: ["webp"] });
    const padded = await all(Buffer.concat([whole, Buffer.alloc(100)]), { formats: ["webp"] });
    expect(padded.map(({ sha256 }) => sha256)).toEqual(plain.map(({ sha256 }) => sha256));
  });
});

describe("what is too large, by its header alone", () => {
  it("takes exactly the pixels that are allowed", async () => {
    const header = (width: number, height: number) => {
      const content = Buffer.from("000000000000000008000000 00".replace(" ", ""), "hex");
      content.writeUInt32BE(width, 0);
      content.writeUInt32BE(height, 4);
      const line = deflateSync(Buffer.alloc(16));
      return Buffer.concat([
        Buffer.from("89504e470d0a1a0a", "hex"),
        pngChunk("IHDR", content),
        pngChunk("IDAT", line),
        pngChunk("IEND", Buffer.alloc(0)),
      ]);
    };
    expect(await inspect(header(10_000, 5_000))).toMatchObject({ width: 10_000, height: 5_000 });
    await expect(inspect(header(10_000, 5_001))).rejects.toMatchObject({ code: "picture_too_large" });
    await expect(inspect(header(limits.side + 1, 1))).rejects.toMatchObject({ code: "picture_too_large" });
  });

  it("counts the frames of an animation on its whole canvas", async () => {
    const gif = await sharp(await animation().gif().toBuffer(), { animated: true })
      .gif()
      .toBuffer();
    gif.writeUInt16LE(8000, 6);
    gif.writeUInt16LE(8000, 8);
    await expect(inspect(gif)).rejects.toMatchObject({ code: "picture_too_large" });
  });

  it("refuses a file of too many bytes without reading it", async () => {
    await expect(inspect(Buffer.alloc(limits.bytes + 1))).rejects.toMatchObject({
      code: "picture_too_large",
    });
  });

  it("refuses a colour profile that unpacks to too much", async () => {
    const png = await photo(10, 10).png().toBuffer();
    const bomb = Buffer.concat([latin1("p\0\0"), deflateSync(Buffer.alloc(20 * 1024 * 1024))]);
    const both = Buffer.concat([png.subarray(0, 33), pngChunk("iCCP", bomb), png.subarray(33)]);
    await expect(inspect(both)).rejects.toMatchObject({ code: "picture_too_large" });
  });
});

it("what another picture's inspection says is not believed", async () => {
  const png = await small().png().toBuffer();
  const { width } = await inspect(png);
  await expect(derive(png, { width, height: 4 }).next()).rejects.toThrow("another picture");
});
