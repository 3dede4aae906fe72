/** From a file to sRGB pixels, upright, no larger than wanted. The only place where foreign bytes are decoded. */

import { deflateSync } from "node:zlib";
import type { Sharp } from "sharp";
import { compose } from "./compose.ts";
import { pngChunk } from "./formats/png-chunks.ts";
import { greyAsRgb } from "./icc.ts";
import { corrupt, unsupported } from "./refusal.ts";
import type { Header, Orientation } from "./types.ts";
import { open, openRaw, type Raw, step, withHalf } from "./vips.ts";

export interface Size {
  width: number;
  height: number;
}

/** Pixels of 8 bits a channel, in sRGB; frames of an animation one below the other. */
export interface Pixels extends Raw {
  data: Buffer;
  channels: 3 | 4;
  /** Milliseconds of each frame. */
  delay?: number[];
  /** How often it runs; 0 is for ever. */
  loop?: number;
}

/** Mirrors first, then turns clockwise: the order in which the library does both. */
const turns: Record<Orientation, { flip?: true; flop?: true; turn: 0 | 90 | 180 | 270 }> = {
  1: { turn: 0 },
  2: { flop: true, turn: 0 },
  3: { turn: 180 },
  4: { flip: true, turn: 0 },
  5: { flop: true, turn: 270 },
  6: { turn: 90 },
  7: { flop: true, turn: 90 },
  8: { turn: 270 },
};

/** Size as shown. */
export function shown({
  width,
  height,
  orientation,
}: Pick<Header, "width" | "height" | "orientation">): Size {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/**
 * @param target Size as shown; nothing is enlarged.
 * @throws Refusal for what turns out to be broken.
 */
export async function decode(header: Header, target: Size): Promise<Pixels> {
  if (header.frames > 1 && header.orientation !== 1)
    throw unsupported("The animation is stored turned. Please save it upright.");
  const pixels = header.animation
    ? await compose(header, header.animation, target)
    : await decodeWhole(header, target);
  return withoutEmptyAlpha(pixels);
}

async function decodeWhole(header: Header, target: Size): Promise<Pixels> {
  if (halves(header, target))
    return withHalf(header.clean, async (half) => ({
      ...(await pixelsOf(upright(half, header, target), 1, target)),
      frames: 1,
    }));
  const moves = header.frames > 1;
  // 16-bit grey with a profile: the library leaves the profile aside.
  const assign =
    header.assign ??
    (header.profile && header.colourSpace === "grey" && header.bitDepth === 16
      ? greyAsRgb(header.profile)
      : undefined);
  const input = open(header.clean, { animated: moves, ignoreIcc: assign !== undefined });
  const sized = upright(input, header, target);
  if (assign) return assigned(sized, assign, header.bitDepth > 8, target);
  // Of 16 bits the library converts a profile's colours to Display P3 and leaves them there.
  const wide = header.bitDepth > 8 && header.hasProfile && header.colourSpace !== "grey";
  const timing = moves ? await step(() => open(header.clean, { animated: true }).metadata()) : undefined;
  return {
    ...(await pixelsOf(wide ? sized.withIccProfile("srgb") : sized, header.frames, target)),
    frames: header.frames,
    ...(timing?.delay ? { delay: timing.delay } : {}),
    ...(timing?.loop === undefined ? {} : { loop: timing.loop }),
  };
}

/** Between a half and a third of its size: from a third down sharp lets the decoder shrink by itself (docs/decisions/0082). */
function halves(header: Header, target: Size): boolean {
  if (header.format !== "jpeg") return false;
  const stored = asStored(header, target);
  const shrink = Math.min(header.width / stored.width, header.height / stored.height);
  return shrink >= 2 && shrink < 3;
}

async function pixelsOf(input: Sharp, frames: number, target: Size): Promise<Omit<Pixels, "frames">> {
  const { data, info } = await step(() =>
    input.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true }),
  );
  return checked({ data, width: info.width, height: info.height / frames, channels: info.channels }, target);
}

/** Before it is turned. */
function asStored({ orientation }: Header, { width, height }: Size): Size {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** Of the wanted size and turned as it is to be seen. */
function upright(input: Sharp, header: Header, target: Size): Sharp {
  return turned(resized(input, header, asStored(header, target)), header.orientation);
}

function resized(input: Sharp, header: Header, { width, height }: Size): Sharp {
  return width === header.width && height === header.height
    ? input
    : input.resize({ width, height, fit: "fill" });
}

function turned(input: Sharp, orientation: Orientation): Sharp {
  const { flip, flop, turn } = turns[orientation];
  let result = input;
  if (flip) result = result.flip();
  if (flop) result = result.flop();
  return turn === 0 ? result : result.rotate(turn);
}

/**
 * Colours by a profile that the decoder does not know of. The library cannot be told one, but follows it in a PNG; by now
 * the picture is small.
 */
async function assigned(sized: Sharp, icc: Buffer, wide: boolean, target: Size): Promise<Pixels> {
  const plain = await step(() =>
    (wide ? sized.toColourspace("rgb16") : sized).png({ compressionLevel: 0 }).toBuffer(),
  );
  const afterHeader = 33;
  const chunk = pngChunk("iCCP", Buffer.concat([Buffer.from("icc\0\0", "latin1"), deflateSync(icc)]));
  const png = Buffer.concat([plain.subarray(0, afterHeader), chunk, plain.subarray(afterHeader)]);
  const input = open(png);
  return { ...(await pixelsOf(wide ? input.withIccProfile("srgb") : input, 1, target)), frames: 1 };
}

function checked(
  { data, width, height, channels }: { data: Buffer; width: number; height: number; channels: number },
  target: Size,
): Omit<Pixels, "frames"> {
  if (width !== target.width || height !== target.height)
    throw corrupt("its header and its pixels differ in size");
  if (channels !== 3 && channels !== 4) throw new Error(`pixels came out with ${channels} channels`);
  return { data, width, height, channels };
}

/** Transparency that is nowhere is left out: it would cost bytes in every size. */
async function withoutEmptyAlpha(pixels: Pixels): Promise<Pixels> {
  const { data, channels } = pixels;
  if (channels === 3) return pixels;
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return pixels;
  const opaque = await openRaw(pixels).removeAlpha().raw().toBuffer();
  return { ...pixels, data: opaque, channels: 3 };
}
