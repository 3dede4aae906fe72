// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how policies write their variables
import { describe, expect, test } from "vitest";
import { evaluate } from "../../src/iam/index.ts";
import { compilePattern } from "../../src/iam/pattern.ts";
import type { PolicyDocument, PolicyStatement } from "../../src/plan/types.ts";
import { account, allow, outcome, queue, request, roleArn } from "./support.ts";

type Condition = NonNullable<PolicyStatement["Condition"]>;
type Context = Record<string, string | string[]>;
const noon = Date.parse("2024-06-01T12:00:00Z");

/** Does the request meet the condition? */
function meets(Condition: Condition, context: Context = {}): boolean {
  return (
    outcome({
      identity: [allow("sqs:SendMessage", "*", { Condition })],
      request: request("sqs:SendMessage", queue, { context }),
      now: noon,
    }) === "allow"
  );
}

const rows: [guarantee: string, expected: boolean, condition: Condition, context?: Context][] = [
  ["StringEquals: one of the values is enough", true, { StringEquals: { k: ["a", "b"] } }, { k: "b" }],
  ["StringEquals respects case", false, { StringEquals: { k: "A" } }, { k: "a" }],
  ["StringEquals takes * as text", false, { StringEquals: { k: "a*" } }, { k: "ab" }],
  ["StringEquals fails on a missing key", false, { StringEquals: { k: "a" } }],
  ["keys ignore case", true, { StringEquals: { "S3:Prefix": "a" } }, { "s3:prefix": "a" }],
  ["two keys must both hold", false, { StringEquals: { k: "a", l: "b" } }, { k: "a", l: "c" }],
  [
    "two operators must both hold",
    false,
    { StringEquals: { k: "a" }, StringLike: { l: "b*" } },
    { k: "a", l: "c" },
  ],
  [
    "StringNotEquals: none of the values may match",
    false,
    { StringNotEquals: { k: ["a", "b"] } },
    { k: "b" },
  ],
  ["StringNotEquals holds on another value", true, { StringNotEquals: { k: ["a", "b"] } }, { k: "c" }],
  ["StringNotEquals holds on a missing key", true, { StringNotEquals: { k: "a" } }],
  ["StringEqualsIgnoreCase", true, { StringEqualsIgnoreCase: { k: "ABC" } }, { k: "aBc" }],
  ["StringNotEqualsIgnoreCase", false, { StringNotEqualsIgnoreCase: { k: "ABC" } }, { k: "aBc" }],
  ["StringLike: * and ?", true, { StringLike: { k: "media/*/??.jpg" } }, { k: "media/a/b/01.jpg" }],
  ["StringLike matches the whole value", false, { StringLike: { k: "media" } }, { k: "media/x" }],
  ["StringLike respects case", false, { StringLike: { k: "Media*" } }, { k: "media" }],
  [
    "StringLike with an empty prefix",
    true,
    { StringLike: { "s3:prefix": ["", "home/*"] } },
    { "s3:prefix": "" },
  ],
  ["StringNotLike", false, { StringNotLike: { k: "a*" } }, { k: "abc" }],
  [
    "NumericLessThanEquals at the bound",
    true,
    { NumericLessThanEquals: { "s3:max-keys": "10" } },
    { "s3:max-keys": "10" },
  ],
  [
    "NumericLessThan at the bound",
    false,
    { NumericLessThan: { "s3:max-keys": "10" } },
    { "s3:max-keys": "10" },
  ],
  ["numbers are compared as numbers", true, { NumericGreaterThan: { k: "9" } }, { k: "10" }],
  ["NumericEquals takes 1.0 for 1", true, { NumericEquals: { k: "1" } }, { k: "1.0" }],
  ["NumericNotEquals", false, { NumericNotEquals: { k: "1" } }, { k: "1" }],
  ["what is no number meets no comparison", false, { NumericLessThan: { k: "10" } }, { k: "few" }],
  [
    "DateGreaterThan against the clock",
    true,
    { DateGreaterThan: { "aws:CurrentTime": "2024-06-01T11:59:59Z" } },
  ],
  ["DateLessThan against the clock", false, { DateLessThan: { "aws:CurrentTime": "2024-06-01T12:00:00Z" } }],
  ["dates know zones", true, { DateEquals: { "aws:CurrentTime": "2024-06-01T14:00:00+02:00" } }],
  ["dates as seconds since the epoch", true, { DateLessThan: { "aws:EpochTime": String(noon / 1000 + 1) } }],
  ["Bool ignores case", true, { Bool: { k: "True" } }, { k: "true" }],
  [
    "Bool takes a boolean of the program",
    true,
    { Bool: { "aws:SecureTransport": true as unknown as string } },
  ],
  ["Bool fails on a missing key", false, { Bool: { "aws:MultiFactorAuthPresent": "false" } }],
  ["BoolIfExists holds on a missing key", true, { BoolIfExists: { "aws:MultiFactorAuthPresent": "false" } }],
  ["BinaryEquals compares bytes", true, { BinaryEquals: { k: "QmluYXJ5" } }, { k: "QmluYXJ5" }],
  [
    "IpAddress in a block",
    true,
    { IpAddress: { "aws:SourceIp": "203.0.113.0/24" } },
    { "aws:SourceIp": "203.0.113.77" },
  ],
  [
    "IpAddress outside",
    false,
    { IpAddress: { "aws:SourceIp": "203.0.113.0/24" } },
    { "aws:SourceIp": "203.0.114.1" },
  ],
  [
    "IpAddress with one address",
    true,
    { IpAddress: { "aws:SourceIp": "203.0.113.7" } },
    { "aws:SourceIp": "203.0.113.7" },
  ],
  [
    "IpAddress of version 6",
    true,
    { IpAddress: { "aws:SourceIp": "2001:db8::/32" } },
    { "aws:SourceIp": "2001:DB8:1::1" },
  ],
  [
    "NotIpAddress",
    false,
    { NotIpAddress: { "aws:SourceIp": ["203.0.113.0/24", "198.51.100.0/24"] } },
    { "aws:SourceIp": "198.51.100.9" },
  ],
  ["ArnLike: part by part", false, { ArnLike: { k: "arn:aws:s3:*:bucket" } }, { k: "arn:aws:s3:::bucket" }],
  [
    "ArnLike: empty parts match *",
    true,
    { ArnLike: { k: "arn:aws:s3:*:*:bucket" } },
    { k: "arn:aws:s3:::bucket" },
  ],
  [
    "ArnLike: a * in the account does not reach the name",
    false,
    { ArnLike: { k: "arn:aws:sns:us-east-1:*:x" } },
    { k: "arn:aws:sns:us-east-1:1:y:x" },
  ],
  [
    "ArnEquals takes wildcards too",
    true,
    { ArnEquals: { k: `arn:aws:sns:*:${account}:in*` } },
    { k: `arn:aws:sns:us-east-1:${account}:incoming` },
  ],
  ["ArnNotLike", false, { ArnNotLike: { k: "arn:aws:s3:::*" } }, { k: "arn:aws:s3:::bucket" }],
  ["ArnNotEquals on a missing key", true, { ArnNotEquals: { k: "arn:aws:s3:::*" } }],
  ["aws:PrincipalArn is the role, not the session", true, { ArnEquals: { "aws:PrincipalArn": roleArn } }],
  ["aws:PrincipalAccount", true, { StringEquals: { "aws:PrincipalAccount": account } }],
  ["aws:RequestedRegion is the resource's", true, { StringEquals: { "aws:RequestedRegion": "eu-west-1" } }],
  ["aws:ResourceAccount", true, { StringEquals: { "aws:ResourceAccount": account } }],
  ["aws:userid ends in the session's name", true, { StringLike: { "aws:userid": "AROA*:worker-fn" } }],
  ["aws:username is not there for roles", false, { StringLike: { "aws:username": "*" } }],
  ["aws:SourceArn is not there for roles", true, { Null: { "aws:SourceArn": "true" } }],
  ["Null true wants the key missing", false, { Null: { k: "true" } }, { k: "a" }],
  ["Null false wants the key there", true, { Null: { k: "false" } }, { k: "a" }],
  ["Null takes an empty set for missing", true, { Null: { k: "true" } }, { k: [] }],
  ["StringEqualsIfExists holds on a missing key", true, { StringEqualsIfExists: { k: "a" } }],
  [
    "StringEqualsIfExists compares a key that is there",
    false,
    { StringEqualsIfExists: { k: "a" } },
    { k: "b" },
  ],
  [
    "ForAllValues: each value must be listed",
    false,
    { "ForAllValues:StringEquals": { k: ["a", "b"] } },
    { k: ["a", "c"] },
  ],
  ["ForAllValues: a subset holds", true, { "ForAllValues:StringEquals": { k: ["a", "b"] } }, { k: ["b"] }],
  ["ForAllValues holds on the empty set", true, { "ForAllValues:StringEquals": { k: ["a"] } }, { k: [] }],
  ["ForAllValues holds on a missing key", true, { "ForAllValues:StringEquals": { k: ["a"] } }],
  [
    "ForAllValues with Null asks for the key",
    false,
    { "ForAllValues:StringEquals": { k: ["a"] }, Null: { k: "false" } },
  ],
  [
    "ForAnyValue: one value is enough",
    true,
    { "ForAnyValue:StringLike": { k: ["x*", "b"] } },
    { k: ["a", "xy"] },
  ],
  ["ForAnyValue fails on a missing key", false, { "ForAnyValue:StringEquals": { k: "a" } }],
  ["ForAnyValue negated fails on a missing key", false, { "ForAnyValue:StringNotEquals": { k: "a" } }],
  [
    "ForAnyValue negated: one value outside is enough",
    true,
    { "ForAnyValue:StringNotEquals": { k: ["a"] } },
    { k: ["a", "b"] },
  ],
  [
    "ForAllValues negated: no value may be listed",
    false,
    { "ForAllValues:StringNotEquals": { k: ["a"] } },
    { k: ["a", "b"] },
  ],
];

describe("conditions", () => {
  test.each(rows)("%s", (_guarantee, expected, condition, context) => {
    expect(meets(condition, context)).toBe(expected);
  });

  test("an unknown operator is refused by name", () => {
    expect(() => meets({ StringMatches: { k: "a" } })).toThrow(/"StringMatches" is not a condition operator/);
    expect(() => meets({ "ForSomeValues:StringEquals": { k: "a" } })).toThrow(/ForSomeValues:StringEquals/);
  });
  test("a value that cannot be compared is refused by name", () => {
    expect(() => meets({ IpAddress: { "aws:SourceIp": "office" } })).toThrow(/"office"/);
    expect(() => meets({ NumericLessThan: { k: "ten" } })).toThrow(/"ten"/);
  });
  test("a hostile pattern costs no more than its length times the value's", () => {
    expect(meets({ StringLike: { k: `${"*a".repeat(200)}b` } }, { k: "a".repeat(20_000) })).toBe(false);
  });
});

test("wildcards match as the regular expression that says the same, over 3,000 patterns", () => {
  let seed = 42;
  const next = (limit: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % limit;
  };
  const word = (alphabet: string, length: number) =>
    Array.from({ length: next(length) }, () => alphabet[next(alphabet.length)]).join("");
  for (let at = 0; at < 3000; at++) {
    const pattern = word("ab.*?", 9);
    const text = word("ab.", 9);
    const same = new RegExp(
      `^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".")}$`,
    ).test(text);
    const matcher = compilePattern(pattern, { variables: false, wildcards: true });
    expect([pattern, text, matcher.matches(text, new Map())]).toEqual([pattern, text, same]);
  }
});

describe("policy variables", () => {
  const object = (key: string) =>
    request("s3:GetObject", `arn:aws:s3:::home/${key}`, { context: { "aws:PrincipalTag/team": "red" } });
  const granted = (Resource: string, key: string, context?: Context) =>
    outcome({
      identity: [allow("s3:GetObject", Resource)],
      request: { ...object(key), ...(context ? { context } : {}) },
    });

  test("a variable in a resource takes the request's value", () => {
    expect(granted("arn:aws:s3:::home/${aws:PrincipalTag/team}/*", "red/a")).toBe("allow");
    expect(granted("arn:aws:s3:::home/${aws:PrincipalTag/team}/*", "blue/a")).toBe("implicitDeny");
  });
  test("a wildcard in a variable's value is text", () => {
    expect(
      granted("arn:aws:s3:::home/${aws:PrincipalTag/team}/*", "blue/a", { "aws:PrincipalTag/team": "*" }),
    ).toBe("implicitDeny");
  });
  test("a variable without a value matches nothing, and its default where one is given", () => {
    expect(granted("arn:aws:s3:::home/${aws:username}/*", "/a")).toBe("implicitDeny");
    expect(granted("arn:aws:s3:::home/${aws:username}/*", "${aws:username}/a")).toBe("implicitDeny");
    expect(granted("arn:aws:s3:::home/${aws:username, 'shared'}/*", "shared/a")).toBe("allow");
  });
  test("a key with several values is no variable", () => {
    expect(granted("arn:aws:s3:::home/${k}", "a", { k: ["a", "b"] })).toBe("implicitDeny");
  });
  test("${*}, ${?} and ${$} are the characters themselves", () => {
    expect(granted("arn:aws:s3:::home/${*}", "anything")).toBe("implicitDeny");
    expect(granted("arn:aws:s3:::home/${*}", "*")).toBe("allow");
    expect(granted("arn:aws:s3:::home/a${?}", "ab")).toBe("implicitDeny");
    expect(granted("arn:aws:s3:::home/${$}", "$")).toBe("allow");
  });
  test("a variable in a condition's value takes the request's value", () => {
    const context = { "aws:PrincipalTag/team": "red", "s3:prefix": "red/" };
    expect(meets({ StringLike: { "s3:prefix": "${aws:PrincipalTag/team}/*" } }, context)).toBe(true);
    expect(meets({ StringEquals: { "s3:prefix": "${aws:PrincipalTag/team}/" } }, context)).toBe(true);
    expect(meets({ StringEquals: { "s3:prefix": "${aws:username}" } }, context)).toBe(false);
  });
  test("a policy of the old version takes a variable as text", () => {
    const old = { Statement: [allow("s3:GetObject", "arn:aws:s3:::home/${aws:PrincipalTag/team}/*")] };
    expect(outcomeOf(old, "red/a")).toBe("implicitDeny");
    expect(outcomeOf(old, "${aws:PrincipalTag/team}/a")).toBe("allow");
  });
  test("an allow with NotResource does not widen when its variable has no value", () => {
    const identity = [
      { Effect: "Allow" as const, Action: "s3:*", NotResource: "arn:aws:s3:::home/${aws:username}/*" },
    ];
    expect(outcome({ identity, request: object("x") })).toBe("implicitDeny");
  });

  function outcomeOf(document: PolicyDocument, key: string) {
    return evaluate({ accountId: account, identity: [{ name: "own", document }] }, object(key)).outcome;
  }
});
