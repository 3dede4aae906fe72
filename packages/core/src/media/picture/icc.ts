/**
 * Colour profiles (ICC.1:2010) for pictures that say what their numbers mean without a profile: PNG's gamma and
 * chromaticities, and the code points of ITU-T H.273 in PNG and AVIF.
 */
import { tag } from "./icc-read.ts";
import { unsupported } from "./refusal.ts";

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

const d50: Triple = [0.9642, 1, 0.8249];
/** x and y of white, red, green and blue. */
const srgbChromaticities = [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06];
const chromaticitiesOf: Record<number, readonly number[]> = {
  1: srgbChromaticities,
  5: [0.3127, 0.329, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06],
  6: [0.3127, 0.329, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
  7: [0.3127, 0.329, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07],
  9: [0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046],
  11: [0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
  12: [0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06],
};
/** BT.709 and its kin are shown as sRGB by browsers; 2 is "unknown". */
const likeSrgb = new Set([1, 2, 6, 13, 14, 15]);

/**
 * @param coded Primaries and transfer function as H.273 numbers them.
 * @returns Nothing where they are sRGB's, or unknown.
 * @throws Refusal for HDR: without tone mapping it would come out grey and flat.
 */
export function namedProfile(
  { primaries, transfer }: { primaries: number; transfer: number },
  grey: boolean,
): Buffer | undefined {
  if (transfer === 16 || transfer === 18)
    throw unsupported(
      "The picture is in HDR, which would lose its colours here. Please save it as an ordinary JPEG.",
    );
  const gamma = likeSrgb.has(transfer) ? undefined : { 4: 1 / 2.2, 5: 1 / 2.8, 8: 1 }[transfer];
  if (gamma === undefined && !likeSrgb.has(transfer))
    throw unsupported(
      `The picture's brightness is coded in a rare way (${transfer}). Please save it as JPEG.`,
    );
  if (grey) return gamma === undefined ? undefined : greyProfile(gamma);
  // 2 is "unknown".
  const chromaticities = primaries === 2 ? srgbChromaticities : chromaticitiesOf[primaries];
  if (!chromaticities)
    throw unsupported(
      `The picture's colours are coded in a rare way (${primaries}). Please save it as JPEG.`,
    );
  return matrixProfile(chromaticities, gamma);
}

/**
 * @param chromaticities x and y of white, red, green, blue; sRGB's by default.
 * @param gamma Exponent that encodes light (PNG's sense, 1/2.2 is usual); sRGB's curve by default.
 * @returns Nothing where it would be sRGB, or where the chromaticities are no triangle.
 */
export function matrixProfile(
  chromaticities: readonly number[] | undefined,
  gamma?: number,
): Buffer | undefined {
  const points = chromaticities ?? srgbChromaticities;
  const isSrgb = points.every((value, index) => Math.abs(value - (srgbChromaticities[index] ?? 0)) < 0.002);
  if (isSrgb && gamma === undefined) return undefined;
  const columns = toD50(points);
  if (!columns) return undefined;
  const trc = gamma === undefined ? srgbCurve() : gammaCurve(1 / gamma);
  return rgbProfile(columns, trc);
}

export function greyProfile(gamma: number): Buffer {
  return profile("GRAY", [
    ["wtpt", xyz(d50)],
    ["kTRC", gammaCurve(1 / gamma)],
  ]);
}

/**
 * The tone curve of a profile for grey, as a profile for RGB with the same curve in each channel.
 * @returns Nothing where it has none that can be taken over.
 */
export function greyAsRgb(grey: Buffer): Buffer | undefined {
  if (grey.toString("latin1", 16, 20) !== "GRAY") return undefined;
  const curve = tag(grey, "kTRC");
  const columns = toD50(srgbChromaticities);
  return columns && curve && curve.length >= 12 ? rgbProfile(columns, curve) : undefined;
}

function rgbProfile([red, green, blue]: Matrix, trc: Buffer): Buffer {
  return profile("RGB ", [
    ["wtpt", xyz(d50)],
    ["rXYZ", xyz(red)],
    ["gXYZ", xyz(green)],
    ["bXYZ", xyz(blue)],
    ["rTRC", trc],
    ["gTRC", trc],
    ["bTRC", trc],
  ]);
}

/** XYZ of red, green and blue at full strength, adapted to D50 by Bradford's transform (ICC.1, annex E). */
function toD50([wx = 0, wy = 0, rx = 0, ry = 0, gx = 0, gy = 0, bx = 0, by = 0]: readonly number[]):
  | Matrix
  | undefined {
  if ([wy, ry, gy, by].some((y) => y <= 0)) return undefined;
  const column = (x: number, y: number): Triple => [x / y, 1, (1 - x - y) / y];
  const primaries = transpose([column(rx, ry), column(gx, gy), column(bx, by)]);
  const inverse = invert(primaries);
  if (!inverse) return undefined;
  const white = column(wx, wy);
  const [sr, sg, sb] = apply(inverse, white);
  const bradford: Matrix = [
    [0.8951, 0.2664, -0.1614],
    [-0.7502, 1.7135, 0.0367],
    [0.0389, -0.0685, 1.0296],
  ];
  const back = invert(bradford);
  if (!back) return undefined;
  const [from, to] = [apply(bradford, white), apply(bradford, d50)];
  const adapt = (value: Triple): Triple => {
    const [l, m, s] = apply(bradford, value);
    return apply(back, [(l * to[0]) / from[0], (m * to[1]) / from[1], (s * to[2]) / from[2]]);
  };
  const scaled = (x: number, y: number, by: number): Triple => {
    const [X, Y, Z] = column(x, y);
    return adapt([X * by, Y * by, Z * by]);
  };
  const columns: Matrix = [scaled(rx, ry, sr), scaled(gx, gy, sg), scaled(bx, by, sb)];
  return columns.flat().every((value) => Number.isFinite(value) && Math.abs(value) < 4) ? columns : undefined;
}

const apply = (m: Matrix, [x, y, z]: Triple): Triple => [
  m[0][0] * x + m[0][1] * y + m[0][2] * z,
  m[1][0] * x + m[1][1] * y + m[1][2] * z,
  m[2][0] * x + m[2][1] * y + m[2][2] * z,
];

const transpose = ([a, b, c]: Matrix): Matrix => [
  [a[0], b[0], c[0]],
  [a[1], b[1], c[1]],
  [a[2], b[2], c[2]],
];

function invert([[a, b, c], [d, e, f], [g, h, i]]: Matrix): Matrix | undefined {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (Math.abs(determinant) < 1e-9) return undefined;
  const over = (value: number) => value / determinant;
  return [
    [over(e * i - f * h), over(c * h - b * i), over(b * f - c * e)],
    [over(f * g - d * i), over(a * i - c * g), over(c * d - a * f)],
    [over(d * h - e * g), over(b * g - a * h), over(a * e - b * d)],
  ];
}

function s15Fixed16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeInt32BE(Math.round(value * 65536), index * 4);
  return bytes;
}

const element = (type: string, ...content: Buffer[]) =>
  Buffer.concat([Buffer.from(type, "latin1"), Buffer.alloc(4), ...content]);
const xyz = (value: Triple) => element("XYZ ", s15Fixed16(...value));
const gammaCurve = (gamma: number) => element("para", Buffer.alloc(4), s15Fixed16(gamma));
const srgbCurve = () =>
  element("para", Buffer.from([0, 3, 0, 0]), s15Fixed16(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045));
const text = (value: string) =>
  element(
    "mluc",
    Buffer.from([0, 0, 0, 1, 0, 0, 0, 12]),
    Buffer.from("enUS", "latin1"),
    Buffer.from([0, 0, 0, value.length * 2, 0, 0, 0, 28]),
    Buffer.from(value, "utf16le").swap16(),
  );

/** Version 4.3, for displays, with XYZ as connection space. */
function profile(space: "RGB " | "GRAY", own: readonly (readonly [string, Buffer])[]): Buffer {
  const tags = [["desc", text("assigned")], ["cprt", text("none")], ...own] as const;
  const table = Buffer.alloc(4 + tags.length * 12);
  table.writeUInt32BE(tags.length, 0);
  const contents: Buffer[] = [];
  let offset = 128 + table.length;
  for (const [index, [name, content]] of tags.entries()) {
    table.write(name, 4 + index * 12, "latin1");
    table.writeUInt32BE(offset, 8 + index * 12);
    table.writeUInt32BE(content.length, 12 + index * 12);
    const padded = Buffer.concat([content, Buffer.alloc(-content.length & 3)]);
    contents.push(padded);
    offset += padded.length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(offset, 0);
  header.writeUInt32BE(0x04300000, 8);
  header.write(`mntr${space}XYZ `, 12, "latin1");
  // Made on a fixed day, so that the same picture gives the same bytes.
  for (const [index, part] of [2000, 1, 1, 0, 0, 0].entries()) header.writeUInt16BE(part, 24 + index * 2);
  header.write("acsp", 36, "latin1");
  s15Fixed16(...d50).copy(header, 68);
  return Buffer.concat([header, table, ...contents]);
}
