/**
 * Subscription filter policies.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 */
import { BlockList, isIP } from "node:net";
import type { SqsMessage } from "../../cloud/types.ts";
import type { SubscriptionSpec } from "../../plan/types.ts";

type Data = Record<string, unknown>;
type Condition = (value: unknown) => boolean;
/** What a filter looks at: a message's attributes as values, or its body. */
type Matcher = (data: Data) => boolean;

export interface Filterable {
  message: string;
  attributes: SqsMessage["messageAttributes"];
}

/** @throws Error naming the part of the policy that SNS would refuse. */
export function compileFilter(
  policy: Record<string, unknown>,
  scope: SubscriptionSpec["filterPolicyScope"],
): (message: Filterable) => boolean {
  const matches = compileObject(policy, scope === "MessageBody", "");
  if (scope === "MessageAttributes") return ({ attributes }) => matches(attributeValues(attributes));
  return ({ message }) => {
    const body = parse(message);
    return isObject(body) && matches(body);
  };
}

function compileObject(policy: Data, nested: boolean, path: string): Matcher {
  const matchers = Object.entries(policy).map(([key, rule]): Matcher => {
    const at = path === "" ? key : `${path}.${key}`;
    if (key === "$or" && Array.isArray(rule) && rule.length > 1 && rule.every(isObject)) {
      const branches = rule.map((branch, index) => compileObject(branch, nested, `${at}[${index}]`));
      return (data) => branches.some((matches) => matches(data));
    }
    if (Array.isArray(rule)) return compileLeaf(key, rule, at);
    if (!isObject(rule)) throw new Error(`${at} must be a list of values${nested ? " or an object" : ""}`);
    if (!nested)
      throw new Error(`${at} is an object: only policies with the scope MessageBody may be nested`);
    const inner = compileObject(rule, nested, at);
    return (data) => objectsIn(own(data, key)).some(inner);
  });
  return (data) => matchers.every((matches) => matches(data));
}

function compileLeaf(key: string, rules: unknown[], at: string): Matcher {
  if (rules.length === 0) throw new Error(`${at} is an empty list`);
  const conditions: Condition[] = [];
  let whenAbsent = false;
  let whenPresent = false;
  for (const rule of rules) {
    const wanted = isObject(rule) && Object.keys(rule).length === 1 ? rule.exists : undefined;
    if (typeof wanted !== "boolean") conditions.push(compileCondition(rule, at));
    else if (wanted) whenPresent = true;
    else whenAbsent = true;
  }
  return (data) => {
    const value = own(data, key);
    if (value === undefined) return whenAbsent;
    if (whenPresent) return true;
    const values = Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value];
    return conditions.some((condition) => values.some(condition));
  };
}

function compileCondition(rule: unknown, at: string): Condition {
  if (rule === null || typeof rule !== "object") return (value) => value === rule;
  const [operator, operand, ...more] = Object.entries(rule).flat() as [string?, unknown?, ...unknown[]];
  if (operator === undefined || more.length > 0)
    throw new Error(`${at}: a condition has exactly one operator`);
  switch (operator) {
    case "prefix": {
      const prefix = needText(operand, `${at}: prefix`);
      return (value) => typeof value === "string" && value.startsWith(prefix);
    }
    case "suffix": {
      const suffix = needText(operand, `${at}: suffix`);
      return (value) => typeof value === "string" && value.endsWith(suffix);
    }
    case "equals-ignore-case": {
      const text = needText(operand, `${at}: equals-ignore-case`).toLowerCase();
      return (value) => typeof value === "string" && value.toLowerCase() === text;
    }
    case "anything-but":
      return anythingBut(operand, at);
    case "numeric":
      return numeric(operand, at);
    case "cidr":
      return cidr(operand, at);
    default:
      throw new Error(`${at}: ${JSON.stringify(operator)} is no operator of filter policies`);
  }
}

function anythingBut(operand: unknown, at: string): Condition {
  const excluded = (Array.isArray(operand) ? operand : [operand]).map((rule): Condition => {
    if (isObject(rule) && !("prefix" in rule || "suffix" in rule || "equals-ignore-case" in rule))
      throw new Error(`${at}: anything-but takes values, prefix, suffix or equals-ignore-case`);
    return compileCondition(rule, at);
  });
  if (excluded.length === 0) throw new Error(`${at}: anything-but is empty`);
  return (value) => isScalar(value) && !excluded.some((condition) => condition(value));
}

/** `["=", 5]`, or one or two bounds: `[">", 0, "<=", 100]`. */
function numeric(operand: unknown, at: string): Condition {
  const terms = Array.isArray(operand) ? operand : [];
  const tests: ((value: number) => boolean)[] = [];
  for (let index = 0; index < terms.length; index += 2) {
    const comparison = comparisons[String(terms[index])];
    const limit: unknown = terms[index + 1];
    if (!comparison || typeof limit !== "number") break;
    tests.push((value) => comparison(value, limit));
  }
  if (tests.length === 0 || tests.length > 2 || tests.length * 2 !== terms.length)
    throw new Error(`${at}: numeric takes one or two pairs of comparison and number`);
  return (value) => typeof value === "number" && tests.every((test) => test(value));
}
const comparisons: Record<string, (value: number, limit: number) => boolean> = {
  "=": (value, limit) => value === limit,
  ">": (value, limit) => value > limit,
  ">=": (value, limit) => value >= limit,
  "<": (value, limit) => value < limit,
  "<=": (value, limit) => value <= limit,
};

function cidr(operand: unknown, at: string): Condition {
  const [, address = "", bits = ""] = /^([0-9a-f:.]+)\/(\d{1,3})$/i.exec(String(operand)) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128))
    throw new Error(`${at}: ${JSON.stringify(operand)} is no CIDR block`);
  const block = new BlockList();
  block.addSubnet(address, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return (value) =>
    typeof value === "string" && isIP(value) === family && block.check(value, family === 4 ? "ipv4" : "ipv6");
}

/**
 * Attributes as filters see them: strings, numbers, and the items of `String.Array`. Binary ones are there, and match
 * nothing but their existence.
 */
function attributeValues(attributes: SqsMessage["messageAttributes"]): Data {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { dataType, stringValue = "" }]) => {
      if (dataType === "String.Array") {
        const items = parse(stringValue);
        return [name, Array.isArray(items) ? items : [stringValue]];
      }
      if (dataType.startsWith("Number")) return [name, Number(stringValue)];
      return [name, dataType.startsWith("Binary") ? [] : stringValue];
    }),
  );
}

function objectsIn(value: unknown): Data[] {
  return (Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value]).filter(isObject);
}
function own(data: Data, key: string): unknown {
  return Object.hasOwn(data, key) ? data[key] : undefined;
}
function needText(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "") throw new Error(`${what} must be a non-empty string`);
  return value;
}
function isScalar(value: unknown): boolean {
  return value === null || typeof value !== "object";
}
function isObject(value: unknown): value is Data {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
