/** What a file is, by its first bytes. What it is said to be (type, name) plays no part. */
import { heicMessage } from "./formats/avif.ts";
import { signature } from "./formats/png-chunks.ts";
import { Refusal, unsupported } from "./refusal.ts";
import type { PictureFormat } from "./types.ts";

const svgMessage =
  "The picture is an SVG, which can hold programs and is not taken. Please save it as PNG or JPEG and send it again.";

/** Names of what is not taken, by how it begins. Only for the sentence: what is not listed is not taken either. */
const others: readonly (readonly [string | RegExp, string])[] = [
  ["%PDF-", "a PDF"],
  ["%!PS", "a PostScript file"],
  ["\xc5\xd0\xd3\xc6", "a PostScript file"],
  ["8BPS", "a Photoshop file"],
  ["BM", "a BMP"],
  ["\0\0\x01\0", "an icon"],
  ["\0\0\x02\0", "a cursor"],
  ["\xff\x0a", "a JPEG XL"],
  ["\0\0\0\x0cJXL ", "a JPEG XL"],
  ["\0\0\0\x0cjP  ", "a JPEG 2000"],
  ["\xff\x4f\xff\x51", "a JPEG 2000"],
  ["II\xbc\x01", "a JPEG XR"],
  ["\x8aMNG", "an MNG"],
  ["\x8bJNG", "a JNG"],
  ["v/1\x01", "an OpenEXR picture"],
  ["#?R", "a Radiance picture"],
  ["qoif", "a QOI picture"],
  ["DDS ", "a DirectDraw picture"],
  ["FLIF", "a FLIF picture"],
  ["BPG\xfb", "a BPG picture"],
  [/^P[1-7][\s#]/, "a PNM picture"],
  ["SIMPLE  =", "a FITS file"],
  ["FUJIFILMCCD-RAW", "a camera's raw file"],
  ["IIRO", "a camera's raw file"],
  ["IIU\0", "a camera's raw file"],
  ["PK", "a ZIP archive (or a document packed as one)"],
  ["Rar!", "a RAR archive"],
  ["7z\xbc\xaf", "a 7-Zip archive"],
  ["\x1f\x8b", "a gzip archive"],
  ["\xfd7zXZ", "an XZ archive"],
  ["\xd0\xcf\x11\xe0", "an old Office document"],
  ["{\\rtf", "a rich text document"],
  ["MZ", "a program"],
  ["\x7fELF", "a program"],
  ["\xca\xfe\xba\xbe", "a program"],
  ["\x1aE\xdf\xa3", "a video"],
  ["RIFF", "a sound or video"],
  ["OggS", "a sound or video"],
  ["ID3", "a sound"],
  ["fLaC", "a sound"],
  [/^(?:push graphic-context|viewbox )/i, "a program for drawing (MVG)"],
  [/^(?:<!doctype html|<html|<head|<body|<script|<!--)/i, "a web page"],
  [/^<\?xml/i, "an XML document"],
  ["#!", "a program"],
  ["<?php", "a program"],
];

/** HEIF brands of pictures in HEVC. */
const hevc = /^(?:hei[cxms]|hev[cxms])$/;

/**
 * @returns The format of a picture that may be taken.
 * @throws Refusal that says what it is instead.
 */
export function sniff(file: Buffer): PictureFormat {
  if (file.length === 0)
    throw new Refusal("picture_empty", "The file is empty. Please send the picture again.");
  const start = file.toString("latin1", 0, 64);
  if (start.startsWith("\xff\xd8\xff")) return "jpeg";
  if (file.subarray(0, 8).equals(signature)) return "png";
  if (/^GIF8[79]a/.test(start)) return "gif";
  if (start.startsWith("RIFF") && start.slice(8, 12) === "WEBP") return "webp";
  if (/^(?:II[*+]\0|MM\0[*+])/.test(start)) return "tiff";
  if (start.slice(4, 8) === "ftyp") return sniffIso(file);
  throw unsupported(otherwise(file, start));
}

/** Brands say which kinds of items to expect; `mif1` alone says nothing, and the items decide. */
function sniffIso(file: Buffer): PictureFormat {
  const size = Math.min(file.readUInt32BE(0), file.length, 1024);
  const brands: string[] = [];
  for (const at of [
    8,
    ...Array.from({ length: Math.max(0, (size - 16) >> 2) }, (_, index) => 16 + index * 4),
  ])
    brands.push(file.toString("latin1", at, at + 4));
  const [major = ""] = brands;
  if (hevc.test(major)) throw unsupported(heicMessage);
  if (major === "avif" || major === "avis" || brands.includes("avif")) return "avif";
  if (brands.some((brand) => hevc.test(brand))) throw unsupported(heicMessage);
  if (major === "crx ")
    throw unsupported("The file is a camera's raw file. Please save the picture as JPEG.");
  if (brands.includes("mif1") || brands.includes("msf1")) return "avif";
  throw unsupported("The file is a video or sound, not a picture.");
}

function otherwise(file: Buffer, start: string): string {
  const text = startOfText(file);
  if (text !== undefined && /<svg[\s>:]/i.test(text) && !/<html/i.test(text)) return svgMessage;
  const beginning = (pattern: string | RegExp, of: string) =>
    typeof pattern === "string" ? of.startsWith(pattern) : pattern.test(of);
  const found = others.find(
    ([pattern]) => beginning(pattern, start) || (text !== undefined && beginning(pattern, text.trimStart())),
  );
  const taken = "Please send a JPEG, PNG, GIF, WebP, AVIF or TIFF.";
  if (found) return `The file is ${found[1]}, which is not taken as a picture. ${taken}`;
  return `The file is ${text === undefined ? "of an unknown kind" : "a text"}, not a picture. ${taken}`;
}

/** The beginning as text, if it is one: in UTF-8 or UTF-16, with or without a byte order mark. */
function startOfText(file: Buffer): string | undefined {
  const head = file.subarray(0, 4096);
  const mark = head.toString("latin1", 0, 2);
  const text =
    mark === "\xff\xfe" || (head[0] !== 0 && head[1] === 0)
      ? head.toString("utf16le")
      : mark === "\xfe\xff" || (head[0] === 0 && head[1] !== 0)
        ? Buffer.from(head.subarray(0, head.length & ~1))
            .swap16()
            .toString("utf16le")
        : head.toString("utf8");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells bytes from a text.
  if (/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) || text.includes("\ufffd")) return undefined;
  return text.replace(/^\ufeff/, "");
}
