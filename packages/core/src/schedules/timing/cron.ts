/**
 * Cron expressions as EventBridge Scheduler reads them
 * (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based): six fields with a year, `?` in
 * one of the two fields for days, days of the week from 1 (Sunday) to 7, and `L`, `W` and `#`.
 */
import { type Field, fields, list, refuse, values } from "./fields.ts";

/** An expression by its local days and times of day. */
export interface Cron {
  /** In the form that Scheduler is given, without `cron()`. */
  text: string;
  years: ReadonlySet<number>;
  /** 1 to 12. */
  months: ReadonlySet<number>;
  /** Days of a month on which it runs, in order. */
  days(year: number, month: number): number[];
  /** Times of day in minutes, in order. */
  times: readonly number[];
}

/** One month: how many days it has, and the weekday (1 to 7) of its first. */
interface Month {
  length: number;
  firstWeekday: number;
}
type Days = (month: Month) => number[];

/**
 * @param text Six fields of Scheduler's dialect.
 * @throws VisibleError `validation` that names the field and says how to mend it.
 */
export function parseCron(text: string): Cron {
  const parts = text.trim().toUpperCase().split(/\s+/);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year = ""] = parts;
  if (parts.length !== 6)
    throw refuse(
      `has ${parts.length} fields: write five (minute hour day month weekday) or six (minute hour day month weekday year)`,
    );
  if ((dayOfMonth === "?") === (dayOfWeek === "?"))
    throw refuse(
      dayOfMonth === "?"
        ? "has ? for both the day of the month and the day of the week: one of them says when it runs"
        : "names both the day of the month and the day of the week: write ? for the one that does not matter",
    );
  const weekly = dayOfWeek === "?" ? undefined : parseDaysOfWeek(dayOfWeek);
  const days = weekly?.days ?? parseDaysOfMonth(dayOfMonth);
  const hours = values(hour, fields.hour);
  const minutes = values(minute, fields.minute);
  return {
    text: [minute, hour, dayOfMonth, spelledOut(month, fields.month), weekly?.text ?? "?", year].join(" "),
    years: new Set(values(year, fields.year)),
    months: new Set(values(month, fields.month)),
    days(y, m) {
      const length = new Date(Date.UTC(y, m, 0)).getUTCDate();
      const firstWeekday = new Date(Date.UTC(y, m - 1, 1)).getUTCDay() + 1;
      return days({ length, firstWeekday });
    },
    times: hours.flatMap((h) => minutes.map((min) => h * 60 + min)),
  };
}

function parseDaysOfMonth(text: string): Days {
  if (text === "L") return ({ length }) => [length];
  if (text === "LW") return (month) => [nearestWeekday(month, month.length)];
  const nearest = /^(\d+)W$/.exec(text)?.[1];
  if (nearest !== undefined) {
    const [day = 0] = values(nearest, fields.day);
    return (month) => (day <= month.length ? [nearestWeekday(month, day)] : []);
  }
  refuseSpecial(text, fields.day, /[LW]/, "L, LW or 15W");
  const days = values(text, fields.day);
  return ({ length }) => days.filter((day) => day <= length);
}

/** With the text that Scheduler gets. */
function parseDaysOfWeek(text: string): { text: string; days: Days } {
  if (text === "L") return { text, days: (month) => daysOn(month, 7) };
  const last = /^(\w+?)L$/.exec(text)?.[1];
  if (last !== undefined && !/L$/.test(last)) {
    const [weekday = 0] = single(last);
    return { text, days: (month) => daysOn(month, weekday).slice(-1) };
  }
  const [, name, place] = /^(\w+)#(\w+)$/.exec(text) ?? [];
  if (name !== undefined && place !== undefined) {
    const [weekday = 0] = single(name);
    if (!/^[1-5]$/.test(place))
      throw refuse(`has ${text} for the day of the week: after # stands which one of the month, 1 to 5`);
    return { text, days: (month) => daysOn(month, weekday).slice(Number(place) - 1, Number(place)) };
  }
  refuseSpecial(text, fields.weekday, /#|\dL|L,|,L/, "FRIL or FRI#2");
  const wanted = values(text, fields.weekday);
  const days: Days = (month) => wanted.flatMap((weekday) => daysOn(month, weekday)).sort((a, b) => a - b);
  return { text: spelledOut(text, fields.weekday), days };
}

function single(text: string): number[] {
  if (!/^\w+$/.test(text)) throw refuse(`has ${text} for the day of the week, which is none`);
  return values(text, fields.weekday);
}

/** Scheduler documents no ranges over the end of the year or week, and no steps of weekdays: it gets their numbers. */
function spelledOut(text: string, field: Field): string {
  const documented = text.split(",").every((part) => {
    const [range = "", step] = part.split("/");
    if (step !== undefined && field === fields.weekday) return false;
    const [from = "", to] = range.split("-");
    return to === undefined || (values(from, field)[0] ?? 0) <= (values(to, field)[0] ?? 0);
  });
  return documented ? text : list(values(text, field));
}

function refuseSpecial(text: string, field: Field, special: RegExp, example: string): void {
  if (special.test(text))
    throw refuse(
      `has ${text} for the ${field.name}: ${example} stands alone there; make a schedule for each of the others`,
    );
}

/** Days of the month that fall on a weekday. */
function daysOn({ length, firstWeekday }: Month, weekday: number): number[] {
  const days: number[] = [];
  for (let day = 1 + ((weekday - firstWeekday + 7) % 7); day <= length; day += 7) days.push(day);
  return days;
}

/** The working day nearest to a day, within the month. */
function nearestWeekday({ length, firstWeekday }: Month, day: number): number {
  const weekday = ((firstWeekday + day - 2) % 7) + 1;
  if (weekday === 7) return day > 1 ? day - 1 : day + 2;
  if (weekday === 1) return day < length ? day + 1 : day - 2;
  return day;
}
