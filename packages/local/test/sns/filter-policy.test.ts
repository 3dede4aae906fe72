import { describe, expect, test } from "vitest";
import { compileFilter } from "../../src/services/sns/filter-policy.ts";

type Values = Record<string, string | number | string[]>;
function attributes(values: Values) {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === "number"
        ? { dataType: "Number", stringValue: String(value) }
        : Array.isArray(value)
          ? { dataType: "String.Array", stringValue: JSON.stringify(value) }
          : { dataType: "String", stringValue: value },
    ]),
  );
}
const byAttributes = (policy: Record<string, unknown>, values: Values) =>
  compileFilter(policy, "MessageAttributes")({ message: "", attributes: attributes(values) });
const byBody = (policy: Record<string, unknown>, body: unknown) =>
  compileFilter(
    policy,
    "MessageBody",
  )({
    message: typeof body === "string" ? body : JSON.stringify(body),
    attributes: {},
  });

describe("by attributes", () => {
  test.each<[string, Record<string, unknown>, Values, boolean]>([
    ["a value of the list", { a: ["x", "y"] }, { a: "y" }, true],
    ["another value", { a: ["x", "y"] }, { a: "z" }, false],
    ["another case", { a: ["x"] }, { a: "X" }, false],
    ["a missing attribute", { a: ["x"] }, { b: "x" }, false],
    ["attributes that the policy does not name", { a: ["x"] }, { a: "x", b: "y" }, true],
    ["all keys are needed", { a: ["x"], b: ["y"] }, { a: "x" }, false],
    ["a number, however written", { a: [300] }, { a: 300.0 }, true],
    ["a string is no number", { a: [300] }, { a: "300" }, false],
    ["prefix", { a: [{ prefix: "mail." }] }, { a: "mail.in" }, true],
    ["prefix elsewhere", { a: [{ prefix: "mail." }] }, { a: "a.mail.in" }, false],
    ["suffix", { a: [{ suffix: ".png" }] }, { a: "x.png" }, true],
    ["equals-ignore-case", { a: [{ "equals-ignore-case": "TeNNis" }] }, { a: "tennis" }, true],
    ["anything-but", { a: [{ "anything-but": ["x", "y"] }] }, { a: "z" }, true],
    ["anything-but the excluded", { a: [{ "anything-but": ["x", "y"] }] }, { a: "y" }, false],
    ["anything-but needs a value", { a: [{ "anything-but": "x" }] }, {}, false],
    ["anything-but a number", { a: [{ "anything-but": [100] }] }, { a: 101 }, true],
    ["anything-but a prefix", { a: [{ "anything-but": { prefix: "order-" } }] }, { a: "order-1" }, false],
    ["anything-but a suffix", { a: [{ "anything-but": { suffix: "-x" } }] }, { a: "a-y" }, true],
    ["equal number", { a: [{ numeric: ["=", 5] }] }, { a: 5 }, true],
    ["within bounds", { a: [{ numeric: [">", 0, "<=", 150] }] }, { a: 150 }, true],
    ["at the open bound", { a: [{ numeric: [">", 0, "<=", 150] }] }, { a: 0 }, false],
    ["exists", { a: [{ exists: true }] }, { a: "" }, true],
    ["does not exist", { a: [{ exists: false }] }, { b: "x" }, true],
    ["exists though it should not", { a: [{ exists: false }] }, { a: "x" }, false],
    ["absent or one of the values", { a: [{ exists: false }, "x"] }, { a: "x" }, true],
    ["one item of an array", { a: ["x"] }, { a: ["w", "x"] }, true],
    ["an item that is none of the excluded", { a: [{ "anything-but": ["x"] }] }, { a: ["x", "y"] }, true],
    ["an IPv4 address in the block", { a: [{ cidr: "10.0.0.0/24" }] }, { a: "10.0.0.255" }, true],
    ["an IPv4 address outside", { a: [{ cidr: "10.0.0.0/24" }] }, { a: "10.0.1.0" }, false],
    ["an IPv6 address in the block", { a: [{ cidr: "2001:db8::/32" }] }, { a: "2001:db8:1::1" }, true],
    ["no address", { a: [{ cidr: "10.0.0.0/24" }] }, { a: "ten" }, false],
    ["$or: the second", { s: ["x"], $or: [{ a: [1] }, { b: ["y"] }] }, { s: "x", b: "y" }, true],
    ["$or: neither", { s: ["x"], $or: [{ a: [1] }, { b: ["y"] }] }, { s: "x", a: 2 }, false],
    ["$or beside a key that fails", { s: ["x"], $or: [{ a: [1] }, { b: ["y"] }] }, { s: "z", a: 1 }, false],
    ["names of the language", { constructor: [{ exists: false }] }, {}, true],
    ["an empty policy", {}, {}, true],
  ])("%s", (_, policy, values, expected) => {
    expect(byAttributes(policy, values)).toBe(expected);
  });

  test("a binary attribute is there, and equals nothing", () => {
    const message = { message: "", attributes: { a: { dataType: "Binary", binaryValue: Buffer.from("x") } } };
    expect(compileFilter({ a: [{ exists: true }] }, "MessageAttributes")(message)).toBe(true);
    expect(compileFilter({ a: ["x"] }, "MessageAttributes")(message)).toBe(false);
  });
});

describe("by body", () => {
  test.each<[string, Record<string, unknown>, unknown, boolean]>([
    ["a nested value", { order: { state: ["paid"] } }, { order: { state: "paid" } }, true],
    ["a nested value that differs", { order: { state: ["paid"] } }, { order: { state: "open" } }, false],
    ["a parent that is missing", { order: { state: ["paid"] } }, {}, false],
    ["an item of an array", { tags: ["b"] }, { tags: ["a", "b"] }, true],
    ["an object of an array", { items: { kind: ["x"] } }, { items: [{ kind: "y" }, { kind: "x" }] }, true],
    [
      "two conditions on one object of an array",
      { items: { kind: ["x"], size: [2] } },
      {
        items: [
          { kind: "x", size: 1 },
          { kind: "y", size: 2 },
        ],
      },
      false,
    ],
    ["null", { a: [null] }, { a: null }, true],
    ["null is there", { a: [{ exists: false }] }, { a: null }, false],
    ["booleans", { a: [true] }, { a: true }, true],
    [
      "numbers",
      { Records: { s3: { object: { size: [{ numeric: [">", 10] }] } } } },
      { Records: [{ s3: { object: { size: 11 } } }] },
      true,
    ],
    ["$or below", { a: { $or: [{ b: [1] }, { c: [2] }] } }, { a: { c: 2 } }, true],
    ["no JSON", { a: [{ exists: false }] }, "hello", false],
    ["JSON that is no object", { a: [{ exists: false }] }, [1], false],
    ["a polluted prototype", { polluted: ["yes"] }, '{"__proto__":{"polluted":"yes"}}', false],
  ])("%s", (_, policy, body, expected) => {
    expect(byBody(policy, body)).toBe(expected);
  });
});

test.each([
  [{ a: "x" }, /a must be a list/],
  [{ a: [] }, /a is an empty list/],
  [{ a: { b: ["x"] } }, /only policies with the scope MessageBody may be nested/],
  [{ a: [{ regex: "x" }] }, /"regex" is no operator/],
  [{ a: [{ prefix: "x", suffix: "y" }] }, /exactly one operator/],
  [{ a: [{ prefix: 3 }] }, /prefix must be a non-empty string/],
  [{ a: [{ numeric: [">", "0"] }] }, /numeric takes/],
  [{ a: [{ numeric: [">"] }] }, /numeric takes/],
  [{ a: [{ cidr: "10.0.0.0/33" }] }, /no CIDR block/],
])("the policy %j is refused, and the reason named", (policy, reason) => {
  expect(() => compileFilter(policy, "MessageAttributes")).toThrow(reason);
});
