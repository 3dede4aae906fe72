/** APNG: the library knows its first picture only, so its frames are decoded one by one and laid over each other here. */
import type { Pixels, Size } from "./decode.ts";
import { corrupt } from "./refusal.ts";
import type { Animation, ComposedFrame, Header } from "./types.ts";
import { open, openRaw, step } from "./vips.ts";

/** At full size, since parts of a frame end between the pixels of a smaller one; each canvas is made small at once. */
export async function compose(header: Header, animation: Animation, target: Size): Promise<Pixels> {
  const { width, height } = header;
  const canvas = Buffer.alloc(width * height * 4);
  const frameBytes = target.width * target.height * 4;
  const all = Buffer.alloc(frameBytes * animation.frames.length);
  const wide = header.bitDepth > 8 && header.hasProfile;
  for (const [index, frame] of animation.frames.entries()) {
    const input = open(frame.png);
    const { data, info } = await step(() =>
      (wide ? input.withIccProfile("srgb") : input)
        .ensureAlpha()
        .raw({ depth: "uchar" })
        .toBuffer({ resolveWithObject: true }),
    );
    if (info.width !== frame.width || info.height !== frame.height || info.channels !== 4)
      throw corrupt(`frame ${index + 1} of its animation cannot be read`);
    const before = frame.dispose === "previous" && index > 0 ? Buffer.from(canvas) : undefined;
    draw(canvas, width, frame, data);
    const small =
      target.width === width && target.height === height
        ? canvas
        : await step(() =>
            openRaw({ data: canvas, width, height, channels: 4, frames: 1 })
              .resize({ ...target, fit: "fill" })
              .raw()
              .toBuffer(),
          );
    small.copy(all, index * frameBytes);
    if (before) before.copy(canvas);
    // What the first frame leaves to "previous" is nothing, that is a clear canvas.
    else if (frame.dispose !== "none") clear(canvas, width, frame);
  }
  return {
    data: all,
    ...target,
    channels: 4,
    frames: animation.frames.length,
    delay: animation.frames.map(({ delay }) => delay),
    loop: animation.loop,
  };
}

function draw(canvas: Buffer, canvasWidth: number, frame: ComposedFrame, pixels: Buffer): void {
  for (let row = 0; row < frame.height; row++) {
    const to = ((frame.y + row) * canvasWidth + frame.x) * 4;
    const from = row * frame.width * 4;
    if (frame.blend === "source") pixels.copy(canvas, to, from, from + frame.width * 4);
    else for (let at = 0; at < frame.width * 4; at += 4) over(canvas, to + at, pixels, from + at);
  }
}

/** Porter and Duff's "over", on colours that are not multiplied by their alpha. */
function over(canvas: Buffer, to: number, pixels: Buffer, from: number): void {
  const alpha = pixels[from + 3] ?? 0;
  if (alpha === 0) return;
  const below = canvas[to + 3] ?? 0;
  if (alpha === 255 || below === 0) {
    pixels.copy(canvas, to, from, from + 4);
    return;
  }
  const shining = (below * (255 - alpha)) / 255;
  const result = alpha + shining;
  for (let channel = 0; channel < 3; channel++)
    canvas[to + channel] = Math.round(
      ((pixels[from + channel] ?? 0) * alpha + (canvas[to + channel] ?? 0) * shining) / result,
    );
  canvas[to + 3] = Math.round(result);
}

function clear(canvas: Buffer, canvasWidth: number, { x, y, width, height }: ComposedFrame): void {
  for (let row = y; row < y + height; row++)
    canvas.fill(0, (row * canvasWidth + x) * 4, (row * canvasWidth + x + width) * 4);
}
