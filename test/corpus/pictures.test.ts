/**
 * Odd pictures of public projects, and hostile ones made of them: each is made into sizes or refused with a reason.
 * `README.tsv` beside them says what another reader of their headers saw.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { derive, type Inspection, inspect, Refusal, widthsOf } from "@frontdesk/core/media/picture";
import sharp from "sharp";
import { expect, it, test } from "vitest";
import { mutated } from "../../packages/core/test/media/picture/mutate.ts";
import { generator } from "../../packages/core/test/media/picture/support.ts";

const folder = resolve(process.env.FRONTDESK_PICTURES ?? "../shared/data/images");
if (!existsSync(join(folder, "README.tsv")))
  throw new Error(
    `There are no pictures at ${folder}. Set FRONTDESK_PICTURES to the folder that has README.tsv in it.`,
  );

/** Changed copies of each picture. */
const copies = 25;
/** Seconds for one step, on a machine that does other things too. */
const patience = 60;

const [heading = "", ...lines] = readFileSync(join(folder, "README.tsv"), "utf8").trimEnd().split("\n");
const columns = heading.split("\t");
const pictures = lines.map((line) => {
  const cells = line.split("\t");
  return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""]));
});

/** @returns The refusal, or what was made. Anything else is thrown. */
async function outcome(bytes: Buffer): Promise<Refusal | { inspection: Inspection; sizes: string[] }> {
  try {
    const inspection = await inspect(bytes);
    const sizes: string[] = [];
    for await (const variant of derive(bytes, inspection, { formats: ["webp", "jpeg"] })) {
      const seen = await sharp(variant.bytes, { animated: true }).metadata();
      expect([seen.width, seen.pageHeight ?? seen.height]).toEqual([variant.width, variant.height]);
      sizes.push(`${variant.width}.${variant.format}`);
    }
    expect(sizes).toEqual(widthsOf(inspection.width).flatMap((width) => [`${width}.webp`, `${width}.jpeg`]));
    return { inspection, sizes };
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

it("there are pictures", () => expect(pictures.length).toBeGreaterThan(20));

test.each(pictures.map((picture) => [picture.file ?? "", picture] as const))("%s", async (file, expected) => {
  const bytes = readFileSync(join(folder, file));
  const found = await outcome(bytes);
  if (found instanceof Refusal) {
    expect(found.message).toMatch(/^The .{10,}/);
    // What the decoder shows and we do not: programs, several pages, other formats, and what is too large.
    if (expected.default_decode?.startsWith("ok"))
      expect(["picture_unsupported", "picture_too_large", "picture_polyglot"]).toContain(found.code);
  } else {
    expect(expected.default_decode, "the decoder refuses it").toMatch(/^ok/);
    const turned = Number(expected.orientation) >= 5;
    const stored = [Number(expected.width), Number(expected.height)];
    expect([found.inspection.width, found.inspection.height]).toEqual(turned ? stored.toReversed() : stored);
    if (["gif", "webp"].includes(expected.format ?? ""))
      expect(found.inspection.frames).toBe(Number(expected.pages));
  }
  const next = generator(bytes.length);
  for (let copy = 0; copy < copies; copy++) {
    const { bytes: changed, how } = mutated(bytes, next);
    const from = performance.now();
    try {
      await outcome(changed);
    } catch (error) {
      throw new Error(`copy ${copy}: ${how}`, { cause: error });
    }
    expect((performance.now() - from) / 1000, how).toBeLessThan(patience);
  }
});
