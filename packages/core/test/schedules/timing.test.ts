/** When schedules are due: what Scheduler documents, against calendars looked up by hand and an oracle that counts minutes. */
import { describe, expect, test } from "vitest";
import { cron, following, once, rate } from "../../src/schedules/timing/index.ts";
import { localMoment } from "../../src/schedules/timing/local.ts";
import { isZone } from "../../src/schedules/timing/zone.ts";

const at = (text: string) => Date.parse(text);
const iso = (moments: readonly number[]) =>
  moments.map((moment) => new Date(moment).toISOString().replace(":00.000Z", "Z"));
const nextOf = (text: string, zone: string, after: string, count: number) =>
  iso(following(cron(text, zone), at(after), count));

describe("cron in a zone", () => {
  test.each([
    [
      "America/Toronto, forward: 02:30 of 8 March does not exist",
      "30 2 * * ? *",
      "America/Toronto",
      "2026-03-07T00:00Z",
      ["2026-03-07T07:30Z", "2026-03-09T06:30Z", "2026-03-10T06:30Z"],
    ],
    [
      "America/Toronto, back: 01:30 of 1 November comes once, the first time",
      "30 1 * * ? *",
      "America/Toronto",
      "2026-10-31T00:00Z",
      ["2026-10-31T05:30Z", "2026-11-01T05:30Z", "2026-11-02T06:30Z"],
    ],
    [
      "America/Toronto: nine o'clock stays nine o'clock",
      "0 9 * * ? *",
      "America/Toronto",
      "2026-03-07T00:00Z",
      ["2026-03-07T14:00Z", "2026-03-08T13:00Z"],
    ],
    [
      "Europe/Berlin, forward",
      "15 2 * * ? *",
      "Europe/Berlin",
      "2026-03-28T00:00Z",
      ["2026-03-28T01:15Z", "2026-03-30T00:15Z"],
    ],
    [
      "Europe/Berlin, back",
      "15 2 * * ? *",
      "Europe/Berlin",
      "2026-10-24T01:00Z",
      ["2026-10-25T00:15Z", "2026-10-26T01:15Z"],
    ],
    [
      "Australia/Lord_Howe, forward by half an hour: 02:15 of 4 October does not exist",
      "15 2 * * ? *",
      "Australia/Lord_Howe",
      "2026-10-02T00:00Z",
      ["2026-10-02T15:45Z", "2026-10-04T15:15Z"],
    ],
    [
      "Australia/Lord_Howe, forward: 02:30 does",
      "30 2 * * ? *",
      "Australia/Lord_Howe",
      "2026-10-03T00:00Z",
      ["2026-10-03T15:30Z", "2026-10-04T15:30Z"],
    ],
    [
      "Australia/Lord_Howe, back: 01:45 of 5 April comes once",
      "45 1 * * ? *",
      "Australia/Lord_Howe",
      "2026-04-03T20:00Z",
      ["2026-04-04T14:45Z", "2026-04-05T15:15Z"],
    ],
    [
      "Africa/Cairo, where midnight of 24 April does not exist",
      "0 0 * * ? *",
      "Africa/Cairo",
      "2026-04-22T00:00Z",
      ["2026-04-22T22:00Z", "2026-04-24T21:00Z"],
    ],
    [
      "America/Havana, where midnight of 8 March does not exist",
      "0 0 * * ? *",
      "America/Havana",
      "2026-03-06T12:00Z",
      ["2026-03-07T05:00Z", "2026-03-09T04:00Z"],
    ],
    [
      "Pacific/Apia, which left out 30 December 2011",
      "0 12 * * ? *",
      "Pacific/Apia",
      "2011-12-28T12:00Z",
      ["2011-12-28T22:00Z", "2011-12-29T22:00Z", "2011-12-30T22:00Z"],
    ],
    [
      "Asia/Kathmandu, which has no changes and three quarters",
      "0 6 * * ? *",
      "Asia/Kathmandu",
      "2026-06-01T00:00Z",
      ["2026-06-01T00:15Z", "2026-06-02T00:15Z"],
    ],
  ] as const)("%s", (_, text, zone, after, expected) => {
    expect(nextOf(text, zone, after, expected.length)).toEqual(expected);
  });

  test("each quarter hour goes over a change once: what clocks show twice is due the first time alone", () => {
    expect(nextOf("0/15 * * * ? *", "Europe/Berlin", "2026-10-25T00:20Z", 4)).toEqual([
      "2026-10-25T00:30Z",
      "2026-10-25T00:45Z",
      "2026-10-25T02:00Z",
      "2026-10-25T02:15Z",
    ]);
  });
});

describe("days", () => {
  test.each([
    [
      "29 February, in leap years",
      "0 0 29 2 ? *",
      "2026-01-01T00:00Z",
      ["2028-02-29T00:00Z", "2032-02-29T00:00Z"],
    ],
    ["2100 is none", "0 0 29 2 ? 2096-2104", "2090-01-01T00:00Z", ["2096-02-29T00:00Z", "2104-02-29T00:00Z"]],
    [
      "the 31st, where there is one",
      "0 0 31 * ? *",
      "2026-01-31T00:00Z",
      ["2026-03-31T00:00Z", "2026-05-31T00:00Z", "2026-07-31T00:00Z"],
    ],
    [
      "L: the last of the month",
      "0 0 L * ? *",
      "2028-01-31T00:00Z",
      ["2028-02-29T00:00Z", "2028-03-31T00:00Z"],
    ],
    [
      "LW: its last working day",
      "0 0 LW * ? *",
      "2026-01-01T00:00Z",
      ["2026-01-30T00:00Z", "2026-02-27T00:00Z", "2026-03-31T00:00Z"],
    ],
    [
      "1W: never in the month before",
      "0 0 1W * ? *",
      "2026-01-02T00:00Z",
      ["2026-02-02T00:00Z", "2026-03-02T00:00Z", "2026-04-01T00:00Z"],
    ],
    [
      "15W: the nearest working day",
      "0 0 15W * ? *",
      "2026-02-01T00:00Z",
      [
        "2026-02-16T00:00Z",
        "2026-03-16T00:00Z",
        "2026-04-15T00:00Z",
        "2026-05-15T00:00Z",
        "2026-06-15T00:00Z",
      ],
    ],
    [
      "FRIL: the last Friday",
      "0 0 ? * FRIL *",
      "2026-01-01T00:00Z",
      ["2026-01-30T00:00Z", "2026-02-27T00:00Z"],
    ],
    ["6L is Friday too", "0 0 ? * 6L *", "2026-01-01T00:00Z", ["2026-01-30T00:00Z"]],
    ["L: Saturdays", "0 0 ? * L *", "2026-01-01T00:00Z", ["2026-01-03T00:00Z", "2026-01-10T00:00Z"]],
    [
      "3#2: the second Tuesday",
      "0 0 ? * 3#2 *",
      "2026-01-01T00:00Z",
      ["2026-01-13T00:00Z", "2026-02-10T00:00Z"],
    ],
    [
      "SUN#5, in months that have one",
      "0 0 ? * SUN#5 *",
      "2026-01-01T00:00Z",
      ["2026-03-29T00:00Z", "2026-05-31T00:00Z"],
    ],
    ["1 is Sunday", "0 0 ? * 1 *", "2026-01-01T00:00Z", ["2026-01-04T00:00Z"]],
    ["MON-FRI", "30 8 ? * MON-FRI *", "2026-01-02T09:00Z", ["2026-01-05T08:30Z", "2026-01-06T08:30Z"]],
    [
      "a list of months and years",
      "0 0 1 JAN,jul ? 2027/2",
      "2026-01-01T00:00Z",
      ["2027-01-01T00:00Z", "2027-07-01T00:00Z", "2029-01-01T00:00Z"],
    ],
  ] as const)("%s", (_, text, after, expected) => {
    expect(nextOf(text, "UTC", after, expected.length)).toEqual(expected);
  });

  test("an expression whose days are over is never due again", () => {
    expect(cron("0 0 1 1 ? 2020", "UTC").next(at("2026-01-01T00:00Z"))).toBeUndefined();
    expect(cron("0 0 31 2 ? *", "UTC").next(at("2026-01-01T00:00Z"))).toBeUndefined();
  });
});

/** The same by brute force: each minute is asked what clocks show, and what they showed before does not count again. */
function countMinutes(text: string, zone: string, from: number, to: number): number[] {
  const fields = text.split(" ");
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
  });
  const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const fits = (field: string, value: number) =>
    field === "*" ||
    field === "?" ||
    field.split(",").some((part) => {
      const [range = "", step = "1"] = part.split("/");
      const [low, high = part.includes("/") ? 9999 : low] =
        range === "*" ? [0, 9999] : range.split("-").map(Number);
      return low !== undefined && value >= low && value <= Number(high) && (value - low) % Number(step) === 0;
    });
  const shown = new Set<string>();
  const due: number[] = [];
  for (let minute = from - 4 * 3_600_000; minute < to; minute += 60_000) {
    const parts = Object.fromEntries(format.formatToParts(minute).map(({ type, value }) => [type, value]));
    const clock = `${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute}`;
    const isNew = !shown.has(clock);
    shown.add(clock);
    if (
      isNew &&
      minute >= from &&
      fits(fields[0] ?? "", Number(parts.minute)) &&
      fits(fields[1] ?? "", Number(parts.hour)) &&
      fits(fields[2] ?? "", Number(parts.day)) &&
      fits(fields[3] ?? "", Number(parts.month)) &&
      fits(fields[4] ?? "", weekdays.indexOf(parts.weekday ?? "") + 1) &&
      fits(fields[5] ?? "", Number(parts.year))
    )
      due.push(minute);
  }
  return due;
}

describe("against counting minutes", () => {
  const changes = {
    "America/Toronto": ["2026-03-08T07:00Z", "2026-11-01T06:00Z"],
    "Europe/Berlin": ["2026-03-29T01:00Z", "2026-10-25T01:00Z"],
    "Australia/Lord_Howe": ["2026-04-04T15:00Z", "2026-10-03T15:30Z"],
    "Africa/Cairo": ["2026-04-23T22:00Z", "2026-10-29T21:00Z"],
    "America/Havana": ["2026-03-08T05:00Z", "2026-11-01T05:00Z"],
    "Antarctica/Casey": ["2010-03-04T15:00Z", "2011-10-27T18:00Z"],
    "Asia/Tehran": ["2022-03-21T20:30Z", "2022-09-21T19:30Z"],
    UTC: ["2026-02-28T23:00Z"],
  };
  const texts = [
    "0/20 * * * ? *",
    "30 1-3 * * ? *",
    "7/13 0-4,22,23 * * ? *",
    "0 0 ? * 1,7 *",
    "45 23 1-31/2 3,4,10,11 ? *",
  ];
  const cases = Object.entries(changes).flatMap(([zone, moments]) =>
    moments.map((moment) => [zone, moment] as const),
  );

  test.each(cases)("%s around %s, forwards and backwards", (zone, moment) => {
    const from = at(moment) - 30 * 3_600_000;
    const to = at(moment) + 30 * 3_600_000;
    for (const text of texts) {
      const expected = countMinutes(text, zone, from, to);
      const timing = cron(text, zone);
      const forwards: number[] = [];
      for (let due = timing.next(from - 1); due !== undefined && due < to; due = timing.next(due))
        forwards.push(due);
      expect(iso(forwards), text).toEqual(iso(expected));
      const backwards: number[] = [];
      for (let due = timing.previous(to); due !== undefined && due >= from; due = timing.previous(due))
        backwards.push(due);
      expect(iso(backwards.reverse()), text).toEqual(iso(expected));
    }
  });
});

describe("the common five fields", () => {
  test.each([
    ["0 9 * * 1-5", "cron(0 9 ? * 2,3,4,5,6 *)"],
    ["0 9 * * 0", "cron(0 9 ? * 1 *)"],
    ["0 9 * * 7", "cron(0 9 ? * 1 *)"],
    ["0 9 * * 5-7", "cron(0 9 ? * 1,6,7 *)"],
    ["0 9 * * FRI-SUN", "cron(0 9 ? * 1,6,7 *)"],
    ["0 9 * * sun,wed", "cron(0 9 ? * 1,4 *)"],
    ["*/5 * * * *", "cron(*/5 * * * ? *)"],
    ["0 0 1,15 * *", "cron(0 0 1,15 * ? *)"],
    ["0 0 * * */2", "cron(0 0 ? * 1,3,5,7 *)"],
    ["0 0 * * 0-6", "cron(0 0 * * ? *)"],
    ["0 0 ? * 1", "cron(0 0 ? * 2 *)"],
    ["cron(0 9 ? * MON-FRI *)", "cron(0 9 ? * MON-FRI *)"],
    ["0 9 ? * SAT-MON *", "cron(0 9 ? * 1,2,7 *)"],
    ["0 9 ? * MON/2 *", "cron(0 9 ? * 2,4,6 *)"],
    ["0 9 1 NOV-FEB ? *", "cron(0 9 1 1,2,11,12 ? *)"],
    ["0  9   1 * ? 2030", "cron(0 9 1 * ? 2030)"],
  ])("%s is %s", (text, expected) => {
    expect(cron(text, "UTC").expression).toBe(expected);
  });
});

describe("what Scheduler would refuse is refused, with how to mend it", () => {
  test.each([
    ["", /write five .* or six/],
    ["* * *", /has 3 fields: write five/],
    ["0 0 * * * * *", /has 7 fields/],
    ["0 9 * * * *", /write \? for the one that does not matter/],
    ["0 9 1 * MON *", /write \? for the one that does not matter/],
    ["0 9 ? * ? *", /one of them says when it runs/],
    ["0 9 1 * 1", /either of them, which one schedule cannot say: make two/],
    ["60 9 * * ? *", /"60" for the minute: it takes 0 to 59/],
    ["0 24 * * ? *", /for the hour: it takes 0 to 23/],
    ["0 0 0 * ? *", /for the day of the month: it takes 1 to 31/],
    ["0 0 ? * 0 *", /for the day of the week: it takes 1 to 7 or SUN to SAT/],
    ["0 0 ? * 8 *", /day of the week/],
    ["0 0 1 13 ? *", /month: it takes 1 to 12 or JAN to DEC/],
    ["0 0 1 1 ? 1969", /year: it takes 1970 to 2199/],
    ["0/0 * * * ? *", /after \/ stands a step/],
    ["/5 * * * ? *", /write 0\/5 or \*\/5/],
    ["0 22-2 * * ? *", /from the smaller to the larger/],
    ["0 0 ? * 2#1,6#3 *", /stands alone there/],
    ["0 0 ? * 2#6 *", /which one of the month, 1 to 5/],
    ["0 0 L,15 * ? *", /stands alone there/],
    ["0 0 L-3 * ? *", /stands alone there/],
    ["0 0 32W * ? *", /day of the month/],
    ["0 0 L * *", /only six fields know/],
    ["0 0 * * 5#2", /only six fields know/],
    ["a 0 * * *", /"A" for the minute/],
    ["-1 * * * ? *", /for the minute/],
    ["1.5 * * * ? *", /for the minute/],
    ["1,,2 * * * ? *", /for the minute/],
  ])("%s", (text, message) => {
    expect(() => cron(text, "UTC")).toThrow(message);
  });
});

describe("rates and moments", () => {
  test("a day is 24 hours, whatever clocks do", () => {
    const anchor = at("2026-03-07T14:00Z");
    expect(iso(following(rate("1 day", anchor), anchor - 1, 3))).toEqual([
      "2026-03-07T14:00Z",
      "2026-03-08T14:00Z",
      "2026-03-09T14:00Z",
    ]);
  });

  test("the first time is the anchor, and there is none before", () => {
    const anchor = at("2026-01-01T00:00Z");
    const timing = rate("rate(90 minutes)", anchor);
    expect(timing.expression).toBe("rate(90 minutes)");
    expect(timing.previous(anchor)).toBeUndefined();
    expect(timing.previous(anchor + 1)).toBe(anchor);
    expect(timing.next(at("2020-01-01T00:00Z"))).toBe(anchor);
    expect(timing.next(anchor)).toBe(anchor + 90 * 60_000);
    expect(timing.previous(anchor + 90 * 60_000)).toBe(anchor);
  });

  test.each([
    "0 minutes",
    "1.5 hours",
    "5 seconds",
    "-1 days",
    "minutes",
    "5",
    "99999999 days",
    "4000 days",
  ])("%s is no rate", (text) => {
    expect(() => rate(text, 0)).toThrow(/whole number of minutes, hours or days/);
  });

  test("one of a unit is in the singular for Scheduler", () => {
    expect(["1 minutes", "1 hour", "2 Days"].map((text) => rate(text, 0).expression)).toEqual([
      "rate(1 minute)",
      "rate(1 hour)",
      "rate(2 days)",
    ]);
  });

  test("the start belongs to it, the end does not", () => {
    const bounds = { start: at("2026-01-01T00:10Z"), end: at("2026-01-01T00:30Z") };
    const timing = cron("0/10 * * * ? *", "UTC", bounds);
    expect(iso(following(timing, 0, 5))).toEqual(["2026-01-01T00:10Z", "2026-01-01T00:20Z"]);
    expect(timing.previous(Infinity)).toBe(at("2026-01-01T00:20Z"));
    expect(timing.previous(bounds.start)).toBeUndefined();
  });

  test("once is once, to the second", () => {
    const timing = once(at("2026-01-01T00:00:30.900Z"));
    expect(timing.expression).toBe("at(2026-01-01T00:00:30)");
    expect(following(timing, 0, 5)).toHaveLength(1);
    expect(timing.previous(at("2026-01-01T00:00:30Z"))).toBeUndefined();
  });
});

describe("local times", () => {
  test.each([
    ["2026-11-26T09:00:00Z", "America/Toronto", "2026-11-26T09:00Z"],
    ["2026-11-26T09:00+02:00", "America/Toronto", "2026-11-26T07:00Z"],
    ["2026-11-26T09:00", "America/Toronto", "2026-11-26T14:00Z"],
    ["2026-11-01T01:30:00", "America/Toronto", "2026-11-01T05:30Z"],
    ["2026-04-24T01:00", "Africa/Cairo", "2026-04-23T22:00Z"],
  ])("%s in %s", (text, zone, expected) => {
    expect(iso([localMoment(text, zone, "at")])).toEqual([expected]);
  });

  test("one that clocks never show is refused, not moved", () => {
    expect(() => localMoment("2026-03-08T02:30:00", "America/Toronto", "at")).toThrow(
      /never show 2026-03-08T02:30:00/,
    );
    expect(() => localMoment("2026-04-24T00:00", "Africa/Cairo", "at")).toThrow(
      /Choose a time before or after/,
    );
  });

  test.each(["2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T25:00"])("%s is none", (text) => {
    expect(() => localMoment(text, "UTC", "at")).toThrow(/There is no/);
  });
});

describe("zones", () => {
  test("are names of the database, as it writes them", () => {
    for (const zone of [
      "UTC",
      "America/Toronto",
      "Asia/Kolkata",
      "Europe/Kyiv",
      "America/Argentina/Buenos_Aires",
      "Etc/GMT+5",
    ])
      expect(isZone(zone), zone).toBe(true);
    for (const zone of [
      "",
      "utc",
      "+02:00",
      "europe/berlin",
      "Mars/Olympus",
      "America/Toronto ",
      "Europe/../Berlin",
      "__proto__",
    ])
      expect(isZone(zone), zone).toBe(false);
  });
});
