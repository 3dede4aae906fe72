/**
 * Pictures: all sizes of photographs of 12 megapixels, as they come from phones, made on the spot. CPU of this process,
 * which the library's threads belong to and other processes do not.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { derive, inspect, recipe, type Variant } from "@frontdesk/core/media/picture";
import sharp from "sharp";
import { landscape } from "../packages/core/test/media/picture/support.ts";
import { root } from "../scripts/run/root.ts";
import { median, pairs, type Row } from "./row.ts";

type Format = Variant["format"];
const run = promisify(execFile);
const child = join(root, "packages/core/test/media/picture/child.ts");
const [width, height] = [4032, 3024];

interface Source {
  bytes: Buffer;
  width: number;
  height: number;
}

async function photograph(wide: number, high: number, seed: number): Promise<Source> {
  const bytes = await landscape(wide, high, seed)
    .withMetadata({ orientation: 1 })
    .jpeg({ quality: 90 })
    .toBuffer();
  return { bytes, width: wide, height: high };
}

async function cpu(work: () => Promise<unknown>): Promise<number> {
  const from = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e6;
}

async function ours({ bytes }: Source, formats: readonly Format[]): Promise<void> {
  for await (const _ of derive(bytes, await inspect(bytes), { formats }));
}

/** Pixels of every size, ready to be encoded: what is left is the encoders' own work. */
async function prepared({ bytes }: Source) {
  return Promise.all(
    recipe.widths.map(async (wide) => {
      const { data, info } = await sharp(bytes).resize(wide).raw().toBuffer({ resolveWithObject: true });
      return { data, raw: { width: info.width, height: info.height, channels: info.channels } };
    }),
  );
}

async function encodingAlone(sizes: Awaited<ReturnType<typeof prepared>>): Promise<void> {
  for (const { data, raw } of sizes) {
    await sharp(data, { raw }).webp(recipe.webp).toBuffer();
    await sharp(data, { raw }).jpeg(recipe.jpeg).toBuffer();
  }
}

/** Every size in every format from the file anew, at the qualities of ours and the effort that encoders have by default. */
async function naive({ bytes }: Source): Promise<void> {
  const { effort: _, ...avif } = recipe.avif;
  for (const wide of recipe.widths) {
    await sharp(bytes).autoOrient().resize(wide).avif(avif).toBuffer();
    await sharp(bytes).autoOrient().resize(wide).webp(recipe.webp).toBuffer();
    await sharp(bytes).autoOrient().resize(wide).jpeg(recipe.jpeg).toBuffer();
  }
}

/** Of a process that does nothing else, Node included. */
async function megabytes({ bytes }: Source, formats: readonly Format[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "bench-pictures-"));
  try {
    const file = join(folder, "picture");
    writeFileSync(file, bytes);
    const { stdout } = await run(process.execPath, [child, file, formats.join(",")]);
    const found = JSON.parse(stdout) as { outcome: string; megabytes: number };
    if (found.outcome !== "ready") throw new Error(`the picture was not made into sizes: ${found.outcome}`);
    return found.megabytes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How CPU and memory grow from 12 to 48 megapixels. */
async function growth(formats: readonly Format[], small: Source, cpuOfSmall: number, memoryOfSmall: number) {
  const large = await photograph(8064, 6048, 3);
  const seconds = await cpu(() => ours(large, formats));
  const memory = await megabytes(large, formats);
  const times = (large.width * large.height) / (small.width * small.height);
  return `${times.toFixed(0)} times the pixels: ${(seconds / cpuOfSmall).toFixed(2)} times the CPU, ${memory.toFixed(0)} MB after ${memoryOfSmall.toFixed(0)} MB`;
}

/** Sizes of a picture as we make them, against a reference that is warmed by the caller. */
async function compare(options: {
  name: string;
  against: string;
  reference: string;
  most: number;
  rounds: number;
  source: Source;
  formats: readonly Format[];
  other(): Promise<void>;
}): Promise<Row> {
  const { name, against, reference, most, rounds, source, formats, other } = options;
  const measured = await pairs(
    rounds,
    () => cpu(() => ours(source, formats)),
    () => cpu(other),
  );
  const ratio = median(measured.ratios);
  const seconds = median(measured.candidate);
  const memory = await megabytes(source, formats);
  return {
    name,
    against,
    target: `<= ${most}`,
    ratio,
    reached: ratio <= most,
    details: {
      "CPU seconds a picture of 12 MP": seconds,
      [reference]: median(measured.reference),
      "MB a picture, Node included": memory,
    },
    growth: await growth(formats, source, seconds, memory),
  };
}

export async function pictures(): Promise<Row> {
  const formats = ["webp", "jpeg"] as const;
  const source = await photograph(width, height, 1);
  const sizes = await prepared(source);
  await ours(source, formats);
  await encodingAlone(sizes);
  return compare({
    name: "pictures, WebP + JPEG, four widths",
    against: "encoding of the same eight pictures alone, CPU",
    reference: "encoding alone, CPU seconds",
    most: 1.25,
    rounds: 7,
    source,
    formats,
    other: () => encodingAlone(sizes),
  });
}

export async function picturesWithAvif(): Promise<Row> {
  const formats = ["avif", "webp", "jpeg"] as const;
  const source = await photograph(width, height, 2);
  await ours(source, formats);
  return compare({
    name: "pictures with AVIF",
    against: "a decode for each of the twelve, at default effort, CPU",
    reference: "naive, CPU seconds",
    most: 0.15,
    rounds: 3,
    source,
    formats,
    other: () => naive(source),
  });
}
