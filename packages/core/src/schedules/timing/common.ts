/**
 * The common five fields of cron (https://man7.org/linux/man-pages/man5/crontab.5.html) in Scheduler's dialect: days of
 * the week count from 0 (Sunday, which is also 7) there and from 1 here, and there are no years.
 */
import { commonWeekday, fields, list, refuse, values } from "./fields.ts";

/**
 * @param text Five or six fields, with or without `cron()`.
 * @returns Six fields; what has six is returned as it is.
 * @throws VisibleError `validation` for what the other dialect cannot say.
 */
export function toSchedulerDialect(text: string): string {
  const bare = /^\s*cron\((.*)\)\s*$/is.exec(text)?.[1] ?? text;
  const parts = bare.trim().toUpperCase().split(/\s+/);
  if (parts.length !== 5) return parts.join(" ");
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = parts;
  if (/[LW#]/.test(day) || /#|L$|L,/.test(weekday))
    throw refuse(
      "has five fields with L, W or #, which only six fields know: write ? for one of the days, and a year",
    );
  const anyDay = day === "*" || day === "?";
  const anyWeekday = weekday === "*" || weekday === "?";
  if (anyWeekday) return [minute, hour, anyDay ? "*" : day, month, "?", "*"].join(" ");
  if (!anyDay)
    throw refuse(
      "runs on days of the month and on days of the week, either of them, which one schedule cannot say: make two",
    );
  // Sunday is 0, 7 and SUN; a range such as 5-7 ends with it.
  const days = new Set(values(weekday, commonWeekday).map((number) => (number % 7) + 1));
  const all = days.size === fields.weekday.max;
  return all
    ? [minute, hour, "*", month, "?", "*"].join(" ")
    : [minute, hour, "?", month, list([...days].sort((a, b) => a - b)), "*"].join(" ");
}
