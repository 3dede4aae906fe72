/** Local time of IANA zones, by the tables that Node carries (ICU). */
import * as z from "zod";

export const dayMs = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
    formats.set(zone, format);
  }
  return format;
}

/**
 * Whether a text names a zone of the IANA database. `Intl` also takes offsets (`+02:00`) and any case; Scheduler takes
 * names as the database writes them (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#time-zones).
 */
export function isZone(text: string): boolean {
  if (!/^[A-Z][\w+-]*(?:\/[A-Z][\w+-]*)*$/.test(text)) return false;
  try {
    const { timeZone } = formatOf(text).resolvedOptions();
    return timeZone === text || timeZone.toLowerCase() !== text.toLowerCase();
  } catch {
    return false;
  }
}

export const Zone = z
  .string()
  .max(50)
  .refine(isZone, "is no time zone of the IANA database: write it as in America/Toronto, or UTC");

/** How far the zone's clocks are ahead of UTC at a moment; milliseconds. */
export function offsetAt(zone: string, instant: number): number {
  if (zone === "UTC") return 0;
  const text = formatOf(zone).format(instant);
  const [, sign, hours, minutes, seconds = "0"] = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(text) ?? [];
  if (sign === undefined) return 0;
  const size = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
  return sign === "-" ? -size : size;
}

/** What the zone's clocks show at a moment, as if it were UTC. */
export function wallAt(zone: string, instant: number): number {
  return instant + offsetAt(zone, instant);
}

/**
 * Turns wall times of one local day into moments. Clocks that are put forward leave out times, which have none;
 * clocks that are put back show times twice, of which the first counts.
 * @param day Midnight of the day, as if it were UTC.
 */
export function clockOf(zone: string, day: number): (wall: number) => number | undefined {
  // No zone is a day away from UTC, so no change of this day is missed.
  const before = offsetAt(zone, day - dayMs);
  const after = offsetAt(zone, day + 2 * dayMs);
  if (before === after) return (wall) => wall - before;
  return (wall) =>
    [wall - before, wall - after]
      .filter((instant) => wallAt(zone, instant) === wall)
      .sort((a, b) => a - b)[0];
}
