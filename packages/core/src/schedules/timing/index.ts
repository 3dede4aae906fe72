/** When a schedule is due: once, at a rate, or by cron in a zone. Pure: everything is given the moment it starts from. */
import { VisibleError } from "../../error/index.ts";
import { toSchedulerDialect } from "./common.ts";
import { type Cron, parseCron } from "./cron.ts";
import { clockOf, dayMs, wallAt } from "./zone.ts";

export { Zone } from "./zone.ts";

const minuteMs = 60_000;

/** Moments are milliseconds since the epoch, UTC. */
export interface Timing {
  /** As Scheduler takes it, to be read in `zone`. */
  expression: string;
  zone: string;
  /** The first due time after a moment, or undefined: never again. */
  next(after: number): number | undefined;
  /** The last due time before a moment. */
  previous(before: number): number | undefined;
}

export interface Bounds {
  /** The first moment at which it may be due. */
  start?: number | undefined;
  /** It is due before this one alone. */
  end?: number | undefined;
}

/** Once. Scheduler's precision is the second; the zone is resolved here, so that a doubtful local time is refused here. */
export function once(at: number): Timing {
  const due = Math.floor(at / 1_000) * 1_000;
  return {
    expression: `at(${new Date(due).toISOString().slice(0, 19)})`,
    zone: "UTC",
    next: (after) => (due > after ? due : undefined),
    previous: (before) => (due < before ? due : undefined),
  };
}

const units: Record<string, number> = { minute: minuteMs, hour: 60 * minuteMs, day: dayMs };
/** A rate longer than this is a date. */
const longestRateMs = 3_650 * dayMs;

/**
 * At a rate: a day is 24 hours, also when clocks change
 * (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time).
 * @param text `5 minutes`, `1 hour`, `rate(2 days)`.
 * @param anchor The first due time; what else is due follows from it.
 */
export function rate(text: string, anchor: number, bounds: Bounds = {}): Timing {
  const [, amount = "", unit = ""] =
    /^\s*(?:rate\(\s*)?(\d{1,7})\s+(minute|hour|day)s?\s*\)?\s*$/i.exec(text) ?? [];
  const count = Number(amount);
  const period = count * (units[unit.toLowerCase()] ?? 0);
  if (period < minuteMs || period > longestRateMs) {
    const message =
      "A rate is a whole number of minutes, hours or days, at most ten years: 5 minutes, 1 hour, 2 days.";
    throw new VisibleError("validation", "invalid_rate", message, { issues: [{ path: "every", message }] });
  }
  const at = (index: number) => anchor + Math.max(0, index) * period;
  return within(bounds, {
    expression: `rate(${count} ${unit.toLowerCase()}${count === 1 ? "" : "s"})`,
    zone: "UTC",
    next: (after) => at(Math.floor((after - anchor) / period) + 1),
    previous(before) {
      const index = Math.ceil((before - anchor) / period) - 1;
      return index < 0 ? undefined : at(index);
    },
  });
}

/** By the wall clock of a zone. @param text Five or six fields. */
export function cron(text: string, zone: string, bounds: Bounds = {}): Timing {
  const parsed = parseCron(toSchedulerDialect(text));
  return within(bounds, {
    expression: `cron(${parsed.text})`,
    zone,
    next: (after) => first(momentsFrom(parsed, zone, after), (moment) => moment > after),
    previous: (before) => first(momentsUntil(parsed, zone, before), (moment) => moment < before),
  });
}

/** The due times after a moment, at most `count`. */
export function following(timing: Timing, after: number, count: number): number[] {
  const times: number[] = [];
  for (let at = timing.next(after); at !== undefined && times.length < count; at = timing.next(at))
    times.push(at);
  return times;
}

function within({ start = -Infinity, end = Infinity }: Bounds, timing: Timing): Timing {
  const inside = (moment: number | undefined) =>
    moment !== undefined && moment >= start && moment < end ? moment : undefined;
  return {
    ...timing,
    next: (after) => inside(timing.next(Math.max(after, start - 1))),
    previous: (before) => inside(timing.previous(Math.min(before, end))),
  };
}

/** No zone puts its clocks back by more at once (Antarctica/Casey: three hours). */
const mostBack = 4 * 60 * minuteMs;

function first(moments: Iterable<number>, fits: (moment: number) => boolean): number | undefined {
  for (const moment of moments) if (fits(moment)) return moment;
  return undefined;
}

/** In order; begins a little before `after`. */
function* momentsFrom(parsed: Cron, zone: string, after: number): Generator<number> {
  const from = wallAt(zone, after) - mostBack;
  const start = new Date(from);
  const lastYear = Math.max(...parsed.years);
  for (let at = start.getUTCFullYear() * 12 + start.getUTCMonth(); at < (lastYear + 1) * 12; at++)
    for (const day of daysOf(parsed, at)) {
      if (day + dayMs <= from) continue;
      const toMoment = clockOf(zone, day);
      for (const time of parsed.times) {
        const wall = day + time * minuteMs;
        const moment = wall < from ? undefined : toMoment(wall);
        if (moment !== undefined) yield moment;
      }
    }
}

/** From the last to the first; begins a little after `before`. */
function* momentsUntil(parsed: Cron, zone: string, before: number): Generator<number> {
  const until = wallAt(zone, before) + mostBack;
  const start = new Date(until);
  const firstYear = Math.min(...parsed.years);
  for (let at = start.getUTCFullYear() * 12 + start.getUTCMonth(); at >= firstYear * 12; at--)
    for (const day of daysOf(parsed, at).reverse()) {
      if (day > until) continue;
      const toMoment = clockOf(zone, day);
      for (const time of parsed.times.toReversed()) {
        const wall = day + time * minuteMs;
        const moment = wall > until ? undefined : toMoment(wall);
        if (moment !== undefined) yield moment;
      }
    }
}

/** Midnights, as if they were UTC, of the days of a month on which it runs. @param at Months since the year 0. */
function daysOf(parsed: Cron, at: number): number[] {
  const year = Math.floor(at / 12);
  const month = (at % 12) + 1;
  if (!parsed.years.has(year) || !parsed.months.has(month)) return [];
  return parsed.days(year, month).map((day) => Date.UTC(year, month - 1, day));
}
