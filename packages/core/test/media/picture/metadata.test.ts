/** Nothing that a picture says about people, places and machines gets into what is made of it: looked for in the bytes. */
import { inspect, type Variant } from "@frontdesk/core/media/picture";
import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { boxes } from "../../../src/media/picture/formats/boxes.ts";
import { pngChunk } from "../../../src/media/picture/formats/png-chunks.ts";
import { all, exif, photo } from "./support.ts";

const latin1 = (text: string) => Buffer.from(text, "latin1");
const xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/">SecretPlace</x:xmpmeta>';
const iptc = latin1("Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x14\x1c\x02\x50\0\x0cSecretAuthor");

function segment(marker: number, content: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, content]);
}

/** A JPEG that says everything that a JPEG can: with a preview in it, a comment, a second picture and a film behind. */
async function talkativeJpeg(): Promise<Buffer> {
  const jpeg = await photo(400, 300).jpeg().toBuffer();
  const preview = await photo(40, 30).jpeg().toBuffer();
  return Buffer.concat([
    jpeg.subarray(0, 2),
    segment(0xe1, Buffer.concat([latin1("Exif\0\0"), exif(1), preview])),
    segment(0xe1, latin1(`http://ns.adobe.com/xap/1.0/\0${xmp}`)),
    segment(0xed, iptc),
    segment(0xfe, latin1("SecretComment")),
    segment(0xe2, Buffer.concat([latin1("MPF\0"), preview])),
    jpeg.subarray(2),
    preview,
    latin1("\0\0\0\x18ftypmp42\0\0\0\0mp42isomSecretFilm"),
  ]);
}

async function talkativePng(): Promise<Buffer> {
  const png = await photo(400, 300).png().toBuffer();
  return Buffer.concat([
    png.subarray(0, 33),
    pngChunk("tEXt", latin1("Author\0SecretAuthor")),
    pngChunk("iTXt", latin1(`XML:com.adobe.xmp\0\0\0\0\0${xmp}`)),
    pngChunk("eXIf", exif(1)),
    pngChunk("tIME", Buffer.from([7, 230, 1, 2, 3, 4, 5])),
    png.subarray(33),
  ]);
}

const talkative = async (format: "webp" | "tiff" | "avif") =>
  photo(400, 300)
    .withExif({ IFD0: { Make: "SecretMaker", Copyright: "SecretAuthor" }, IFD3: { GPSLatitudeRef: "N" } })
    .withXmp(xmp)
    .toFormat(format)
    .toBuffer();

/** What a file consists of: kinds of segments, chunks or boxes. */
function partsOf({ format, bytes }: Variant): string[] {
  if (format === "webp") {
    const types: string[] = [];
    for (let at = 12; at < bytes.length; ) {
      types.push(bytes.toString("latin1", at, at + 4));
      at += 8 + bytes.readUInt32LE(at + 4) + (bytes.readUInt32LE(at + 4) & 1);
    }
    return types;
  }
  if (format === "avif") {
    const inside = (content: Buffer, skip: number): string[] =>
      [...boxes(content, skip)].flatMap(({ type, content: inner }) =>
        type === "iinf"
          ? [...boxes(inner, 6)].map(({ content: entry }) => `item ${entry.toString("latin1", 8, 12)}`)
          : [type],
      );
    return [...boxes(bytes)].flatMap(({ type, content }) => (type === "meta" ? inside(content, 4) : [type]));
  }
  const markers: string[] = [];
  for (let at = 2; at < bytes.length; ) {
    const code = bytes.readUInt8(at + 1);
    markers.push(code.toString(16));
    if (code === 0xda) return markers;
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return markers;
}

const innocent = {
  jpeg: /^(?:e0|db|c0|c4|dd|da)$/,
  webp: /^(?:VP8 |VP8L|VP8X|ALPH|ANIM|ANMF)$/,
  avif: /^(?:ftyp|mdat|hdlr|pitm|iloc|iprp|iref|item av01)$/,
};

describe("nothing but the picture is in what is made of", () => {
  test.each<[string, () => Promise<Buffer>]>([
    ["JPEG", talkativeJpeg],
    ["PNG", talkativePng],
    ["WebP", () => talkative("webp")],
    ["TIFF", () => talkative("tiff")],
    ["AVIF", () => talkative("avif")],
  ])("%s", async (_, make) => {
    const source = await make();
    expect(source.includes("Secret")).toBe(true);
    const variants = await all(source);
    expect(variants.map(({ format }) => format)).toEqual(expect.arrayContaining(["avif", "webp", "jpeg"]));
    for (const variant of variants) {
      expect(partsOf(variant).filter((part) => !innocent[variant.format].test(part))).toEqual([]);
      for (const word of [
        "Secret",
        "Exif\0",
        "GPS",
        "xmpmeta",
        "Photoshop",
        "8BIM",
        "ICC_PROFILE",
        "mp42isom",
      ])
        expect(variant.bytes.includes(word), `${word} in ${variant.format}`).toBe(false);
      const seen = await sharp(variant.bytes).metadata();
      for (const kind of ["exif", "xmp", "iptc", "icc", "comments", "orientation"] as const)
        expect(seen[kind], kind).toBeUndefined();
    }
  });
});

it("what is said around a picture changes nothing in its sizes", async () => {
  const plain = await photo(400, 300).jpeg().toBuffer();
  const loud = await talkativeJpeg();
  const hashes = async (bytes: Buffer) => (await all(bytes)).map(({ sha256 }) => sha256);
  expect(await hashes(loud)).toEqual(await hashes(plain));
  expect((await inspect(loud)).sha256).not.toBe((await inspect(plain)).sha256);
});
