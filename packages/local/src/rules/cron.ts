/**
 * Cron expressions as EventBridge's rules and EventBridge Scheduler read them
 * (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html,
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based): six fields with a year,
 * `?` in exactly one of the two fields for days, days of the week from 1 (Sunday) to 7, and `L`, `W` and `#`. Cron
 * libraries for Unix count days of the week from 0, take both day fields together, and know neither `W` nor years,
 * so there is little of them to use.
 */
import { utc, type Zone } from "./zone.ts";

export interface Cron {
  /**
   * The first time after `after`; milliseconds since the epoch. Undefined: never again.
   *
   * In a zone with daylight saving, a time that clocks are put forward past is left out, and one that they show twice
   * is taken the first time only, as Scheduler documents.
   *
   * @param zone Whose clocks the fields mean; UTC unless given.
   */
  next(after: number, zone?: Zone): number | undefined;
}

interface Field {
  name: string;
  min: number;
  max: number;
  names?: string[];
}
const months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const weekdays = "SUN MON TUE WED THU FRI SAT".split(" ");
const fields = {
  minutes: { name: "minutes", min: 0, max: 59 },
  hours: { name: "hours", min: 0, max: 23 },
  daysOfMonth: { name: "day-of-month", min: 1, max: 31 },
  months: { name: "month", min: 1, max: 12, names: months },
  daysOfWeek: { name: "day-of-week", min: 1, max: 7, names: weekdays },
  years: { name: "year", min: 1970, max: 2199 },
} satisfies Record<string, Field>;

/** One month: how many days it has, and the weekday (1 to 7) of its first. */
interface Month {
  length: number;
  firstWeekday: number;
}
/** Days of a month that a part of a day field means. */
type Days = (month: Month) => number[];

/** @param expression The six fields. @throws Error naming the field that EventBridge would refuse. */
export function parseCron(expression: string): Cron {
  const parts = expression.trim().split(/\s+/);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year = ""] = parts;
  if (parts.length !== 6)
    throw new Error(
      `cron(${expression}) has ${parts.length} fields instead of six: minutes hours day-of-month month day-of-week year`,
    );
  if ((dayOfMonth === "?") === (dayOfWeek === "?"))
    throw new Error(`cron(${expression}): exactly one of day-of-month and day-of-week must be ?`);
  const minutes = values(minute, fields.minutes);
  const hours = values(hour, fields.hours);
  const wantedMonths = new Set(values(month, fields.months));
  const years = new Set(values(year, fields.years));
  const days = dayOfWeek === "?" ? parseDaysOfMonth(dayOfMonth) : parseDaysOfWeek(dayOfWeek);
  const lastYear = Math.max(...years);

  /** The first time on the clock after another. */
  function nextWall(after: number): number | undefined {
    // Whole minutes, later than `after`.
    const from = Math.floor(after / 60_000 + 1) * 60_000;
    const start = new Date(from);
    const first = start.getUTCFullYear() * 12 + start.getUTCMonth();
    for (let at = first; at < (lastYear + 1) * 12; at++) {
      const y = Math.floor(at / 12);
      const m = at % 12;
      if (!years.has(y) || !wantedMonths.has(m + 1)) continue;
      const length = new Date(Date.UTC(y, m + 1, 0)).getUTCDate();
      const firstWeekday = new Date(Date.UTC(y, m, 1)).getUTCDay() + 1;
      for (const day of days({ length, firstWeekday })) {
        if (Date.UTC(y, m, day + 1) <= from) continue;
        for (const h of hours)
          for (const min of minutes) {
            const time = Date.UTC(y, m, day, h, min);
            if (time >= from) return time;
          }
      }
    }
    return undefined;
  }

  return {
    next(after, zone = utc) {
      for (let wall = nextWall(zone.wallOf(after)); wall !== undefined; wall = nextWall(wall)) {
        const instant = zone.instantOf(wall);
        // In an hour that clocks show twice, what is found may have been due the first time.
        if (instant !== undefined && instant > after) return instant;
      }
      return undefined;
    },
  };
}

/** Numbers of a field without day-specific signs, sorted: `*`, `5`, `1-5`, `10/15`, `MON-FRI`, lists of them. */
function values(text: string, field: Field): number[] {
  const found = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", step, ...rest] = part.split("/");
    if (rest.length > 0) throw refused(text, field);
    const every = step === undefined ? 1 : Number(step);
    if (!/^\d+$/.test(step ?? "1") || every < 1) throw refused(text, field);
    const [first = "", second, ...more] = range.split("-");
    if (more.length > 0) throw refused(text, field);
    let low = field.min;
    let high = field.max;
    if (range !== "*") {
      low = value(first, field, text);
      // `5/15`: from five on.
      high = second !== undefined ? value(second, field, text) : step !== undefined ? field.max : low;
    }
    // FRI-MON goes over the end.
    const span = high >= low ? high - low : high - low + (field.max - field.min + 1);
    for (let offset = 0; offset <= span; offset += every) {
      const number = low + offset;
      found.add(number > field.max ? number - (field.max - field.min + 1) : number);
    }
  }
  return [...found].sort((a, b) => a - b);
}
function value(text: string, field: Field, whole: string): number {
  const named = field.names?.indexOf(text.toUpperCase()) ?? -1;
  if (named >= 0) return named + field.min;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < field.min || number > field.max) throw refused(whole, field);
  return number;
}
function refused(text: string, field: Field): Error {
  return new Error(`"${text}" is no ${field.name} of a cron expression (${field.min} to ${field.max})`);
}

function parseDaysOfMonth(text: string): Days {
  return union(
    text.split(",").map((part): Days => {
      if (part === "L") return ({ length }) => [length];
      if (part === "LW") return (month) => [nearestWeekday(month, month.length)];
      const nearest = /^(\d+)W$/.exec(part)?.[1];
      if (nearest) {
        const day = value(nearest, fields.daysOfMonth, text);
        return (month) => (day <= month.length ? [nearestWeekday(month, day)] : []);
      }
      const days = values(part, fields.daysOfMonth);
      return ({ length }) => days.filter((day) => day <= length);
    }),
  );
}

function parseDaysOfWeek(text: string): Days {
  return union(
    text.split(",").map((part): Days => {
      if (part.toUpperCase() === "L") return (month) => daysOn(month, 7);
      const last = /^(\w+?)L$/i.exec(part)?.[1];
      if (last) {
        const weekday = value(last, fields.daysOfWeek, text);
        return (month) => daysOn(month, weekday).slice(-1);
      }
      const [name = "", occurrence, ...rest] = part.split("#");
      if (occurrence !== undefined) {
        const weekday = value(name, fields.daysOfWeek, text);
        if (!/^[1-5]$/.test(occurrence) || rest.length > 0) throw refused(text, fields.daysOfWeek);
        const index = Number(occurrence) - 1;
        return (month) => daysOn(month, weekday).slice(index, index + 1);
      }
      const wanted = values(part, fields.daysOfWeek);
      return (month) => wanted.flatMap((weekday) => daysOn(month, weekday));
    }),
  );
}

function union(parts: Days[]): Days {
  return (month) => [...new Set(parts.flatMap((days) => days(month)))].sort((a, b) => a - b);
}

/** Days of the month that fall on a weekday. */
function daysOn({ length, firstWeekday }: Month, weekday: number): number[] {
  const days: number[] = [];
  for (let day = 1 + ((weekday - firstWeekday + 7) % 7); day <= length; day += 7) days.push(day);
  return days;
}

/** The working day nearest to a day, within the month. */
function nearestWeekday({ length, firstWeekday }: Month, day: number): number {
  const weekday = ((firstWeekday - 1 + day - 1) % 7) + 1;
  if (weekday === 7) return day > 1 ? day - 1 : day + 2;
  if (weekday === 1) return day < length ? day + 1 : day - 2;
  return day;
}
