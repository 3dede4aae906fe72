import { describe, expect, test } from "vitest";
import { eighth, isPrivate, parseRange } from "../../infra/cidr.ts";

describe("ranges", () => {
  test.each([
    ["10.0.0.0/16", 0, "10.0.0.0/19"],
    ["10.0.0.0/16", 7, "10.0.224.0/19"],
    ["192.168.4.0/22", 3, "192.168.5.128/25"],
  ])("%s, part %i is %s", (range, index, part) => {
    expect(eighth(range, index)).toBe(part);
  });

  test("there are eight parts, which do not overlap and fill the range", () => {
    const parts = Array.from({ length: 8 }, (_, index) => parseRange(eighth("172.16.0.0/20", index)));
    for (const [index, part] of parts.entries())
      expect(part).toEqual({ start: (parts[0]?.start ?? 0) + index * 512, length: 23 });
    expect(() => eighth("172.16.0.0/20", 8)).toThrow("has no part 8");
  });

  test.each([
    "10.0.0.1/16",
    "10.0.0.0",
    "256.0.0.0/8",
    "10.0.0.0/33",
    "a.b.c.d/8",
    "",
  ])("%j is none", (text) => {
    expect(parseRange(text)).toBeUndefined();
    expect(isPrivate(text)).toBe(false);
  });

  test.each([
    ["10.0.0.0/8", true],
    ["172.31.0.0/16", true],
    ["172.32.0.0/16", false],
    ["192.168.0.0/15", false],
    ["100.64.0.0/16", true],
    ["0.0.0.0/0", false],
  ])("%s is private: %s", (text, expected) => {
    expect(isPrivate(text)).toBe(expected);
  });
});
