/** GIF (CompuServe, version 89a). */
import { checkParts, checkSize } from "../limits.ts";
import { corrupt, polyglot, truncated } from "../refusal.ts";
import type { Header, Surrounding } from "../types.ts";

const block = { extension: 0x21, image: 0x2c, trailer: 0x3b } as const;
const extension = { control: 0xf9, application: 0xff } as const;
/** Say how often the animation runs. */
const loops = new Set(["NETSCAPE2.0", "ANIMEXTS1.0"]);

/** Walks the blocks. A canvas smaller than its frames is counted, and refused, as large as they are. */
export function readGif(file: Buffer): Header {
  const surroundings: Surrounding[] = [];
  const width = file.readUInt16LE(6);
  const height = file.readUInt16LE(8);
  if (width === 0 || height === 0) throw corrupt("its header names no size");
  checkSize(width, height);
  // "GIF89a/*" opens a comment in JavaScript, and makes a width that no picture has by chance.
  if (width === 0x2a2f && file.includes("*/")) throw polyglot("a script");
  let at = 13 + tableLength(file.readUInt8(10));
  let frames = 0;
  let transparent = false;
  let covers = true;

  for (let parts = 0; ; parts++) {
    checkParts(parts);
    if (at >= file.length) throw truncated();
    const kind = file.readUInt8(at);
    if (kind === block.trailer) break;
    if (kind === block.extension) {
      const label = file.readUInt8(at + 1);
      const { end, content } = subBlocks(file, at + 2);
      if (label === extension.control) transparent ||= ((content[0] ?? 0) & 1) === 1;
      else if (label !== extension.application || !loops.has(content.toString("latin1", 0, 11)))
        surroundings.push({ kind: "metadata", bytes: content });
      at = end;
    } else if (kind === block.image) {
      const [x, y] = [file.readUInt16LE(at + 1), file.readUInt16LE(at + 3)];
      const [w, h] = [file.readUInt16LE(at + 5), file.readUInt16LE(at + 7)];
      if (w === 0 || h === 0) throw corrupt(`its frame ${frames + 1} names no size`);
      if (x + w > width || y + h > height)
        throw corrupt(`its frame ${frames + 1} lies outside of the picture`);
      if (frames === 0) covers = x === 0 && y === 0 && w === width && h === height;
      checkSize(width, height, ++frames);
      const data = at + 10 + tableLength(file.readUInt8(at + 9));
      const codeSize = file.readUInt8(data);
      if (codeSize < 1 || codeSize > 11)
        throw corrupt(`its frame ${frames} is packed in a way that there is not`);
      at = skipSubBlocks(file, data + 1);
    } else throw corrupt("what follows one of its parts is no part");
  }
  if (frames === 0) throw corrupt("it has no pixels");
  if (at + 1 < file.length) surroundings.push({ kind: "trailing", bytes: file.subarray(at + 1) });
  return {
    format: "gif",
    width,
    height,
    orientation: 1,
    frames,
    hasAlpha: transparent || !covers,
    colourSpace: "palette",
    bitDepth: 8,
    hasProfile: false,
    clean: file.subarray(0, at + 1),
    surroundings,
  };
}

/** Bytes of the colour table that a packed field announces. */
function tableLength(packed: number): number {
  return packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0;
}

function skipSubBlocks(file: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const length = file.readUInt8(at);
    at += 1 + length;
    if (length === 0) return at;
  }
}

function subBlocks(file: Buffer, from: number): { end: number; content: Buffer } {
  const end = skipSubBlocks(file, from);
  const parts: Buffer[] = [];
  for (let at = from; at < end - 1; ) {
    const length = file.readUInt8(at);
    parts.push(file.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { end, content: Buffer.concat(parts) };
}
