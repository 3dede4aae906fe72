import { refuseHidden } from "./foreign.ts";
import { readAvif } from "./formats/avif.ts";
import { readGif } from "./formats/gif.ts";
import { readJpeg } from "./formats/jpeg.ts";
import { readPng } from "./formats/png.ts";
import { readTiff } from "./formats/tiff.ts";
import { readWebp } from "./formats/webp.ts";
import { limits } from "./limits.ts";
import { tooLarge, truncated } from "./refusal.ts";
import { sniff } from "./sniff.ts";
import type { Header, PictureFormat } from "./types.ts";

const readers: Record<PictureFormat, (file: Buffer) => Header> = {
  jpeg: readJpeg,
  png: readPng,
  gif: readGif,
  webp: readWebp,
  avif: readAvif,
  tiff: readTiff,
};

/**
 * Reads the headers, in time and memory that follow from the size of the file alone; nothing is decoded.
 * @throws Refusal for what is not taken, is too large, incomplete or contradicts itself.
 */
export function readHeader(bytes: Uint8Array): Header {
  if (bytes.length > limits.bytes)
    throw tooLarge(
      `The file has ${Math.ceil(bytes.length / 2 ** 20)} MB; at most ${limits.bytes / 2 ** 20} are taken.`,
    );
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let header: Header;
  try {
    header = readers[sniff(file)](file);
  } catch (error) {
    // Node's reading beyond the end of a buffer.
    if (error instanceof RangeError) throw truncated();
    throw error;
  }
  refuseHidden(header.surroundings);
  return header;
}
