/** Schedule expressions of EventBridge rules (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html). */
import { parseCron } from "./cron.ts";

export interface Schedule {
  /** The first time after `after`; milliseconds since the epoch. Undefined: never again. */
  next(after: number): number | undefined;
}

const units: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * @param expression `rate(5 minutes)` or `cron(0 9 ? * MON-FRI *)`, in UTC.
 * @param anchor When the rule was made: rates count from there.
 * @throws Error that says what EventBridge would refuse.
 */
export function parseSchedule(expression: string, anchor: number): Schedule {
  const [, kind, argument = ""] = /^(rate|cron)\((.*)\)$/s.exec(expression.trim()) ?? [];
  if (kind === "cron") return parseCron(argument);
  if (kind !== "rate")
    throw new Error(`"${expression}" is no schedule: rate(5 minutes) or cron(0 9 ? * MON-FRI *) are`);
  const [, amount = "", unit = "", plural] = /^\s*(\d+)\s+(minute|hour|day)(s?)\s*$/.exec(argument) ?? [];
  const count = Number(amount);
  if (!(count >= 1) || (count === 1) !== (plural === ""))
    throw new Error(
      `rate(${argument}) is no rate: a positive whole number and minutes, hours or days; minute, hour or day with 1`,
    );
  const period = count * (units[unit] ?? 0);
  return { next: (after) => anchor + (Math.floor((after - anchor) / period) + 1) * period };
}
