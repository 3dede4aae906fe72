import { tooLarge } from "./refusal.ts";

/** What is taken at most. Checked from headers, before anything is decoded. */
export const limits = {
  /** Of the file. */
  bytes: 50 * 1024 * 1024,
  /** Of all frames together, on their whole canvas. imgproxy allows 50 million, thumbor 75, sharp 268. */
  pixels: 50_000_000,
  /** Either side: the most that WebP can hold, which every size is made in. */
  side: 16_383,
  frames: 1_000,
  /** Passes over a progressive picture; encoders make about ten. Each costs a walk over all its pixels. */
  scans: 100,
  /** Of a colour profile, unpacked. Those of printing presses reach 3 MB. */
  profileBytes: 4 * 1024 * 1024,
  /** Chunks, segments, boxes, directory entries: what a walk over a file may take. */
  parts: 100_000,
  /** Seconds for one step of libvips on one picture. */
  stepSeconds: 60,
} as const;

const grouped = (value: number) => value.toLocaleString("en-GB");

/**
 * @param frames Pictures of an animation; each covers the canvas.
 * @throws Refusal `picture_too_large`
 */
export function checkSize(width: number, height: number, frames = 1): void {
  if (width > limits.side || height > limits.side)
    throw tooLarge(
      `The picture is ${grouped(width)} × ${grouped(height)} pixels; neither side may be longer than ${grouped(limits.side)}.`,
    );
  if (frames > limits.frames)
    throw tooLarge(
      `The animation has ${grouped(frames)} frames; at most ${grouped(limits.frames)} are taken.`,
    );
  if (width * height * frames > limits.pixels)
    throw tooLarge(
      `The picture has ${megapixels(width * height * frames)} megapixels${frames > 1 ? ` in its ${grouped(frames)} frames` : ""}; at most ${limits.pixels / 1e6} are taken. Please send it smaller.`,
    );
}

const megapixels = (pixels: number) => grouped(Math.ceil(pixels / 1e5) / 10);

/** A count of parts that a hostile file could make endless. @throws Refusal `picture_too_large` */
export function checkParts(count: number): void {
  if (count > limits.parts)
    throw tooLarge(`The picture consists of more than ${grouped(limits.parts)} parts.`);
}
