/**
 * Time zones of the IANA database, as Node's ICU has them. A wall time is what a clock in the zone shows, written as
 * the milliseconds that UTC would have at that reading: arithmetic on days and hours needs no zone then.
 */
export interface Zone {
  /** What clocks show at an instant. */
  wallOf(instant: number): number;
  /**
   * When clocks show a wall time: the first time where they show it twice, undefined where they never do, because
   * they are put forward past it.
   */
  instantOf(wall: number): number | undefined;
  /** As `instantOf`; a time that is never shown comes as much after the change as it would have without one. */
  nearestInstant(wall: number): number;
}

export const utc: Zone = {
  wallOf: (instant) => instant,
  instantOf: (wall) => wall,
  nearestInstant: (wall) => wall,
};

const DAY_MS = 86_400_000;
const known = new Map<string, Zone | undefined>([["UTC", utc]]);

/** @returns undefined for a name that is not in the database. */
export function findZone(name: string): Zone | undefined {
  if (!known.has(name)) known.set(name, open(name));
  return known.get(name);
}

function open(name: string): Zone | undefined {
  // Intl takes offsets such as +02:00 as well, which are no names.
  if (!/^[A-Za-z]/.test(name)) return undefined;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    return undefined;
  }

  function wallOf(instant: number): number {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of format.formatToParts(instant)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    const milliseconds = ((instant % 1000) + 1000) % 1000;
    return Date.UTC(year, month - 1, day, hour, minute, second) + milliseconds;
  }
  const offsetAt = (instant: number) => wallOf(instant) - instant;
  /** Offsets in force a day before and a day after: no zone changes twice within two days. */
  const offsetsAround = (wall: number): [before: number, after: number] => [
    offsetAt(wall - DAY_MS),
    offsetAt(wall + DAY_MS),
  ];
  function instantOf(wall: number): number | undefined {
    const candidates = offsetsAround(wall).map((offset) => wall - offset);
    return candidates.sort((a, b) => a - b).find((instant) => wallOf(instant) === wall);
  }
  return {
    wallOf,
    instantOf,
    nearestInstant: (wall) => instantOf(wall) ?? wall - offsetsAround(wall)[0],
  };
}
