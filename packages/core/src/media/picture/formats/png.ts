/** PNG and APNG (W3C PNG specification, third edition). */
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { exifOrientation } from "../exif.ts";
import { greyProfile, matrixProfile, namedProfile } from "../icc.ts";
import { isSrgb } from "../icc-read.ts";
import { checkParts, checkSize, limits } from "../limits.ts";
import { corrupt, tooLarge, truncated, unsupported } from "../refusal.ts";
import type { Header, Orientation, Surrounding } from "../types.ts";
import { AnimationReader } from "./apng.ts";
import { pngChunk, signature } from "./png-chunks.ts";

/** Bit depths of each colour type. */
const depths: Record<number, readonly number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** Chunks that may be missing, but change what is seen where they are there. */
const shapesThePicture = new Set(["tRNS", "acTL", "fcTL", "fdAT", "iCCP", "sRGB", "gAMA", "cHRM", "cICP"]);

interface Colour {
  icc?: Buffer;
  srgb?: boolean;
  gamma?: number;
  chromaticities?: number[];
  /** Primaries and transfer function, as numbered by ITU-T H.273. */
  coded?: { primaries: number; transfer: number };
}

/**
 * Walks the chunks. What the decoder gets are header, palette, transparency and pixels, and a colour profile where the
 * colours are not sRGB's; text, times, EXIF and what nobody knows stay out.
 */
export function readPng(file: Buffer): Header {
  const surroundings: Surrounding[] = [];
  const shared: Buffer[] = [];
  const pixels: Buffer[] = [];
  const colour: Colour = {};
  let header: Buffer | undefined;
  let animation: AnimationReader | undefined;
  let orientation: Orientation = 1;
  let transparent = false;
  let at = signature.length;

  for (let parts = 0; ; parts++) {
    checkParts(parts);
    if (at + 12 > file.length) throw truncated();
    const length = file.readUInt32BE(at);
    const type = file.toString("latin1", at + 4, at + 8);
    const end = at + 12 + length;
    if (end > file.length) {
      if (!/^[A-Za-z]{4}$/.test(type)) throw corrupt("what follows one of its parts is no part");
      throw truncated();
    }
    const whole = file.subarray(at, end);
    const content = whole.subarray(8, 8 + length);
    at = end;
    // Upper case says that the picture cannot be shown without it; without the others it is shown wrongly.
    const critical = /^[A-Z]/.test(type) || shapesThePicture.has(type);
    const intact = crc32(whole.subarray(4, 8 + length)) === whole.readUInt32BE(8 + length);
    if (!intact && critical) throw corrupt(`the checksum of its part ${printable(type)} is wrong`);

    if (!header) {
      if (type === "CgBI")
        throw unsupported(
          "The picture is a PNG of the kind that only iPhone apps use. Please save it as JPEG.",
        );
      if (type !== "IHDR") throw corrupt("it does not begin with its header");
      readHeader(content);
      header = content;
      continue;
    }
    if (type === "IEND") break;
    if (type === "IHDR") throw corrupt("it has two headers");
    if (type === "PLTE" || type === "tRNS") {
      if (pixels.length > 0) throw corrupt("its palette comes after its pixels");
      if (type === "tRNS") transparent = true;
      shared.push(whole);
    } else if (type === "IDAT") {
      animation?.defaultPixels(content);
      pixels.push(whole);
    } else if (type === "acTL") {
      // After the pixels it says nothing.
      if (pixels.length === 0 && !animation) animation = new AnimationReader(content, header);
    } else if (type === "fcTL") animation?.frame(content);
    else if (type === "fdAT") animation?.pixels(content);
    else if (/^[A-Z]/.test(type))
      throw unsupported(`The picture is a PNG with parts that nobody knows (${printable(type)}).`);
    else if (intact && readColour(type, content, colour)) continue;
    else {
      if (type === "eXIf" && intact) orientation = exifOrientation(content);
      surroundings.push({ kind: "metadata", bytes: content });
    }
  }
  if (at < file.length) surroundings.push({ kind: "trailing", bytes: file.subarray(at) });
  if (pixels.length === 0) throw corrupt("it has no pixels");
  const bitDepth = header.readUInt8(8);
  const type = header.readUInt8(9);
  if (type === 3 && !shared.some((chunk) => chunk.toString("latin1", 4, 8) === "PLTE"))
    throw corrupt("its palette is missing");
  const icc = chosenProfile(colour, type);
  const profile = icc
    ? [pngChunk("iCCP", Buffer.concat([Buffer.from("icc\0\0", "latin1"), deflateSync(icc)]))]
    : [];
  const before = [signature, pngChunk("IHDR", header), ...profile, ...shared];
  const after = pngChunk("IEND", Buffer.alloc(0));
  const frames = animation?.finish((size, data) =>
    Buffer.concat([signature, pngChunk("IHDR", size), ...profile, ...shared, pngChunk("IDAT", data), after]),
  );
  const moves = frames !== undefined && frames.frames.length > 1;
  return {
    format: "png",
    width: header.readUInt32BE(0),
    height: header.readUInt32BE(4),
    orientation,
    frames: moves ? frames.frames.length : 1,
    hasAlpha: type === 4 || type === 6 || transparent || moves,
    colourSpace: type === 3 ? "palette" : type === 0 || type === 4 ? "grey" : "rgb",
    bitDepth,
    hasProfile: icc !== undefined,
    clean: Buffer.concat([...before, ...pixels, after]),
    surroundings,
    ...(icc ? { profile: icc } : {}),
    ...(moves ? { animation: frames } : {}),
  };
}

function readHeader(content: Buffer): void {
  if (content.length !== 13) throw corrupt("its header has the wrong length");
  const [width, height] = [content.readUInt32BE(0), content.readUInt32BE(4)];
  const [depth, type] = [content.readUInt8(8), content.readUInt8(9)];
  if (width === 0 || height === 0) throw corrupt("its header names no size");
  if (!depths[type]?.includes(depth)) throw corrupt(`it names ${depth} bits for colours of type ${type}`);
  if (content.readUInt8(10) !== 0 || content.readUInt8(11) !== 0 || content.readUInt8(12) > 1)
    throw corrupt("it names a compression that there is not");
  checkSize(width, height);
}

/** @returns Whether the chunk is one of those that say what the numbers mean. */
function readColour(type: string, content: Buffer, colour: Colour): boolean {
  if (type === "iCCP") {
    const end = content.indexOf(0);
    if (end < 1 || end > 79 || content[end + 1] !== 0) return false;
    colour.icc ??= inflated(content.subarray(end + 2));
  } else if (type === "sRGB") colour.srgb = true;
  else if (type === "gAMA" && content.length === 4) colour.gamma = content.readUInt32BE(0) / 100_000;
  else if (type === "cHRM" && content.length === 32)
    colour.chromaticities = Array.from(
      { length: 8 },
      (_, index) => content.readUInt32BE(index * 4) / 100_000,
    );
  else if (type === "cICP" && content.length === 4)
    colour.coded = { primaries: content.readUInt8(0), transfer: content.readUInt8(1) };
  else return false;
  return true;
}

/** cICP before iCCP before sRGB before gAMA and cHRM, as the specification orders them. */
function chosenProfile(colour: Colour, type: number): Buffer | undefined {
  const grey = type === 0 || type === 4;
  if (colour.coded) return namedProfile(colour.coded, grey);
  if (colour.icc && colour.icc.length > 0) return !grey && isSrgb(colour.icc) ? undefined : colour.icc;
  if (colour.srgb || (colour.gamma === undefined && !colour.chromaticities)) return undefined;
  const gamma = colour.gamma === undefined || colour.gamma === 0 ? 1 / 2.2 : colour.gamma;
  // What every encoder means by sRGB, to the digits that it writes.
  const usualGamma = Math.abs(gamma - 1 / 2.2) < 0.005;
  if (grey) return usualGamma ? undefined : greyProfile(gamma);
  return matrixProfile(colour.chromaticities, usualGamma ? undefined : gamma);
}

/** A profile that is packed wrongly is as if it were not there; one that unpacks to too much is an attack. */
function inflated(packed: Buffer): Buffer {
  try {
    return inflateSync(packed, { maxOutputLength: limits.profileBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw tooLarge("The picture's colour profile is too large.");
    return Buffer.alloc(0);
  }
}

const printable = (type: string) => (/^[A-Za-z]{4}$/.test(type) ? type : "?");
