/** Schedule expressions of EventBridge Scheduler (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html). */
import { parseCron } from "../../rules/cron.ts";
import type { Zone } from "../../rules/zone.ts";

export interface Expression {
  once: boolean;
  /**
   * The first time after `after`; milliseconds since the epoch. Undefined: never again.
   * @param anchor Where rates count from: the first time is the anchor itself.
   */
  next(after: number, anchor: number): number | undefined;
}

const units: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * `at(2026-11-01T01:30:00)`, `rate(5 minutes)` or `cron(0 9 ? * MON-FRI *)`. A day of a rate has 24 hours whatever
 * clocks do.
 *
 * @throws Error that says what is wrong.
 */
export function parseExpression(expression: string, zone: Zone): Expression {
  const [, kind, argument = ""] = /^(at|rate|cron)\((.*)\)$/s.exec(expression) ?? [];
  if (kind === "cron") {
    const cron = parseCron(argument);
    return { once: false, next: (after) => cron.next(after, zone) };
  }
  if (kind === "rate") {
    const [, amount = "", unit = ""] = /^\s*(\d+)\s+(minute|hour|day)s?\s*$/.exec(argument) ?? [];
    const period = Number(amount) * (units[unit] ?? 0);
    if (!(period > 0) || !Number.isSafeInteger(period))
      throw new Error("a positive whole number and minutes, hours or days");
    return {
      once: false,
      next: (after, anchor) =>
        after < anchor ? anchor : anchor + (Math.floor((after - anchor) / period) + 1) * period,
    };
  }
  const wall = kind === "at" ? parseWall(argument) : undefined;
  if (wall === undefined) throw new Error("neither at(yyyy-mm-ddThh:mm:ss) nor rate(…) nor cron(…)");
  // AWS does not say what becomes of a time that clocks skip: it comes after the change, and is not lost.
  const instant = zone.nearestInstant(wall);
  return { once: true, next: (after) => (after < instant ? instant : undefined) };
}

/** `2026-11-01T01:30:00`, without fractions and zone: Scheduler refuses both. */
function parseWall(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return undefined;
  const wall = Date.parse(`${text}Z`);
  // 31 April is none.
  return Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(text) ? undefined : wall;
}
