import type { Orientation } from "./types.ts";

const orientationTag = 0x0112;

/**
 * Orientation of an EXIF block (`II*\0…` or `MM\0*…`), from its first directory.
 * Anything that is not there or makes no sense is 1, as browsers do it: a broken note about a picture does not break it.
 */
export function exifOrientation(block: Buffer): Orientation {
  const order = block.toString("latin1", 0, 2);
  if (block.length < 8 || (order !== "II" && order !== "MM")) return 1;
  const little = order === "II";
  const u16 = (at: number) => (little ? block.readUInt16LE(at) : block.readUInt16BE(at));
  const u32 = (at: number) => (little ? block.readUInt32LE(at) : block.readUInt32BE(at));
  if (u16(2) !== 42) return 1;
  const start = u32(4);
  if (start + 2 > block.length) return 1;
  const count = u16(start);
  for (let entry = 0; entry < count; entry++) {
    const at = start + 2 + entry * 12;
    if (at + 12 > block.length) return 1;
    if (u16(at) !== orientationTag) continue;
    // A SHORT by the standard; some write a LONG.
    const type = u16(at + 2);
    return toOrientation(type === 3 ? u16(at + 8) : type === 4 ? u32(at + 8) : 1);
  }
  return 1;
}

export function toOrientation(value: number): Orientation {
  return value >= 1 && value <= 8 && Number.isInteger(value) ? (value as Orientation) : 1;
}
