import { open, step } from "./vips.ts";

/** Longer side, in pixels: enough for a blur. */
const side = 24;

/**
 * What is shown until a picture is there.
 * @param variant Bytes of a size that `derive` made, best the smallest.
 * @returns A picture of some 150 bytes, to be shown enlarged and blurred, and the average colour as `#rrggbb`.
 */
export async function placeholder(variant: Uint8Array): Promise<{ dataUrl: string; colour: string }> {
  const bytes = Buffer.from(variant.buffer, variant.byteOffset, variant.length);
  const small = () => open(bytes).resize({ width: side, height: side, fit: "inside" });
  const picture = await step(() => small().webp({ quality: 40, alphaQuality: 40, effort: 6 }).toBuffer());
  const pixels = await step(() => small().ensureAlpha().raw().toBuffer());
  return { dataUrl: `data:image/webp;base64,${picture.toString("base64")}`, colour: average(pixels) };
}

/** Of what can be seen; white where nothing can. */
function average(pixels: Buffer): string {
  const sum = [0, 0, 0];
  let weight = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3] ?? 0;
    weight += alpha;
    for (let channel = 0; channel < 3; channel++)
      sum[channel] = (sum[channel] ?? 0) + (pixels[at + channel] ?? 0) * alpha;
  }
  if (weight === 0) return "#ffffff";
  return `#${sum
    .map((value) =>
      Math.round(value / weight)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}
