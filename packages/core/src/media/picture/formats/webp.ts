/** WebP (RFC 9649). */
import { exifOrientation } from "../exif.ts";
import { checkParts, checkSize, limits } from "../limits.ts";
import { corrupt, tooLarge, truncated, unsupported } from "../refusal.ts";
import type { Header, Orientation, Surrounding } from "../types.ts";

interface Chunk {
  type: string;
  content: Buffer;
  /** With header and padding. */
  whole: Buffer;
}

interface Size {
  width: number;
  height: number;
  alpha: boolean;
}

/** Of the flags in VP8X: what says that EXIF and XMP follow. */
const metadataFlags = 0x08 | 0x04;
const animationFlag = 0x02;

/** Walks the chunks; the picture is put together again without EXIF, XMP and what nobody knows. */
export function readWebp(file: Buffer): Header {
  const surroundings: Surrounding[] = [];
  const end = 8 + file.readUInt32LE(4);
  if (end > file.length) throw truncated();
  if (end < file.length) surroundings.push({ kind: "trailing", bytes: file.subarray(end) });
  const kept: Buffer[] = [];
  let canvas: { width: number; height: number; animated: boolean } | undefined;
  let still: Size | undefined;
  let frames = 0;
  let alpha = false;
  let orientation: Orientation = 1;
  let hasProfile = false;

  for (const [index, { type, content, whole }] of [...chunks(file, 12, end)].entries()) {
    if (type === "VP8X") {
      if (index !== 0) throw corrupt("its header is not at its beginning");
      const flags = content.readUInt8(0);
      canvas = {
        width: content.readUIntLE(4, 3) + 1,
        height: content.readUIntLE(7, 3) + 1,
        animated: (flags & animationFlag) !== 0,
      };
      checkSize(canvas.width, canvas.height);
      const flagged = Buffer.from(whole);
      flagged.writeUInt8(flags & ~metadataFlags, 8);
      kept.push(flagged);
    } else if (type === "VP8 " || type === "VP8L") {
      if (still || canvas?.animated) throw corrupt("it has more pictures than it says");
      still = bitstreamSize(type, content);
      alpha ||= still.alpha;
      kept.push(whole);
    } else if (type === "ALPH") {
      if (!canvas || still) throw corrupt("its transparency is in the wrong place");
      alpha = true;
      kept.push(whole);
    } else if (type === "ANIM") kept.push(whole);
    else if (type === "ANMF") {
      if (!canvas?.animated) throw corrupt("it has frames of an animation without being one");
      checkSize(canvas.width, canvas.height, ++frames);
      alpha = frameAlpha(content, canvas, frames) || alpha;
      kept.push(whole);
    } else if (type === "ICCP") {
      if (content.length > limits.profileBytes) throw tooLarge("The picture's colour profile is too large.");
      hasProfile = true;
      kept.push(whole);
    } else {
      if (type === "EXIF")
        orientation = exifOrientation(
          content.toString("latin1", 0, 4) === "Exif" ? content.subarray(6) : content,
        );
      surroundings.push({ kind: "metadata", bytes: content });
    }
  }
  if (canvas?.animated ? frames === 0 : !still) throw corrupt("it has no pixels");
  if (canvas && still && (canvas.width !== still.width || canvas.height !== still.height))
    throw corrupt("its header and its pixels differ in size");
  const size = canvas ?? still;
  if (!size) throw corrupt("it has no pixels");
  const body = Buffer.concat([Buffer.from("WEBP"), ...kept]);
  const head = Buffer.from("RIFF\0\0\0\0", "latin1");
  head.writeUInt32LE(body.length, 4);
  return {
    format: "webp",
    width: size.width,
    height: size.height,
    orientation,
    frames: Math.max(1, frames),
    hasAlpha: alpha || frames > 0,
    colourSpace: "rgb",
    bitDepth: 8,
    hasProfile,
    clean: Buffer.concat([head, body]),
    surroundings,
  };
}

function* chunks(file: Buffer, from: number, end: number): Generator<Chunk> {
  let at = from;
  for (let parts = 0; at < end; parts++) {
    checkParts(parts);
    if (at + 8 > end) throw truncated();
    const type = file.toString("latin1", at, at + 4);
    const length = file.readUInt32LE(at + 4);
    if (at + 8 + length > end) throw truncated();
    // Odd ones are padded; the last one's padding is left out by some writers.
    const next = at + 8 + length + (length & 1);
    const whole = file.subarray(at, Math.min(next, end));
    yield {
      type,
      content: file.subarray(at + 8, at + 8 + length),
      whole: next > end ? Buffer.concat([whole, Buffer.alloc(1)]) : whole,
    };
    at = next;
  }
}

/** What the pixels themselves say: it is what the decoder makes room for. */
function bitstreamSize(type: "VP8 " | "VP8L", content: Buffer): Size {
  let size: Size;
  if (type === "VP8L") {
    if (content.readUInt8(0) !== 0x2f) throw corrupt("its pixels have no header");
    const bits = content.readUInt32LE(1);
    size = {
      width: (bits & 0x3fff) + 1,
      height: ((bits >>> 14) & 0x3fff) + 1,
      alpha: ((bits >>> 28) & 1) === 1,
    };
    if (bits >>> 29 !== 0) throw unsupported("The picture is a WebP of an unknown version.");
  } else {
    if ((content.readUInt8(0) & 1) !== 0 || content.readUIntBE(3, 3) !== 0x9d012a)
      throw corrupt("its pixels have no header");
    size = {
      width: content.readUInt16LE(6) & 0x3fff,
      height: content.readUInt16LE(8) & 0x3fff,
      alpha: false,
    };
    if (size.width === 0 || size.height === 0) throw corrupt("its header names no size");
  }
  checkSize(size.width, size.height);
  return size;
}

/** Checks a frame of an animation. @returns Whether it is transparent somewhere. */
function frameAlpha(content: Buffer, canvas: { width: number; height: number }, number: number): boolean {
  const [x, y] = [2 * content.readUIntLE(0, 3), 2 * content.readUIntLE(3, 3)];
  const [width, height] = [content.readUIntLE(6, 3) + 1, content.readUIntLE(9, 3) + 1];
  if (x + width > canvas.width || y + height > canvas.height)
    throw corrupt(`its frame ${number} lies outside of the picture`);
  let size: Size | undefined;
  let alpha = false;
  for (const { type, content: inner } of chunks(content, 16, content.length)) {
    if (type === "ALPH") alpha = true;
    if (type !== "VP8 " && type !== "VP8L") continue;
    if (size) throw corrupt(`its frame ${number} has two pictures`);
    size = bitstreamSize(type, inner);
  }
  if (!size) throw corrupt(`its frame ${number} has no pixels`);
  if (size.width !== width || size.height !== height)
    throw corrupt(`the header and the pixels of its frame ${number} differ in size`);
  return alpha || size.alpha;
}
