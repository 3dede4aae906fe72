/**
 * Condition operators of IAM policies.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
import { BlockList, isIP } from "node:net";
import { type Context, compileArnPattern, compilePattern, substitute } from "./pattern.ts";

export interface CompiledCondition {
  /** As written, e.g. `ForAnyValue:StringLike`. */
  operator: string;
  /** As written, e.g. `aws:SourceArn`. */
  key: string;
  test(context: Context): boolean;
}

/** Does one value of the request meet one value of the policy? */
type Comparison = (actual: string, context: Context) => boolean;
interface Operator {
  negated: boolean;
  /** Throws when AWS would refuse the value. */
  compile(wanted: string, variables: boolean): Comparison;
}

const equal = exactly((text) => text);
const equalIgnoringCase = exactly((text) => text.toLowerCase());
const like = (wanted: string, variables: boolean): Comparison => {
  const pattern = compilePattern(wanted, { variables, wildcards: true });
  return (actual, context) => pattern.matches(actual, context);
};
const arnLike = (wanted: string, variables: boolean): Comparison => {
  const pattern = compileArnPattern(wanted, variables);
  return (actual, context) => pattern.matches(actual, context);
};

const operators = new Map<string, Operator>();
function add(name: string, compile: Operator["compile"], negated = false) {
  operators.set(name.toLowerCase(), { negated, compile });
}
add("StringEquals", equal);
add("StringNotEquals", equal, true);
add("StringEqualsIgnoreCase", equalIgnoringCase);
add("StringNotEqualsIgnoreCase", equalIgnoringCase, true);
add("StringLike", like);
add("StringNotLike", like, true);
// ArnEquals and ArnLike behave alike.
add("ArnEquals", arnLike);
add("ArnLike", arnLike);
add("ArnNotEquals", arnLike, true);
add("ArnNotLike", arnLike, true);
for (const [family, parse] of [
  ["Numeric", toNumber],
  ["Date", toDate],
] as const) {
  add(
    `${family}Equals`,
    ordered(parse, (actual, wanted) => actual === wanted),
  );
  add(
    `${family}NotEquals`,
    ordered(parse, (actual, wanted) => actual === wanted),
    true,
  );
  add(
    `${family}LessThan`,
    ordered(parse, (actual, wanted) => actual < wanted),
  );
  add(
    `${family}LessThanEquals`,
    ordered(parse, (actual, wanted) => actual <= wanted),
  );
  add(
    `${family}GreaterThan`,
    ordered(parse, (actual, wanted) => actual > wanted),
  );
  add(
    `${family}GreaterThanEquals`,
    ordered(parse, (actual, wanted) => actual >= wanted),
  );
}
add(
  "Bool",
  exactly((text) => text.toLowerCase()),
);
add(
  "BinaryEquals",
  exactly((text) => Buffer.from(text, "base64").toString("hex")),
);
add("IpAddress", address);
add("NotIpAddress", address, true);

/**
 * @param values Those of the policy; one of them must be met (none, for a negated operator).
 * @throws Error naming an operator or a value that AWS would refuse.
 */
export function compileCondition(
  operator: string,
  key: string,
  values: string[],
  variables: boolean,
): CompiledCondition {
  const { quantifier, base, ifExists } = parseOperator(operator);
  const name = key.toLowerCase();
  if (base.toLowerCase() === "null") {
    const absent = values.map((value) => value.toLowerCase() === "true");
    return {
      operator,
      key,
      test: (context) => absent.includes((context.get(name)?.length ?? 0) === 0),
    };
  }
  const found = operators.get(base.toLowerCase());
  if (!found) throw new Error(`"${operator}" is not a condition operator of IAM`);
  const comparisons = values.map((value) => found.compile(value, variables));
  const meets = (actual: string, context: Context) =>
    comparisons.some((comparison) => comparison(actual, context)) !== found.negated;

  return {
    operator,
    key,
    test(context) {
      const actual = context.get(name) ?? [];
      if (actual.length === 0) {
        if (ifExists || quantifier === "forallvalues") return true;
        // A missing key equals nothing, so it does meet "not equals"; ForAnyValue wants a value to be there.
        return found.negated && quantifier === undefined;
      }
      if (quantifier === "foranyvalue") return actual.some((value) => meets(value, context));
      if (quantifier === "forallvalues" || found.negated)
        return actual.every((value) => meets(value, context));
      return actual.some((value) => meets(value, context));
    },
  };
}

function parseOperator(operator: string) {
  const colon = operator.indexOf(":");
  const quantifier = colon < 0 ? undefined : operator.slice(0, colon).toLowerCase();
  if (quantifier !== undefined && quantifier !== "forallvalues" && quantifier !== "foranyvalue")
    throw new Error(`"${operator}" is not a condition operator of IAM`);
  const rest = operator.slice(colon + 1);
  const ifExists = rest.toLowerCase().endsWith("ifexists");
  return { quantifier, base: ifExists ? rest.slice(0, -"ifexists".length) : rest, ifExists };
}

function exactly(fold: (text: string) => string): Operator["compile"] {
  return (wanted, variables) => {
    if (!variables || !wanted.includes("${")) {
      const folded = fold(wanted);
      return (actual) => fold(actual) === folded;
    }
    return (actual, context) => {
      const text = substitute(wanted, variables, context);
      return text !== undefined && fold(actual) === fold(text);
    };
  };
}

function ordered(
  parse: (text: string) => number,
  compare: (actual: number, wanted: number) => boolean,
): Operator["compile"] {
  return (wanted, variables) => {
    const fixed = wanted.includes("${") ? undefined : parse(wanted);
    if (fixed !== undefined && Number.isNaN(fixed))
      throw new Error(`"${wanted}" is neither a number nor a date`);
    return (actual, context) => {
      const right = fixed ?? parse(substitute(wanted, variables, context) ?? "");
      const left = parse(actual);
      return !Number.isNaN(left) && !Number.isNaN(right) && compare(left, right);
    };
  };
}

function toNumber(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

/** Milliseconds of an ISO 8601 date, or of seconds since the epoch. */
function toDate(text: string): number {
  return /^\d{5,}(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

function address(wanted: string): Comparison {
  const [network = "", length] = wanted.split("/");
  const version = isIP(network);
  if (version === 0) throw new Error(`"${wanted}" is neither an IP address nor a CIDR block`);
  const family = version === 4 ? "ipv4" : "ipv6";
  const block = new BlockList();
  block.addSubnet(network, length === undefined ? (version === 4 ? 32 : 128) : Number(length), family);
  return (actual) => {
    const actualVersion = isIP(actual);
    return actualVersion !== 0 && block.check(actual, actualVersion === 4 ? "ipv4" : "ipv6");
  };
}
