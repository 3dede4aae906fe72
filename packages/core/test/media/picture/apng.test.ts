import { deflateSync } from "node:zlib";
import { inspect } from "@frontdesk/core/media/picture";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { pngChunk, signature } from "../../../src/media/picture/formats/png-chunks.ts";
import { all, difference } from "./support.ts";

type Rgba = readonly [number, number, number, number];
interface Frame {
  width: number;
  height: number;
  x?: number;
  y?: number;
  colour: Rgba;
  blend?: 0 | 1;
  dispose?: 0 | 1 | 2;
}

const [width, height] = [40, 20];

function pixels(w: number, h: number, colour: Rgba): Buffer {
  const row = Buffer.concat([Buffer.from([0]), Buffer.from(Array(w).fill(colour).flat())]);
  return deflateSync(Buffer.concat(Array(h).fill(row)));
}

function apng(
  frames: readonly Frame[],
  { announced = frames.length, skip = -1, hidden = false } = {},
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 6], 8);
  const control = Buffer.alloc(8);
  control.writeUInt32BE(announced, 0);
  control.writeUInt32BE(3, 4);
  const chunks = [signature, pngChunk("IHDR", header), pngChunk("acTL", control)];
  // A picture for those who know no animation, which is no frame.
  if (hidden) chunks.push(pngChunk("IDAT", pixels(width, height, [9, 9, 9, 255])));
  let sequence = 0;
  for (const [
    index,
    { width: w, height: h, x = 0, y = 0, colour, blend = 0, dispose = 0 },
  ] of frames.entries()) {
    const frame = Buffer.alloc(26);
    frame.writeUInt32BE(sequence++, 0);
    for (const [place, value] of [w, h, x, y].entries()) frame.writeUInt32BE(value, 4 + place * 4);
    frame.writeUInt16BE(index + 1, 20);
    frame.writeUInt16BE(10, 22);
    frame.set([dispose, blend], 24);
    if (index !== skip) chunks.push(pngChunk("fcTL", frame));
    const data = pixels(w, h, colour);
    if (index === 0 && !hidden) chunks.push(pngChunk("IDAT", data));
    else {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(sequence++, 0);
      chunks.push(pngChunk("fdAT", Buffer.concat([number, data])));
    }
  }
  return Buffer.concat([...chunks, pngChunk("IEND", Buffer.alloc(0))]);
}

/** Colours of a frame left, in the middle and right. */
async function seen(webp: Uint8Array, page: number): Promise<number[][]> {
  const { data, info } = await sharp(webp, { page })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return [3, 20, 36].map((x) => {
    const at = (10 * info.width + x) * 4;
    return [...data.subarray(at, at + 4)];
  });
}

const red = [200, 20, 20, 255] as const;
const blue = [20, 20, 200, 255] as const;
const half = [20, 220, 20, 128] as const;
const whole = { width, height };
const right = { width: 12, height, x: 28 };

async function frames(source: Buffer): Promise<number[][][]> {
  const [webp] = await all(source, { formats: ["webp"] });
  const { pages = 0 } = await sharp(webp?.bytes).metadata();
  return Promise.all(Array.from({ length: pages }, (_, page) => seen(webp?.bytes ?? Buffer.alloc(0), page)));
}

function expectFrames(found: number[][][], wanted: Rgba[][]): void {
  expect(found.length).toBe(wanted.length);
  for (const [page, colours] of wanted.entries())
    for (const [place, colour] of colours.entries())
      if (colour[3] === 0) expect(found[page]?.[place]?.[3], `frame ${page}, ${place}`).toBeLessThan(6);
      else expect(difference(found[page]?.[place] ?? [], colour), `frame ${page}, ${place}`).toBeLessThan(14);
}

describe("APNG", () => {
  it("goes on as animated WebP with its times, its first frame as JPEG", async () => {
    const source = apng([
      { ...whole, colour: red },
      { ...right, colour: blue },
    ]);
    expect(await inspect(source)).toMatchObject({ format: "png", frames: 2, width, height });
    const variants = await all(source);
    expect(variants.map(({ format, animated }) => [format, animated])).toEqual([
      ["webp", true],
      ["jpeg", false],
    ]);
    expect(await sharp(variants[0]?.bytes, { animated: true }).metadata()).toMatchObject({
      pages: 2,
      delay: [100, 200],
      loop: 3,
    });
    expectFrames(await frames(source), [
      [red, red, red],
      [red, red, blue],
    ]);
  });

  it("lays frames over each other, mixes what is translucent, and disposes of them as they say", async () => {
    const mixed = [110, 120, 20, 255] as const;
    const clear = [0, 0, 0, 0] as const;
    expectFrames(
      await frames(
        apng([
          { ...whole, colour: red },
          { ...right, colour: half, blend: 1, dispose: 2 },
          { ...right, colour: half, blend: 0, dispose: 1 },
          { width: 10, height, colour: blue },
        ]),
      ),
      [
        [red, red, red],
        [red, red, mixed],
        [red, red, half],
        [blue, red, clear],
      ],
    );
  });

  it("leaves out the picture that is shown only to those who know no animation", async () => {
    expectFrames(
      await frames(
        apng(
          [
            { ...whole, colour: red },
            { ...whole, colour: blue },
          ],
          { hidden: true },
        ),
      ),
      [
        [red, red, red],
        [blue, blue, blue],
      ],
    );
  });

  it("of one frame is a picture", async () => {
    expect(await inspect(apng([{ ...whole, colour: red }]))).toMatchObject({ frames: 1 });
    expect((await all(apng([{ ...whole, colour: red }]))).map(({ format }) => format)).toEqual([
      "avif",
      "webp",
      "jpeg",
    ]);
  });

  it("is refused where frames are missing, out of order, out of the picture or too many", async () => {
    const two = [
      { ...whole, colour: red },
      { ...right, colour: blue },
    ];
    const code = async (source: Buffer) => inspect(source).catch((error: { code: string }) => error.code);
    expect(await code(apng(two, { announced: 3 }))).toBe("picture_corrupt");
    expect(await code(apng(two, { announced: 1 }))).toBe("picture_corrupt");
    expect(await code(apng(two, { skip: 1 }))).toBe("picture_corrupt");
    expect(await code(apng([two[0] ?? { ...whole, colour: red }, { ...right, x: 30, colour: blue }]))).toBe(
      "picture_corrupt",
    );
    expect(await code(apng(two, { announced: 2_000_000 }))).toBe("picture_too_large");
  });
});
