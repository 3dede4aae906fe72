import { describe, expect, it } from "vitest";
import { compileFilters } from "../../src/mappings/filter.ts";
import { type SqsRecord, toRecord } from "../../src/mappings/record.ts";
import { failedMessages } from "../../src/mappings/response.ts";

describe("an answer with ReportBatchItemFailures", () => {
  const ids = ["1", "2", "3"];
  it.each([
    "null",
    "",
    "{}",
    '{"batchItemFailures":null}',
    '{"batchItemFailures":[]}',
    '{"other":1}',
  ])("%s means that all is done", (payload) => {
    expect(failedMessages(payload, ids)).toEqual(new Set());
  });

  it.each([
    '{"batchItemFailures":[{"itemIdentifier":""}]}',
    '{"batchItemFailures":[{"itemIdentifier":null}]}',
    '{"batchItemFailures":[{"messageId":"1"}]}',
    '{"batchItemFailures":[{"itemIdentifier":"4"}]}',
    '{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"4"}]}',
    '{"batchItemFailures":["1"]}',
    '{"batchItemFailures":[null]}',
    '{"batchItemFailures":"1"}',
    '"ok"',
    "[]",
    "not JSON",
  ])("%s means that nothing is", (payload) => {
    expect(failedMessages(payload, ids)).toEqual(new Set(ids));
  });

  it("names the messages that stay, also more than once", () => {
    const payload =
      '{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}';
    expect(failedMessages(payload, ids)).toEqual(new Set(["2", "3"]));
  });
});

describe("filter criteria", () => {
  function record(body: unknown, attributes: Record<string, string> = {}): SqsRecord {
    return toRecord(
      {
        messageId: "id",
        receiptHandle: "handle",
        body: typeof body === "string" ? body : JSON.stringify(body),
        md5OfBody: "",
        attributes: {},
        messageAttributes: Object.fromEntries(
          Object.entries(attributes).map(([name, stringValue]) => [
            name,
            { dataType: "String", stringValue },
          ]),
        ),
      },
      "arn:aws:sqs:ca-central-1:123456789012:jobs",
    );
  }
  const passes = (pattern: Record<string, unknown>, of: SqsRecord) => compileFilters([pattern])(of);

  const order = { kind: "order", size: 5, tags: ["new", "paid"], to: { city: "Oslo", zip: null }, note: "" };
  const matching: [string, Record<string, unknown>][] = [
    ["equals", { kind: ["refund", "order"] }],
    ["number", { size: [5] }],
    ["null", { to: { zip: [null] } }],
    ["empty text", { note: [""] }],
    ["one of a list", { tags: ["paid"] }],
    ["all fields", { kind: ["order"], to: { city: ["Oslo"] } }],
    ["prefix", { kind: [{ prefix: "ord" }] }],
    ["suffix", { kind: [{ suffix: "der" }] }],
    ["ignoring case", { kind: [{ "equals-ignore-case": "ORDER" }] }],
    ["prefix ignoring case", { kind: [{ prefix: { "equals-ignore-case": "ORD" } }] }],
    ["wildcard", { to: { city: [{ wildcard: "O*o" }] } }],
    ["range", { size: [{ numeric: [">", 0, "<=", 5] }] }],
    ["anything but", { kind: [{ "anything-but": ["refund"] }] }],
    ["anything but a prefix", { kind: [{ "anything-but": { prefix: "ref" } }] }],
    ["exists", { kind: [{ exists: true }] }],
    ["does not exist", { missing: [{ exists: false }] }],
    ["does not exist in what does not exist", { missing: { deep: [{ exists: false }] } }],
    ["or", { $or: [{ kind: ["x"] }, { size: [5] }] }],
  ];
  it.each(matching)("%s matches", (_name, body) => {
    expect(passes({ body }, record(order))).toBe(true);
  });

  const missing: [string, Record<string, unknown>][] = [
    ["equals", { kind: ["refund"] }],
    ["a number as text", { size: ["5"] }],
    ["one field of two", { kind: ["order"], size: [6] }],
    ["prefix", { kind: [{ prefix: "der" }] }],
    ["wildcard with a dot", { kind: [{ wildcard: "o.der" }] }],
    ["range", { size: [{ numeric: ["<", 5] }] }],
    ["range of a text", { kind: [{ numeric: [">", 0] }] }],
    ["anything but", { kind: [{ "anything-but": "order" }] }],
    ["anything but of what is missing", { missing: [{ "anything-but": "x" }] }],
    ["exists", { missing: [{ exists: true }] }],
    ["does not exist", { kind: [{ exists: false }] }],
    ["an object where a value is wanted", { to: ["Oslo"] }],
    ["an inherited name", { constructor: [{ exists: true }] }],
    ["or", { $or: [{ kind: ["x"] }, { size: [6] }] }],
  ];
  it.each(missing)("%s does not match", (_name, body) => {
    expect(passes({ body }, record(order))).toBe(false);
  });

  it("for text match text only, and patterns JSON only", () => {
    expect(passes({ body: ["hello"] }, record("hello"))).toBe(true);
    expect(passes({ body: ["hello"] }, record({ hello: 1 }))).toBe(false);
    expect(passes({ body: { hello: [1] } }, record("hello"))).toBe(false);
  });

  it("look at attributes too, and pass what one of several filters wants", () => {
    const pattern = { messageAttributes: { kind: { stringValue: ["mail"] } } };
    expect(passes(pattern, record("x", { kind: "mail" }))).toBe(true);
    expect(passes(pattern, record("x", { kind: "spam" }))).toBe(false);
    const several = compileFilters([{ body: { a: [1] } }, { body: { b: [1] } }]);
    expect([{ a: 1 }, { b: 1 }, { c: 1 }].map((body) => several(record(body)))).toEqual([true, true, false]);
    expect(compileFilters([])(record("anything"))).toBe(true);
  });

  it.each([
    [{ body: { a: "text" } }, '"a" needs a pattern or a list'],
    [{ body: { a: [] } }, "an empty list"],
    [{ body: { a: [{ prefix: 1 }] } }, "needs a text"],
    [{ body: { a: [{ numeric: [">"] }] } }, '"numeric" needs pairs'],
    [{ body: { a: [{ numeric: ["~", 1] }] } }, '"numeric" does not know'],
    [{ body: { a: [{ prefix: "a", suffix: "b" }] } }, "must be a single operator"],
    [{ body: { $or: [{ a: [1] }] } }, '"$or" needs a list'],
  ])("that AWS refuses are refused: %j", (pattern, message) => {
    expect(() => compileFilters([pattern])).toThrow(message);
  });
});
