/**
 * Filter criteria of event source mappings: EventBridge patterns over the record
 * (https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html,
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html).
 */
import type { SqsRecord } from "./record.ts";

/** Compiled criteria; a record passes when one of the filters matches. */
export type RecordFilter = (record: SqsRecord) => boolean;

/** Takes the values that a field has (none: it is missing), and says whether one of them is meant. */
type Condition = (values: unknown[]) => boolean;
type Matcher = (value: unknown) => boolean;

/** @throws Error naming what AWS would refuse in a pattern. */
export function compileFilters(filters: Record<string, unknown>[]): RecordFilter {
  if (filters.length === 0) return () => true;
  const compiled = filters.map(compileFilter);
  return (record) => compiled.some((matches) => matches(record));
}

function compileFilter(pattern: Record<string, unknown>): RecordFilter {
  const { body, ...rest } = pattern;
  const matchesRest = compileObject(rest);
  if (body === undefined) return matchesRest;
  // A list of texts is meant for bodies that are plain text, a pattern for those that are JSON: never the other way.
  const plain = Array.isArray(body);
  const matchesBody = plain ? compileLeaf(body) : compileObject(asObject(body, "body"));
  return (record) => {
    if (!matchesRest(record)) return false;
    const json = parseObject(record.body);
    if (plain) return json === undefined && matchesBody([record.body]);
    return json !== undefined && (matchesBody as Matcher)(json);
  };
}

function compileObject(pattern: Record<string, unknown>): Matcher {
  const parts = Object.entries(pattern).map(([key, wanted]): Matcher => {
    if (key === "$or") {
      if (!Array.isArray(wanted) || wanted.length < 2)
        throw new Error('"$or" needs a list of at least two patterns');
      const choices = wanted.map((choice) => compileObject(asObject(choice, "$or")));
      return (value) => choices.some((matches) => matches(value));
    }
    if (Array.isArray(wanted)) {
      const condition = compileLeaf(wanted);
      return (value) => condition(leavesOf(field(value, key)));
    }
    const inner = compileObject(asObject(wanted, key));
    return (value) => {
      const found = field(value, key);
      // One element of a list has to match all of it. A missing object is matched by what asks for absence.
      return Array.isArray(found) ? found.some(inner) : inner(found);
    };
  });
  return (value) => parts.every((matches) => matches(value));
}

function compileLeaf(wanted: unknown[]): Condition {
  if (wanted.length === 0) throw new Error("an empty list matches nothing");
  const conditions = wanted.map((item): Condition => {
    if (typeof item !== "object" || item === null) return anyOf((value) => value === item);
    const operators = Object.entries(item);
    const [operator] = operators;
    if (!operator || operators.length > 1)
      throw new Error(`${JSON.stringify(item)} must be a single operator`);
    return compileOperator(...operator);
  });
  return (values) => conditions.some((matches) => matches(values));
}

function compileOperator(operator: string, argument: unknown): Condition {
  switch (operator) {
    case "exists":
      return (values) => values.length > 0 === (argument === true);
    case "prefix":
      return anyText(compileText(argument, (value, wanted) => value.startsWith(wanted)));
    case "suffix":
      return anyText(compileText(argument, (value, wanted) => value.endsWith(wanted)));
    case "equals-ignore-case": {
      const wanted = text(argument, operator).toLowerCase();
      return anyText((value) => value.toLowerCase() === wanted);
    }
    case "wildcard": {
      const pattern = wildcard(text(argument, operator));
      return anyText((value) => pattern.test(value));
    }
    case "numeric": {
      const matches = compileNumeric(argument);
      return anyOf((value) => typeof value === "number" && matches(value));
    }
    case "anything-but":
      return compileAnythingBut(argument);
    default:
      throw new Error(`the operator "${operator}" is not known`);
  }
}

const anyOf =
  (matches: Matcher): Condition =>
  (values) =>
    values.some(matches);
const anyText = (matches: (value: string) => boolean) =>
  anyOf((value) => typeof value === "string" && matches(value));

/** An argument that is a text, or `{"equals-ignore-case": text}`. */
function compileText(argument: unknown, compare: (value: string, wanted: string) => boolean) {
  const folded = (argument as { "equals-ignore-case"?: unknown } | null)?.["equals-ignore-case"];
  if (folded === undefined) {
    const wanted = text(argument, "prefix or suffix");
    return (value: string) => compare(value, wanted);
  }
  const wanted = text(folded, "equals-ignore-case").toLowerCase();
  return (value: string) => compare(value.toLowerCase(), wanted);
}

/** A missing field is not "anything but": it needs a value that is none of the named. */
function compileAnythingBut(argument: unknown): Condition {
  if (typeof argument === "object" && argument !== null && !Array.isArray(argument)) {
    const refused = Object.entries(argument).map(([operator, inner]) =>
      (Array.isArray(inner) && operator !== "numeric" ? inner : [inner]).map((one) =>
        compileOperator(operator, one),
      ),
    );
    return anyOf((value) => !refused.flat().some((matches) => matches([value])));
  }
  const refused = new Set<unknown>(Array.isArray(argument) ? argument : [argument]);
  return anyOf((value) => !refused.has(value));
}

/** `[">", 0, "<=", 5]` */
function compileNumeric(argument: unknown): (value: number) => boolean {
  const comparisons: Record<string, (value: number, bound: number) => boolean> = {
    "=": (value, bound) => value === bound,
    "<": (value, bound) => value < bound,
    "<=": (value, bound) => value <= bound,
    ">": (value, bound) => value > bound,
    ">=": (value, bound) => value >= bound,
  };
  if (!Array.isArray(argument) || argument.length === 0 || argument.length % 2 !== 0)
    throw new Error('"numeric" needs pairs such as [">", 0, "<=", 5]');
  const checks: ((value: number) => boolean)[] = [];
  for (let index = 0; index < argument.length; index += 2) {
    const compare = comparisons[String(argument[index])];
    const bound: unknown = argument[index + 1];
    if (!compare || typeof bound !== "number")
      throw new Error(`"numeric" does not know ${JSON.stringify(argument.slice(index, index + 2))}`);
    checks.push((value) => compare(value, bound));
  }
  return (value) => checks.every((check) => check(value));
}

function wildcard(pattern: string): RegExp {
  const escaped = pattern.replace(
    /\\([*\\])|([.+?^${}()|[\]\\])|(\*)/g,
    (_, literal?: string, special?: string) =>
      literal !== undefined ? `\\${literal}` : special !== undefined ? `\\${special}` : ".*",
  );
  return new RegExp(`^${escaped}$`, "s");
}

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
/** The values of a field: those of its list, itself, or none. Objects are no values. */
function leavesOf(value: unknown): unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  return typeof value === "object" && value !== null ? [] : [value];
}
function parseObject(body: string): unknown {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}
function asObject(value: unknown, key: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`"${key}" needs a pattern or a list of values, not ${JSON.stringify(value)}`);
  return value as Record<string, unknown>;
}
function text(value: unknown, operator: string): string {
  if (typeof value !== "string") throw new Error(`"${operator}" needs a text, not ${JSON.stringify(value)}`);
  return value;
}
