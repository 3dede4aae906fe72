/**
 * Pictures: what was sent is looked at, and its sizes are made. Pure functions over bytes
 * (docs/decisions/0060, docs/decisions/0061).
 */
import { createHash } from "node:crypto";
import { decode, type Pixels, type Size, shown } from "./decode.ts";
import { readHeader } from "./read.ts";
import { recipe, widthsOf } from "./recipe.ts";
import { corrupt } from "./refusal.ts";
import type { Inspection, Variant } from "./types.ts";
import { open, openRaw, step } from "./vips.ts";

export { limits } from "./limits.ts";
export { placeholder } from "./placeholder.ts";
export { address, recipe, widthsOf } from "./recipe.ts";
export { Refusal, type RefusalCode } from "./refusal.ts";
export type { Inspection, PictureFormat, Variant } from "./types.ts";

const contentTypes = { avif: "image/avif", webp: "image/webp", jpeg: "image/jpeg" } as const;
const formats: readonly Variant["format"][] = ["avif", "webp", "jpeg"];

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/**
 * Says what the picture is, by its bytes. Nothing is decoded; only `derive` knows whether its pixels are whole.
 * @throws Refusal with a sentence for whoever sent it.
 */
export async function inspect(bytes: Uint8Array): Promise<Inspection> {
  const header = readHeader(bytes);
  // The decoder reads the header too: should it see another picture than we did, nobody knows what would come out.
  const seen = await step(() => open(header.clean).metadata());
  const frames = header.format === "gif" || header.format === "webp" ? (seen.pages ?? 1) : header.frames;
  if (
    seen.width !== header.width ||
    (seen.pageHeight ?? seen.height) !== header.height ||
    frames !== header.frames
  )
    throw corrupt("it says different things about its size");
  return {
    format: header.format,
    ...shown(header),
    orientation: header.orientation,
    frames: header.frames,
    hasAlpha: header.hasAlpha,
    colourSpace: header.colourSpace,
    bitDepth: header.bitDepth,
    hasProfile: header.hasProfile,
    sha256: sha256(bytes),
  };
}

/**
 * Makes the sizes, largest first, each from the one before. The first comes when the whole picture has been decoded: of a
 * broken one there is none. An animation has animated WebP and, of its first frame, JPEG; no AVIF, which browsers would
 * choose and which would stand still.
 * @param inspection Of these bytes.
 * @throws Refusal when the pixels turn out to be broken.
 */
export async function* derive(
  bytes: Uint8Array,
  inspection: Pick<Inspection, "width" | "height">,
  options: { formats?: readonly Variant["format"][]; signal?: AbortSignal } = {},
): AsyncGenerator<Variant, void> {
  const header = readHeader(bytes);
  const whole = shown(header);
  if (whole.width !== inspection.width || whole.height !== inspection.height)
    throw new Error("the inspection is of another picture");
  let pixels: Pixels | undefined;
  for (const width of widthsOf(whole.width)) {
    options.signal?.throwIfAborted();
    const size = { width, height: Math.max(1, Math.round((whole.height * width) / whole.width)) };
    pixels = pixels ? await smaller(pixels, size) : await decode(header, size);
    for (const format of options.formats ?? formats) {
      options.signal?.throwIfAborted();
      if (format === "avif" && pixels.frames > 1) continue;
      const made = await encode(pixels, format);
      const animated = format === "webp" && pixels.frames > 1;
      yield {
        ...size,
        format,
        contentType: contentTypes[format],
        animated,
        bytes: made,
        sha256: sha256(made),
      };
    }
  }
}

async function smaller(pixels: Pixels, size: Size): Promise<Pixels> {
  const data = await step(() =>
    openRaw(pixels)
      .resize({ ...size, fit: "fill" })
      .raw()
      .toBuffer(),
  );
  return { ...pixels, ...size, data };
}

function encode(pixels: Pixels, format: Variant["format"]): Promise<Buffer> {
  const { frames, delay, loop } = pixels;
  if (format === "webp" && frames > 1)
    return step(() =>
      openRaw(pixels)
        .webp({
          ...recipe.animatedWebp,
          ...(delay ? { delay } : {}),
          ...(loop === undefined ? {} : { loop }),
        })
        .toBuffer(),
    );
  const still = openRaw(firstFrame(pixels));
  if (format === "webp") return step(() => still.webp(recipe.webp).toBuffer());
  if (format === "avif") return step(() => still.avif(recipe.avif).toBuffer());
  // JPEG has no transparency; pages are white.
  return step(() => still.flatten({ background: "#ffffff" }).jpeg(recipe.jpeg).toBuffer());
}

function firstFrame(pixels: Pixels): Pixels {
  const { data, width, height, channels } = pixels;
  return pixels.frames === 1
    ? pixels
    : { data: data.subarray(0, width * height * channels), width, height, channels, frames: 1 };
}
