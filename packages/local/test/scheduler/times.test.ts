import { expect, it } from "vitest";
import { findZone, utc } from "../../src/rules/zone.ts";
import { parseExpression } from "../../src/services/scheduler/expression.ts";

function times(expression: string, zone: string, after: string, count: number): string[] {
  const schedule = parseExpression(expression, findZone(zone) ?? utc);
  const found: string[] = [];
  let at: number | undefined = Date.parse(after);
  const anchor = at;
  for (let index = 0; index < count; index++) {
    at = schedule.next(at, anchor);
    if (at === undefined) break;
    found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
}

// Toronto: forward on 8 March 2026 at 02:00 (07:00 UTC), back on 1 November at 02:00 (06:00 UTC).
// Berlin: forward on 29 March 2026 at 02:00 (01:00 UTC), back on 25 October at 03:00 (01:00 UTC).
const cases: [what: string, expression: string, zone: string, after: string, times: string[]][] = [
  [
    "keeps its time on the clock in spring in Toronto",
    "cron(0 9 * * ? *)",
    "America/Toronto",
    "2026-03-07T00:00:00Z",
    ["2026-03-07T14:00", "2026-03-08T13:00", "2026-03-09T13:00"],
  ],
  [
    "keeps its time on the clock in autumn in Berlin",
    "cron(0 9 * * ? *)",
    "Europe/Berlin",
    "2026-10-24T00:00:00Z",
    ["2026-10-24T07:00", "2026-10-25T08:00", "2026-10-26T08:00"],
  ],
  [
    "leaves out the time that Toronto's clocks skip",
    "cron(30 2 * * ? *)",
    "America/Toronto",
    "2026-03-07T00:00:00Z",
    ["2026-03-07T07:30", "2026-03-09T06:30", "2026-03-10T06:30"],
  ],
  [
    "leaves out the time that Berlin's clocks skip",
    "cron(30 2 * * ? *)",
    "Europe/Berlin",
    "2026-03-28T00:00:00Z",
    ["2026-03-28T01:30", "2026-03-30T00:30", "2026-03-31T00:30"],
  ],
  [
    "runs once in the hour that Toronto's clocks show twice",
    "cron(30 1 * * ? *)",
    "America/Toronto",
    "2026-10-31T00:00:00Z",
    ["2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"],
  ],
  [
    "runs once in the hour that Berlin's clocks show twice",
    "cron(30 2 * * ? *)",
    "Europe/Berlin",
    "2026-10-24T00:00:00Z",
    ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"],
  ],
  [
    "of every half hour leaves the second of the two hours out",
    "cron(0/30 * * * ? *)",
    "America/Toronto",
    "2026-11-01T04:45:00Z",
    ["2026-11-01T05:00", "2026-11-01T05:30", "2026-11-01T07:00", "2026-11-01T07:30"],
  ],
  [
    "of every half hour goes on after the hour that is skipped",
    "cron(0/30 * * * ? *)",
    "Europe/Berlin",
    "2026-03-29T00:15:00Z",
    ["2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30"],
  ],
  [
    "knows zones that change by half an hour",
    "cron(45 1 * * ? *)",
    "Australia/Lord_Howe",
    "2026-04-03T12:00:00Z",
    ["2026-04-03T14:45", "2026-04-04T14:45", "2026-04-05T15:15"],
  ],
];
it.each(cases)("a cron schedule %s", (_what, expression, zone, after, expected) => {
  expect(times(expression, zone, after, expected.length)).toEqual(expected);
});

it("a rate's day has 24 hours, whatever clocks do", () => {
  const found = times("rate(1 day)", "America/Toronto", "2026-03-07T14:00:00Z", 2);
  expect(found).toEqual(["2026-03-08T14:00", "2026-03-09T14:00"]);
  expect(times("rate(2 minute)", "UTC", "2026-03-07T14:00:00Z", 2)).toEqual([
    "2026-03-07T14:02",
    "2026-03-07T14:04",
  ]);
});

it("one time is meant on the clock of its zone", () => {
  const once = (time: string, zone: string) => times(`at(${time})`, zone, "2020-01-01T00:00:00Z", 2);
  expect(once("2026-07-01T09:00:00", "America/Toronto")).toEqual(["2026-07-01T13:00"]);
  expect(once("2026-01-01T09:00:00", "Europe/Berlin")).toEqual(["2026-01-01T08:00"]);
  // Shown twice: the first time. Never shown: as long after the change as it would have been.
  expect(once("2026-11-01T01:30:00", "America/Toronto")).toEqual(["2026-11-01T05:30"]);
  expect(once("2026-03-29T02:30:00", "Europe/Berlin")).toEqual(["2026-03-29T01:30"]);
});
