import { describe, expect, it } from "vitest";
import { parseSchedule } from "../../src/rules/schedule.ts";

/** The next times after 2024-01-31T10:30:30Z, a Wednesday. */
function times(expression: string, count = 3, after = "2024-01-31T10:30:30Z"): string[] {
  const schedule = parseSchedule(expression, Date.parse(after));
  const found: string[] = [];
  let at: number | undefined = Date.parse(after);
  for (let index = 0; index < count; index++) {
    at = schedule.next(at);
    if (at === undefined) break;
    found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
}

describe("a cron schedule", () => {
  // Those with a comment are examples of EventBridge's own documentation.
  const cases: [expression: string, times: string[]][] = [
    ["cron(0 10 * * ? *)", ["2024-02-01T10:00", "2024-02-02T10:00", "2024-02-03T10:00"]], // every day at ten
    ["cron(15 12 * * ? *)", ["2024-01-31T12:15", "2024-02-01T12:15", "2024-02-02T12:15"]],
    ["cron(0 18 ? * MON-FRI *)", ["2024-01-31T18:00", "2024-02-01T18:00", "2024-02-02T18:00"]],
    ["cron(0 8 1 * ? *)", ["2024-02-01T08:00", "2024-03-01T08:00", "2024-04-01T08:00"]],
    ["cron(0/15 * * * ? *)", ["2024-01-31T10:45", "2024-01-31T11:00", "2024-01-31T11:15"]],
    ["cron(0/5 8-17 ? * MON-FRI *)", ["2024-01-31T10:35", "2024-01-31T10:40", "2024-01-31T10:45"]],
    ["cron(0/30 20-2 ? * MON-FRI *)", ["2024-01-31T20:00", "2024-01-31T20:30", "2024-01-31T21:00"]],
    ["cron(31 10 ? * 4 *)", ["2024-01-31T10:31", "2024-02-07T10:31", "2024-02-14T10:31"]], // 4 is Wednesday
    ["cron(0 9 ? * 2#1 *)", ["2024-02-05T09:00", "2024-03-04T09:00", "2024-04-01T09:00"]],
    ["cron(0 9 ? * MON#5 *)", ["2024-04-29T09:00", "2024-07-29T09:00", "2024-09-30T09:00"]],
    ["cron(15 10 ? * 6L 2024)", ["2024-02-23T10:15", "2024-03-29T10:15", "2024-04-26T10:15"]],
    ["cron(0 0 L * ? *)", ["2024-02-29T00:00", "2024-03-31T00:00", "2024-04-30T00:00"]],
    ["cron(0 0 LW * ? *)", ["2024-02-29T00:00", "2024-03-29T00:00", "2024-04-30T00:00"]],
    ["cron(0 0 3W * ? *)", ["2024-02-02T00:00", "2024-03-04T00:00", "2024-04-03T00:00"]],
    ["cron(0 0 1W * ? *)", ["2024-02-01T00:00", "2024-03-01T00:00", "2024-04-01T00:00"]],
    ["cron(0 0 31 * ? *)", ["2024-03-31T00:00", "2024-05-31T00:00", "2024-07-31T00:00"]],
    ["cron(0 12 ? * SAT,SUN *)", ["2024-02-03T12:00", "2024-02-04T12:00", "2024-02-10T12:00"]],
    ["cron(0 12 ? * FRI-MON *)", ["2024-02-02T12:00", "2024-02-03T12:00", "2024-02-04T12:00"]],
    ["cron(0 12 29 FEB ? *)", ["2024-02-29T12:00", "2028-02-29T12:00", "2032-02-29T12:00"]],
    ["cron(0 0 1 JAN/6 ? 2024-2025)", ["2024-07-01T00:00", "2025-01-01T00:00", "2025-07-01T00:00"]],
    ["cron(59 23 31 12 ? *)", ["2024-12-31T23:59", "2025-12-31T23:59", "2026-12-31T23:59"]],
  ];
  it.each(cases)("%s is due at the times that EventBridge means", (expression, expected) => {
    expect(times(expression)).toEqual(expected);
  });

  it("is due at the minute itself, never at the one that has been taken", () => {
    expect(times("cron(30 10 * * ? *)", 1, "2024-01-31T10:29:59.999Z")).toEqual(["2024-01-31T10:30"]);
    expect(times("cron(30 10 * * ? *)", 1, "2024-01-31T10:30:00Z")).toEqual(["2024-02-01T10:30"]);
  });

  it("that never comes again is never due", () => {
    expect(times("cron(0 0 1 1 ? 2020)")).toEqual([]);
    expect(times("cron(0 0 30 2 ? *)")).toEqual([]);
  });

  it.each([
    ["cron(0 10 * * *)", "5 fields instead of six"],
    ["cron(0 10 * * * *)", "exactly one of day-of-month and day-of-week must be ?"],
    ["cron(0 10 ? * ? *)", "exactly one of day-of-month and day-of-week must be ?"],
    ["cron(60 10 * * ? *)", '"60" is no minutes'],
    ["cron(0 24 * * ? *)", '"24" is no hours'],
    ["cron(0 10 ? * 0 *)", '"0" is no day-of-week'],
    ["cron(0 10 ? * MON#6 *)", '"MON#6" is no day-of-week'],
    ["cron(0 10 32W * ? *)", '"32W" is no day-of-month'],
    ["cron(0 10 * FOO ? *)", '"FOO" is no month'],
    ["cron(*/0 * * * ? *)", '"*/0" is no minutes'],
    ["cron(1-2-3 * * * ? *)", '"1-2-3" is no minutes'],
    ["every minute", "is no schedule"],
    ["rate(0 minutes)", "is no rate"],
    ["rate(1 minutes)", "is no rate"],
    ["rate(5 minute)", "is no rate"],
    ["rate(1.5 hours)", "is no rate"],
    ["rate(30 seconds)", "is no rate"],
  ])("%s is refused with what is wrong", (expression, message) => {
    expect(() => times(expression)).toThrow(message);
  });
});

describe("a rate", () => {
  it("counts from when the rule was made", () => {
    expect(times("rate(1 minute)", 2)).toEqual(["2024-01-31T10:31", "2024-01-31T10:32"]);
    expect(times("rate(12 hours)", 2)).toEqual(["2024-01-31T22:30", "2024-02-01T10:30"]);
    expect(times("rate(7 days)", 1)).toEqual(["2024-02-07T10:30"]);
  });
});
