/** JPEG (ITU-T T.81; JFIF in T.871; ICC.1 annex B.4 for profiles). */
import { exifOrientation } from "../exif.ts";
import { isSrgb } from "../icc-read.ts";
import { checkParts, checkSize, limits } from "../limits.ts";
import { corrupt, tooLarge, truncated, unsupported } from "../refusal.ts";
import type { Header, Orientation, Surrounding } from "../types.ts";

const marker = { SOI: 0xd8, EOI: 0xd9, SOS: 0xda, DNL: 0xdc, APP0: 0xe0, APP15: 0xef, COM: 0xfe } as const;
/** DHT, DAC and JPG lie among the start-of-frame markers. */
const notFrames = new Set([0xc4, 0xc8, 0xcc]);
/** Baseline, extended and progressive, coded by Huffman or arithmetic: what libjpeg decodes. */
const decodable = new Set([0xc0, 0xc1, 0xc2, 0xc9, 0xca]);
const progressive = new Set([0xc2, 0xca]);

interface Frame {
  kind: number;
  width: number;
  height: number;
  components: number;
}

/**
 * Walks the segments, keeps what decoding needs and leaves the rest out: EXIF, XMP, comments, thumbnails, gain maps,
 * what lies between segments and what follows the end. So no decoder reads them, and odd ones cause no warning.
 */
export function readJpeg(file: Buffer): Header {
  const kept: Buffer[] = [file.subarray(0, 2)];
  const surroundings: Surrounding[] = [];
  const profile = new ProfileParts();
  let orientation: Orientation | undefined;
  let frame: Frame | undefined;
  let jfif = false;
  let adobe: number | undefined;
  let scans = 0;
  let parts = 0;
  let at = 2;

  for (;;) {
    checkParts(++parts);
    const found = nextMarker(file, at);
    if (found > at) surroundings.push({ kind: "metadata", bytes: file.subarray(at, found) });
    const code = file.readUInt8(found + 1);
    if (code === marker.EOI) {
      at = found + 2;
      break;
    }
    if (code === marker.SOI) throw corrupt("a second picture begins inside of it");
    // Restart markers and TEM have no content, and no place outside of a scan.
    if ((code >= 0xd0 && code <= 0xd7) || code === 0x01) {
      at = found + 2;
      continue;
    }
    const length = file.readUInt16BE(found + 2);
    const end = found + 2 + length;
    if (length < 2) throw corrupt("one of its segments has no length");
    if (end > file.length) throw truncated();
    const content = file.subarray(found + 4, end);
    const segment = file.subarray(found, end);
    at = end;

    if (code === marker.COM || (code >= marker.APP0 && code <= marker.APP15)) {
      const name = content.toString("latin1", 0, 12);
      if (code === 0xe0 && name.startsWith("JFIF\0")) {
        jfif = true;
        hiddenInJfif(content, surroundings);
      } else if (code === 0xe2 && name === "ICC_PROFILE\0") profile.add(content);
      else if (code === 0xee && name.startsWith("Adobe") && content.length >= 12)
        adobe = content.readUInt8(11);
      else {
        if (code === 0xe1 && name.startsWith("Exif\0")) orientation ??= exifOrientation(content.subarray(6));
        surroundings.push({ kind: "metadata", bytes: content });
      }
    } else if (code === marker.SOS) {
      if (!frame) throw corrupt("its pixels come before its size");
      if (++scans > limits.scans)
        throw tooLarge(`The picture has more than ${limits.scans} passes. Please save it again.`);
      kept.push(progressive.has(frame.kind) ? segment : sequentialScan(segment));
      at = endOfScan(file, end);
      kept.push(file.subarray(end, at));
    } else {
      if (code === marker.DNL)
        throw unsupported("The picture is a JPEG of a rare kind (DNL). Please save it again.");
      if (code >= 0xc0 && code <= 0xcf && !notFrames.has(code)) {
        if (frame) throw corrupt("it has two headers that name a size");
        frame = readFrame(code, content);
      }
      kept.push(segment);
    }
  }
  if (!frame || scans === 0) throw corrupt("it has no pixels");
  if (at < file.length) surroundings.push({ kind: "trailing", bytes: file.subarray(at) });
  const icc = profile.segments();
  const profiled = icc.length > 0 && !(frame.components === 3 && isSrgb(profile.whole()));
  kept.splice(1, 0, ...colourSegments(frame.components, jfif, adobe), ...(profiled ? icc : []));
  kept.push(Buffer.from([0xff, marker.EOI]));
  return {
    format: "jpeg",
    width: frame.width,
    height: frame.height,
    orientation: orientation ?? 1,
    frames: 1,
    hasAlpha: false,
    colourSpace: frame.components === 1 ? "grey" : frame.components === 4 ? "cmyk" : "rgb",
    bitDepth: 8,
    hasProfile: profiled,
    clean: Buffer.concat(kept),
    surroundings,
  };
}

/** Position of the `0xff` of the next marker; bytes before it belong to nothing and decoders skip them. */
function nextMarker(file: Buffer, from: number): number {
  for (let at = from; ; at++) {
    at = file.indexOf(0xff, at);
    if (at < 0 || at + 1 >= file.length) throw truncated();
    const code = file[at + 1];
    if (code !== 0x00 && code !== 0xff) return at;
  }
}

/** Position of the marker that ends the scan: not a stuffed zero, not a restart. */
function endOfScan(file: Buffer, from: number): number {
  for (let at = from; ; at += 2) {
    at = file.indexOf(0xff, at);
    if (at < 0 || at + 1 >= file.length) throw truncated();
    const code = file[at + 1] ?? 0;
    if (code === 0xff) at--;
    else if (code !== 0x00 && !(code >= 0xd0 && code <= 0xd7)) return at;
  }
}

function readFrame(kind: number, content: Buffer): Frame {
  const precision = content.readUInt8(0);
  const height = content.readUInt16BE(1);
  const width = content.readUInt16BE(3);
  const components = content.readUInt8(5);
  if (!decodable.has(kind) || precision !== 8)
    throw unsupported(
      `The picture is a JPEG of a rare kind (${precision} bits, process ${kind - 0xc0}). Please save it as an ordinary JPEG.`,
    );
  if (width === 0 || height === 0) throw corrupt("its header names no size");
  if (![1, 3, 4].includes(components)) throw corrupt(`it has ${components} colour channels`);
  if (content.length < 6 + 3 * components) throw corrupt("its header is too short");
  checkSize(width, height);
  return { kind, width, height, components };
}

/**
 * Of a sequential scan the last three bytes have one valid value; phones exist that write another, decoders ignore it,
 * and libjpeg warns of it, which would hide a warning that matters.
 */
function sequentialScan(segment: Buffer): Buffer {
  const fixed = Buffer.from(segment);
  if (fixed.length >= 7) fixed.set([0, 63, 0], fixed.length - 3);
  return fixed;
}

/** What decides whether channels are RGB, YCbCr, CMYK or YCCK, in its shortest form. */
function colourSegments(components: number, jfif: boolean, adobe: number | undefined): Buffer[] {
  const segments: Buffer[] = [];
  if (jfif) segments.push(Buffer.from("ffe000104a46494600010200000100010000", "hex"));
  if (adobe !== undefined) {
    // An unknown transform is read as the usual one, as libjpeg does it, but without its warning.
    const usual = components === 4 ? 2 : 1;
    const transform = adobe === 0 || adobe === usual ? adobe : usual;
    segments.push(Buffer.from(`ffee000e41646f62650064000000000${transform}`, "hex"));
  }
  return segments;
}

/** JFIF's header holds a small picture of known size; what goes beyond it was put there. */
function hiddenInJfif(content: Buffer, surroundings: Surrounding[]): void {
  const thumbnail = content.length >= 14 ? 3 * content.readUInt8(12) * content.readUInt8(13) : 0;
  const beyond = content.subarray(14 + thumbnail);
  if (beyond.length > 0) surroundings.push({ kind: "metadata", bytes: beyond });
}

/** A profile comes in numbered parts of at most 64 KB. One that is not whole is as if it were not there. */
class ProfileParts {
  readonly #parts = new Map<number, Buffer>();
  #count = 0;
  #size = 0;

  add(content: Buffer): void {
    if (content.length < 14) return;
    this.#size += content.length - 14;
    if (this.#size > limits.profileBytes) throw tooLarge("The picture's colour profile is too large.");
    const number = content.readUInt8(12);
    this.#count = content.readUInt8(13);
    if (!this.#parts.has(number)) this.#parts.set(number, content);
  }

  /** In order; none where one is missing. */
  #ordered(): Buffer[] {
    const ordered: Buffer[] = [];
    for (let number = 1; number <= this.#count; number++) {
      const content = this.#parts.get(number);
      if (!content || content.readUInt8(13) !== this.#count) return [];
      ordered.push(content);
    }
    return ordered;
  }

  segments(): Buffer[] {
    return this.#ordered().flatMap((content) => {
      const head = Buffer.from([0xff, 0xe2, 0, 0]);
      head.writeUInt16BE(content.length + 2, 2);
      return [head, content];
    });
  }

  whole(): Buffer {
    return Buffer.concat(this.#ordered().map((content) => content.subarray(14)));
  }
}
