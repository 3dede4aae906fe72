import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sharp, SharpOptions } from "sharp";
import { limits } from "./limits.ts";
import { corrupt, Refusal, tooLarge, truncated } from "./refusal.ts";
import load from "./sharp.cjs";

let ready: ReturnType<typeof load> | undefined;

/** What is taken, and raw pixels need no loader. SVG, PDF, FITS and what else libvips may read stay shut. */
const loaders = ["Jpeg", "Png", "Webp", "Nsgif", "Heif", "Tiff"].map((name) => `VipsForeignLoad${name}`);

/**
 * The library, set up: no cache, since no picture comes twice; one thread a picture, since the consumer has one core and
 * each further thread keeps rows of its own in memory.
 */
function vips(): ReturnType<typeof load> {
  if (ready) return ready;
  ready = load();
  ready.cache(false);
  ready.concurrency(1);
  ready.block({ operation: ["VipsForeignLoad"] });
  ready.unblock({ operation: loaders });
  return ready;
}

/** Opens what came from outside and whose headers were read and found within the limits: bytes, or a file of them. */
export function open(input: Buffer | string, options: SharpOptions = {}): Sharp {
  return vips()(input, {
    failOn: "warning",
    limitInputPixels: limits.pixels,
    limitInputChannels: 5,
    sequentialRead: true,
    ...options,
  }).timeout({ seconds: limits.stepSeconds });
}

/**
 * Opens a JPEG at half its size, which its decoder makes from a quarter of the coefficients. sharp has no option for it;
 * libvips takes it at the end of a file's name.
 * @param use Has done with the picture when it is settled: the file is gone then.
 */
export async function withHalf<Result>(jpeg: Buffer, use: (half: Sharp) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "picture-"));
  try {
    const file = join(folder, "picture.jpg");
    await writeFile(file, jpeg, { mode: 0o600 });
    return await use(open(`${file}[shrink=2]`));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Raw {
  data: Buffer | Uint16Array;
  width: number;
  /** Of one frame. */
  height: number;
  channels: 1 | 2 | 3 | 4;
  frames: number;
}

/** Opens pixels of ours. */
export function openRaw({ data, width, height, channels, frames }: Raw): Sharp {
  const page = frames > 1 ? { pageHeight: height } : {};
  return vips()(data, {
    raw: { width, height: height * frames, channels, ...page },
    animated: frames > 1,
    limitInputPixels: false,
  }).timeout({ seconds: limits.stepSeconds });
}

/** One step of the library, with its errors in our words. */
export async function step<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw refusalOf(error);
  }
}

/** What says nothing about the picture stays as it is, so that another try is made. */
function refusalOf(error: unknown): unknown {
  if (error instanceof Refusal || !(error instanceof Error)) return error;
  const { message } = error;
  if (/out of memory|unable to allocate|could not allocate|cannot allocate/i.test(message)) return error;
  if (/^timeout/i.test(message))
    return new Refusal(
      "picture_too_slow",
      "The picture takes too long to be read. Please save it again, smaller.",
      {
        cause: error,
      },
    );
  if (/exceeds (?:pixel|channel) limit/i.test(message))
    return tooLarge("The picture is larger than its header says, and larger than is taken.");
  if (
    /premature end|unexpected end|end of (?:data|file|stream|input)|truncated|not enough data|read gave \d+ warnings?.*eof/i.test(
      message,
    )
  )
    return truncated();
  return corrupt("its pixels cannot be read", error);
}
