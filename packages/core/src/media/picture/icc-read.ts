/** What embedded colour profiles say (ICC.1:2010). */

/** @returns Content of a tag with its type; nothing where there is none, or where it does not lie in the profile. */
export function tag(profile: Buffer, name: string): Buffer | undefined {
  if (profile.length < 132) return undefined;
  const count = profile.readUInt32BE(128);
  for (let entry = 132; entry < 132 + count * 12 && entry + 12 <= profile.length; entry += 12) {
    if (profile.toString("latin1", entry, entry + 4) !== name) continue;
    const from = profile.readUInt32BE(entry + 4);
    const to = from + profile.readUInt32BE(entry + 8);
    return to <= profile.length ? profile.subarray(from, to) : undefined;
  }
  return undefined;
}

/** XYZ of red, green and blue, adapted to D50, in the profile of IEC 61966-2-1. Others' differ by 0.0002. */
const srgbColumns = {
  rXYZ: [0.43607, 0.22249, 0.01392],
  gXYZ: [0.38515, 0.71687, 0.09708],
  bXYZ: [0.14307, 0.06061, 0.7141],
} as const;
/** Tables that go before matrix and curves. */
const tables = ["A2B0", "A2B1", "A2B2", "D2B0", "D2B1", "D2B2", "D2B3"];

/**
 * Whether a profile says what is meant without one: sRGB, to half a level of 8 bits. To follow it would cost as much CPU
 * as a resize, and change nothing.
 */
export function isSrgb(profile: Buffer): boolean {
  if (profile.toString("latin1", 16, 24) !== "RGB XYZ ") return false;
  if (tables.some((name) => tag(profile, name))) return false;
  const columns = Object.entries(srgbColumns).every(([name, wanted]) => {
    const seen = tag(profile, name);
    return (
      seen !== undefined &&
      seen.length >= 20 &&
      wanted.every((value, at) => Math.abs(seen.readInt32BE(8 + at * 4) / 65_536 - value) < 0.0003)
    );
  });
  return columns && ["rTRC", "gTRC", "bTRC"].every((name) => isSrgbCurve(tag(profile, name)));
}

function isSrgbCurve(curve: Buffer | undefined): boolean {
  const light = curve && curveOf(curve);
  if (!light) return false;
  for (let level = 0; level <= 255; level++)
    if (!(Math.abs(encoded(light(level / 255)) * 255 - level) <= 0.5)) return false;
  return true;
}

/** From light to sRGB's numbers, both 0 to 1. */
function encoded(light: number): number {
  return light <= 0.003_130_8 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
}

/** Of the two kinds that sRGB is written in: a table (10.6) and the parametric curve with a straight foot (10.18). */
function curveOf(curve: Buffer): ((value: number) => number) | undefined {
  const type = curve.toString("latin1", 0, 4);
  if (type === "curv" && curve.length >= 16) {
    const last = curve.readUInt32BE(8) - 1;
    if (last < 1 || curve.length < 14 + last * 2) return undefined;
    return (value) => {
      const below = Math.min(last - 1, Math.floor(value * last));
      const part = value * last - below;
      return (
        (curve.readUInt16BE(12 + below * 2) * (1 - part) + curve.readUInt16BE(14 + below * 2) * part) / 65_535
      );
    };
  }
  if (type !== "para" || curve.length < 32 || curve.readUInt16BE(8) !== 3) return undefined;
  const [gamma = 0, a = 0, b = 0, c = 0, d = 0] = [12, 16, 20, 24, 28].map(
    (at) => curve.readInt32BE(at) / 65_536,
  );
  return (value) => (value >= d ? (a * value + b) ** gamma : c * value);
}
