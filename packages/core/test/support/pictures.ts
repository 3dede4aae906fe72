/** Picture functions that make nothing of pixels: for tests of what happens around them. */
import { createHash } from "node:crypto";
import { Refusal } from "../../src/media/picture/index.ts";
import type { Pictures } from "../../src/media/pictures.ts";

export interface Double extends Pictures {
  /** Texts that were derived. */
  derived: string[];
  /** Runs before sizes are made. */
  before: ((text: string) => Promise<void> | void) | undefined;
}

/**
 * `picture …` is a picture of 800 × 600, `broken …` one whose pixels are damaged, everything else is none. Two widths, two
 * formats.
 */
export function createDouble(): Double {
  const sha256 = (text: string | Uint8Array) => createHash("sha256").update(text).digest("hex");
  const double: Double = {
    derived: [],
    before: undefined,
    async inspect(bytes) {
      const text = Buffer.from(bytes).toString();
      if (!/^(?:picture|broken)/.test(text))
        throw new Refusal("picture_unsupported", "The file is a text, not a picture.");
      return {
        format: "jpeg",
        width: 800,
        height: 600,
        orientation: 1,
        frames: 1,
        hasAlpha: false,
        colourSpace: "rgb",
        bitDepth: 8,
        hasProfile: false,
        sha256: sha256(bytes),
      };
    },
    async *derive(bytes) {
      const text = Buffer.from(bytes).toString();
      double.derived.push(text);
      await double.before?.(text);
      if (text.startsWith("broken"))
        throw new Refusal("picture_corrupt", "The picture is damaged: it ends early.");
      for (const width of [640, 320])
        for (const format of ["avif", "jpeg"] as const) {
          const made = Buffer.from(`${width} ${format} of ${sha256(bytes)}`);
          const height = (width * 3) / 4;
          yield {
            width,
            height,
            format,
            contentType: `image/${format}`,
            animated: false,
            bytes: made,
            sha256: sha256(made),
          };
        }
    },
    placeholder: async () => ({ dataUrl: "data:image/webp;base64,AAAA", colour: "#808080" }),
  };
  return double;
}
