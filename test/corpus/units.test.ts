/** Against stalwart's vectors for single fields. What RFC 5322 leaves to taste (comments as names) is not compared. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDate, parseMail } from "@frontdesk/core/mime";
import { expect, it } from "vitest";
import { z } from "zod";
import { corpusFolder } from "./corpus.ts";

const vectors = <T>(file: string, expected: z.ZodType<T>) =>
  z
    .array(z.object({ header: z.string(), expected }))
    .parse(JSON.parse(readFileSync(join(corpusFolder, "stalwart", file), "utf8")));

const date = z.object({
  year: z.number(),
  month: z.number(),
  day: z.number(),
  hour: z.number(),
  minute: z.number(),
  second: z.number(),
  tz_before_gmt: z.boolean(),
  tz_hour: z.number(),
  tz_minute: z.number(),
});

it("reads stalwart's dates", () => {
  const cases = vectors("date.json", date.nullable());
  const wrong = cases.flatMap(({ header, expected }) => {
    const ours = parseDate(header)?.getTime();
    const offset =
      expected === null
        ? 0
        : (expected.tz_hour * 60 + expected.tz_minute) * (expected.tz_before_gmt ? 1 : -1);
    const theirs =
      expected === null
        ? undefined
        : Date.UTC(
            expected.year,
            expected.month - 1,
            expected.day,
            expected.hour,
            expected.minute + offset,
            expected.second,
          );
    return ours === theirs ? [] : [header];
  });
  for (const header of wrong) console.log(`  differs  ${JSON.stringify(header)}`);
  // A month as a number, numbers without any meaning, and a comment that is not closed.
  expect(wrong.length).toBeLessThanOrEqual(3);
});

it("reads host and recipient of stalwart's Received fields", () => {
  const name = z.record(z.string(), z.string());
  const cases = vectors(
    "received.json",
    z.object({ by: name.nullish(), for_: z.string().nullish() }).nullable(),
  );
  const wrong = cases.flatMap(({ header, expected }) => {
    if (expected === null) return [];
    const ours = parseMail(Buffer.from(`Received: ${header.trim()}\n\n`)).receivedTop;
    const host = Object.values(expected.by ?? {})[0]?.toLowerCase();
    const same =
      ours?.by?.replace(/^\[|\]$/g, "").toLowerCase() === host &&
      ours?.for[0]?.toLowerCase() === expected.for_?.toLowerCase();
    return same ? [] : [header];
  });
  for (const header of wrong) console.log(`  differs  ${JSON.stringify(header)}`);
  expect(cases.length).toBeGreaterThan(150);
  // A host named "by uid 7791", and a recipient after the date.
  expect(wrong.length).toBeLessThanOrEqual(2);
});

it("reads the addresses of stalwart's lists, but for the forms that are left to taste", () => {
  const box = z.object({ address: z.string().nullish() });
  const list = z
    .object({
      List: z.array(box).optional(),
      Group: z.array(z.object({ addresses: z.array(box) })).optional(),
    })
    .nullable();
  const cases = vectors("address.json", list).filter(
    // List-* fields, routes and blanks that the reference keeps, comments that it takes for addresses.
    ({ header }) => !/mailto:|@node\.test|machine\(comment\)|silly|nobody\(|invalid@address/.test(header),
  );
  const wrong = cases.flatMap(({ header, expected }) => {
    const theirs = (expected?.List ?? expected?.Group?.flatMap(({ addresses }) => addresses) ?? []).flatMap(
      ({ address }) => address ?? [],
    );
    const ours = parseMail(Buffer.from(`To: ${header.trim()}\n\n`)).to.map(({ address }) => address);
    return JSON.stringify(ours.filter((address) => address !== "")) === JSON.stringify(theirs)
      ? []
      : [`${JSON.stringify(header)} ${ours} / ${theirs}`];
  });
  for (const line of wrong) console.log(`  differs  ${line}`);
  expect(cases.length).toBeGreaterThan(40);
  expect(wrong).toEqual([]);
});
