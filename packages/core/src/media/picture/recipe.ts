/** How sizes are made. Whoever changes anything here, or the library, raises the version: names are for ever. */
import { createHash } from "node:crypto";

export const recipe = {
  version: 2,
  /** The library that it was settled with; a test fails when another one is installed. */
  sharp: "0.35.5",
  widths: [1920, 1280, 640, 320],
  jpeg: { quality: 80 },
  webp: { quality: 78, alphaQuality: 90, effort: 4 },
  /** Animations: each frame costs as much as a picture. */
  animatedWebp: { quality: 70, alphaQuality: 80, effort: 2 },
  /** Against effort 4, the default: a twentieth of the CPU, 8 % larger. Effort 2 is no smaller and costs 2.5 times as much. */
  avif: { quality: 50, effort: 1, chromaSubsampling: "4:2:0" },
} as const;

/**
 * Where a picture's sizes are kept: follows from the bytes that were sent and the recipe, so the same picture has the
 * same names, and other ones as soon as it would be made in another way.
 * @param sha256 Of the file as sent, in hexadecimal.
 * @returns 64 hexadecimal digits.
 */
export function address(sha256: string): string {
  return createHash("sha256").update(`${recipe.version}\0${sha256}`).digest("hex");
}

/**
 * Widths to make, largest first: those of the recipe that the picture reaches, and its own where it lies below the
 * largest of them.
 */
export function widthsOf(width: number): number[] {
  const reached = recipe.widths.filter((wanted) => wanted <= width);
  return width < recipe.widths[0] && !reached.some((wanted) => wanted === width)
    ? [width, ...reached]
    : [...reached];
}
