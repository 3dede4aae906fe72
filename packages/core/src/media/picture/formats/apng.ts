/** Animation of PNG: each frame is a part of the canvas, with pixels like those of a PNG of that size. */
import { checkSize } from "../limits.ts";
import { corrupt } from "../refusal.ts";
import type { Animation, ComposedFrame } from "../types.ts";

type Control = Omit<ComposedFrame, "png">;
const disposals = ["none", "background", "previous"] as const;
const blends = ["source", "over"] as const;

export class AnimationReader {
  readonly #header: Buffer;
  readonly #count: number;
  readonly #loop: number;
  readonly #frames: { control: Control; data: Buffer[] }[] = [];
  #sequence = 0;

  constructor(content: Buffer, header: Buffer) {
    this.#header = header;
    this.#count = content.readUInt32BE(0);
    this.#loop = content.readUInt32BE(4);
    if (this.#count === 0) throw corrupt("its animation has no frames");
    checkSize(this.#width, this.#height, this.#count);
  }

  get #width(): number {
    return this.#header.readUInt32BE(0);
  }

  get #height(): number {
    return this.#header.readUInt32BE(4);
  }

  /** The picture for those who know no animation is the first frame only if a frame was announced before it. */
  defaultPixels(content: Buffer): void {
    this.#frames[0]?.data.push(content);
  }

  frame(content: Buffer): void {
    this.#next(content);
    const [width, height] = [content.readUInt32BE(4), content.readUInt32BE(8)];
    const [x, y] = [content.readUInt32BE(12), content.readUInt32BE(16)];
    const [numerator, denominator] = [content.readUInt16BE(20), content.readUInt16BE(22)];
    const dispose = disposals[content.readUInt8(24)];
    const blend = blends[content.readUInt8(25)];
    if (width === 0 || height === 0 || x + width > this.#width || y + height > this.#height)
      throw corrupt("a frame of its animation lies outside of it");
    if (!dispose || !blend)
      throw corrupt("a frame of its animation is put together in a way that there is not");
    if (this.#frames.length >= this.#count) throw corrupt("its animation has more frames than it says");
    const delay = Math.round((1000 * numerator) / (denominator === 0 ? 100 : denominator));
    this.#frames.push({ control: { x, y, width, height, delay, blend, dispose }, data: [] });
  }

  pixels(content: Buffer): void {
    this.#next(content);
    const frame = this.#frames.at(-1);
    if (!frame) throw corrupt("pixels of its animation belong to no frame");
    frame.data.push(content.subarray(4));
  }

  /** Numbers go up by one over both kinds of chunks, so that a lost or moved one is noticed. */
  #next(content: Buffer): void {
    if (content.readUInt32BE(0) !== this.#sequence++)
      throw corrupt("the parts of its animation are out of order");
  }

  /** @param toPng Makes a PNG of a header and compressed pixels. */
  finish(toPng: (header: Buffer, data: Buffer) => Buffer): Animation {
    if (this.#frames.length !== this.#count) throw corrupt("its animation has fewer frames than it says");
    const frames = this.#frames.map(({ control, data }) => {
      if (data.length === 0) throw corrupt("a frame of its animation has no pixels");
      const header = Buffer.from(this.#header);
      header.writeUInt32BE(control.width, 0);
      header.writeUInt32BE(control.height, 4);
      return { ...control, png: toPng(header, Buffer.concat(data)) };
    });
    return { frames, loop: this.#loop };
  }
}
