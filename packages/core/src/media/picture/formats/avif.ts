/** AVIF (AV1 Image File Format 1.1), in HEIF (ISO/IEC 23008-12). */
import { namedProfile } from "../icc.ts";
import { checkParts, checkSize, limits } from "../limits.ts";
import { corrupt, Refusal, tooLarge, unsupported } from "../refusal.ts";
import type { Header, Surrounding } from "../types.ts";
import { readUnits, type Sequence } from "./av1.ts";
import { type Box, boxes, Cursor } from "./boxes.ts";
import { type Item, itemData, type Meta, readMeta } from "./heif-meta.ts";

/** Frames of one AV1 picture; layered ones have a few, and each is decoded. */
const mostFrames = 8;
export const heicMessage =
  "The picture is in HEIC, the format of iPhones, which cannot be read here. Please save it as JPEG and send it again (on an iPhone: Settings, Camera, Formats, Most Compatible).";

/**
 * Reads the boxes, and what the coded pictures say of their own size: it is what the decoder makes room for. The decoder
 * turns, mirrors and crops by itself.
 */
export function readAvif(file: Buffer): Header {
  const surroundings: Surrounding[] = [];
  let meta: Meta | undefined;
  let moves = false;
  let end = 0;
  const walk = boxes(file);
  for (;;) {
    let next: IteratorResult<Box>;
    try {
      next = walk.next();
    } catch (error) {
      // What follows the last whole box is no box. Should pixels be missing, they are missed below.
      if (!meta || !(error instanceof Refusal)) throw error;
      surroundings.push({ kind: "trailing", bytes: file.subarray(end) });
      break;
    }
    if (next.done) break;
    const { type, content } = next.value;
    end = next.value.end;
    if (type === "ftyp") moves ||= content.toString("latin1", 0, 4) === "avis";
    else if (type === "meta") {
      if (meta) throw corrupt("it has two descriptions");
      meta = readMeta(content);
    } else if (type === "free" || type === "skip" || type === "uuid")
      surroundings.push({ kind: "metadata", bytes: content });
  }
  const clean = file.subarray(0, end);
  if (moves)
    throw unsupported(
      "The picture is an animated AVIF, which cannot be read here. Please save it as animated WebP or GIF.",
    );
  if (!meta) throw corrupt("it has no description");
  const primary = meta.items.get(meta.primary);
  if (!primary) throw corrupt("it does not say which of its pictures is meant");
  if (/^(?:hvc1|hev1|lhv1)$/.test(primary.type)) throw unsupported(heicMessage);

  const coded = [...reachable(meta, primary)];
  const hasAlpha = coded.some(
    ({ property }) => property("auxC")?.toString("latin1").includes(":alpha") ?? false,
  );
  const sequences = coded.filter(({ type }) => type === "av01").map((item) => readCoded(clean, meta, item));
  const first = sequences[0];
  if (!first) throw corrupt("it has no pixels");
  if (primary.type === "grid") checkGrid(itemData(clean, meta, primary));
  for (const item of meta.items.values())
    if (item.type === "Exif" || item.type === "mime")
      surroundings.push({ kind: "metadata", bytes: itemData(clean, meta, item) });

  const { colr } = primary;
  const coding = colr.find((box) => box.toString("latin1", 0, 4) === "nclx");
  const profile = colr.find((box) => /^(?:prof|rICC)$/.test(box.toString("latin1", 0, 4)));
  if (profile && profile.length > limits.profileBytes)
    throw tooLarge("The picture's colour profile is too large.");
  const named = coding
    ? { primaries: coding.readUInt16BE(4), transfer: coding.readUInt16BE(6) }
    : first.coded;
  // An embedded profile goes before code points; HDR has its curve in the code points alone.
  const assign = named && namedProfile(profile ? { ...named, primaries: 1 } : named, false);
  return {
    format: "avif",
    ...shownSize(primary),
    orientation: 1,
    frames: 1,
    hasAlpha,
    colourSpace: first.monochrome ? "grey" : "rgb",
    bitDepth: first.bitDepth,
    hasProfile: profile !== undefined || assign !== undefined,
    clean,
    surroundings,
    ...(assign && !profile ? { assign } : {}),
  };
}

/** The meant picture, the tiles that it is made of, and its transparency: what the decoder reads. */
function* reachable(meta: Meta, primary: Item): Generator<Item> {
  const seen = new Set<number>();
  const waiting = [
    primary.id,
    ...meta.references
      .filter(({ type, to }) => type === "auxl" && to.includes(primary.id))
      .map(({ from }) => from),
  ];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    checkParts(seen.add(id).size);
    const item = meta.items.get(id);
    if (!item) throw corrupt("one of its parts is missing");
    if (item.type !== "av01" && item.type !== "grid")
      throw unsupported(`The picture is an AVIF of a rare kind (${item.type}). Please save it as JPEG.`);
    yield item;
    for (const { type, from, to } of meta.references) if (type === "dimg" && from === id) waiting.push(...to);
  }
}

function readCoded(file: Buffer, meta: Meta, item: Item): Sequence {
  const { sequences, frames } = readUnits(itemData(file, meta, item));
  const configuration = item.property("av1C");
  if (configuration && configuration.length > 4)
    sequences.push(...readUnits(configuration.subarray(4)).sequences);
  const size = extent(item);
  checkSize(size.width, size.height);
  for (const { width, height } of sequences) {
    checkSize(width, height);
    if (width > size.width + 64 || height > size.height + 64)
      throw corrupt("its header and its pixels differ in size");
  }
  if (frames > mostFrames) throw tooLarge("The picture consists of too many layers.");
  const [sequence] = sequences;
  if (!sequence || frames === 0) throw corrupt("it has no pixels");
  return sequence;
}

function extent(item: Item): { width: number; height: number } {
  const ispe = item.property("ispe");
  if (!ispe) throw corrupt("its header names no size");
  const [width, height] = [ispe.readUInt32BE(4), ispe.readUInt32BE(8)];
  if (width === 0 || height === 0) throw corrupt("its header names no size");
  return { width, height };
}

/** A grid says its size itself, and the decoder makes room for that. */
function checkGrid(data: Buffer): void {
  const cursor = new Cursor(data, 1);
  const bytes = cursor.uint(1) & 1 ? 4 : 2;
  cursor.at += 2;
  checkSize(cursor.uint(bytes), cursor.uint(bytes));
}

/** After the crop, turns and mirrors, in the order in which the file names them. */
function shownSize(item: Item): { width: number; height: number } {
  let { width, height } = extent(item);
  checkSize(width, height);
  for (const { type, content } of item.properties) {
    if (type === "irot" && content.readUInt8(0) & 1) [width, height] = [height, width];
    if (type !== "clap") continue;
    const [w, h] = [0, 8].map((at) => Math.round(content.readUInt32BE(at) / content.readUInt32BE(at + 4)));
    if (!w || !h || w > width || h > height) throw corrupt("it is cropped beyond its size");
    [width, height] = [w, h];
  }
  return { width, height };
}
