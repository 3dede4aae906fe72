import { VisibleError } from "../../error/index.ts";
import { clockOf, dayMs } from "./zone.ts";

/**
 * The moment that a text of ISO 8601 names: with an offset or Z that one, else what the zone's clocks show. A time that
 * they show twice is the first; one that they never show is refused here, where its author can choose another.
 * @param path Of the field, for the error.
 */
export function localMoment(text: string, zone: string, path: string): number {
  const absolute = /(?:Z|[+-]\d\d:\d\d)$/.test(text);
  const wall = Date.parse(absolute ? text : `${text}Z`);
  // Date.parse takes 30 February for 2 March.
  const written = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(wall) || new Date(written).toISOString().slice(0, 10) !== text.slice(0, 10))
    throw wrong(path, `There is no ${text}.`);
  if (absolute) return wall;
  const moment = clockOf(zone, Math.floor(wall / dayMs) * dayMs)(wall);
  if (moment === undefined)
    throw wrong(
      path,
      `Clocks in ${zone} never show ${text}: they are put forward over it. Choose a time before or after.`,
    );
  return moment;
}

function wrong(path: string, message: string): VisibleError {
  return new VisibleError("validation", "invalid_time", message, { issues: [{ path, message }] });
}
