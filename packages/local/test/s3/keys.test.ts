import { expect, test } from "vitest";
import { compareUtf8, KeyList } from "../../src/services/s3/keys.ts";

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
/** A generator that gives the same numbers each time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
const alphabet = ["a", "b", "/", "é", "\ud7ff", "\ue000", "\uffee", "\u{1f600}", "\u{10ffff}"];

test.each([
  ["plain keys", 3],
  ["keys of every plane", alphabet.length],
])("whatever is added and deleted, %s are in the order of their bytes", (_, letters) => {
  const pick = random(letters);
  const list = new KeyList();
  const model = new Set<string>();
  const key = () => Array.from({ length: 1 + pick(7) }, () => alphabet[pick(letters)]).join("");
  for (let step = 0; step < 6000; step++) {
    const one = key();
    if (pick(3) === 0) {
      list.delete(one);
      model.delete(one);
    } else {
      list.add(one);
      model.add(one);
    }
  }
  const sorted = [...model].sort(byBytes);
  expect(list.size).toBe(sorted.length);
  expect([...list.from("", false)]).toEqual(sorted);
  for (let step = 0; step < 200; step++) {
    const from = key();
    expect([...list.from(from, false)][0]).toBe(sorted.find((one) => byBytes(one, from) >= 0));
    expect([...list.from(from, true)][0]).toBe(sorted.find((one) => byBytes(one, from) > 0));
    expect(list.afterPrefix(from)).toBe(
      sorted.find((one) => byBytes(one, from) > 0 && !one.startsWith(from)),
    );
    expect(Math.sign(compareUtf8(from, sorted[step] ?? ""))).toBe(byBytes(from, sorted[step] ?? ""));
  }
  for (const one of sorted) list.delete(one);
  expect([...list.from("", false)]).toEqual([]);
});
