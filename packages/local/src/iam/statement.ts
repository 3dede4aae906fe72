/** One policy statement, compiled for many requests. */
import type { PolicyDocument, PolicyStatement } from "../plan/types.ts";
import { type CompiledCondition, compileCondition } from "./conditions.ts";
import { type Context, compileArnPattern, compilePattern, type Matcher, variablesIn } from "./pattern.ts";
import { type CompiledPrincipal, compilePrincipal } from "./principal.ts";

/**
 * `identity`: a role's own policy. `boundary`: its permissions boundary. `resource`: a queue's, topic's, bucket's ...
 * `trust`: who may assume a role.
 */
export type PolicyKind = "identity" | "boundary" | "resource" | "trust";

/** Names one statement of the graph. */
export interface StatementRef {
  kind: PolicyKind;
  /** ARN of the role or of the resource that carries the policy. */
  holder: string;
  /** Name or ARN of the policy; the holder's ARN for a resource's policy. */
  policy: string;
  /** Position in the policy, from 0. */
  index: number;
  sid?: string;
}

export interface Statement {
  ref: StatementRef;
  effect: "Allow" | "Deny";
  source: PolicyStatement;
  /** One for each entry of Action or NotAction, as written. */
  actions: { text: string; matcher: Matcher }[];
  resources: { text: string; matcher: Matcher }[];
  principal: CompiledPrincipal | undefined;
  conditions: CompiledCondition[];
  /** Condition keys, in lower case, that the outcome depends on. */
  keys: string[];
  coversAction(action: string): boolean;
  coversResource(resource: string, context: Context): boolean;
}

const nothing: Context = new Map();

/**
 * @param problems Gets a line for each statement that AWS would refuse. Such a statement takes no effect here,
 * as its policy would never have been stored there.
 */
export function compilePolicy(
  kind: PolicyKind,
  holder: string,
  policy: string,
  document: PolicyDocument,
  problems: string[],
): Statement[] {
  const statements = Array.isArray(document.Statement) ? document.Statement : [document.Statement];
  const variables = document.Version === "2012-10-17";
  return statements.flatMap((source, index) => {
    const ref: StatementRef = { kind, holder, policy, index, ...(source.Sid ? { sid: source.Sid } : {}) };
    try {
      return [compileStatement(ref, source, variables)];
    } catch (error) {
      problems.push(`${describeRef(ref)} is malformed: ${(error as Error).message}`);
      return [];
    }
  });
}

export function describeRef(ref: StatementRef): string {
  const name = ref.sid ? `"${ref.sid}"` : `${ref.index}`;
  return ref.policy === ref.holder
    ? `statement ${name} of the ${ref.kind} policy of ${ref.holder}`
    : `statement ${name} of policy ${ref.policy} of ${ref.holder}`;
}

function compileStatement(ref: StatementRef, source: PolicyStatement, variables: boolean): Statement {
  if (source.Effect !== "Allow" && source.Effect !== "Deny") throw new Error("Effect must be Allow or Deny");
  const actionTexts = oneOf(source, "Action", "NotAction");
  if (!actionTexts) throw new Error("it needs Action or NotAction");
  const resourceTexts = oneOf(source, "Resource", "NotResource");
  if (!resourceTexts && ref.kind !== "trust") throw new Error("it needs Resource or NotResource");
  const hasPrincipal = source.Principal !== undefined || source.NotPrincipal !== undefined;
  const ofRole = ref.kind === "identity" || ref.kind === "boundary";
  if (ofRole && hasPrincipal) throw new Error("a role's policy takes no Principal");
  if (!ofRole && !hasPrincipal) throw new Error("it needs Principal");
  if (source.Principal !== undefined && source.NotPrincipal !== undefined)
    throw new Error("Principal and NotPrincipal exclude each other");

  const actions = actionTexts.map((text) => ({
    text,
    matcher: compilePattern(text, { variables: false, wildcards: true, ignoreCase: true }),
  }));
  const resources = (resourceTexts ?? []).map((text) => ({
    text,
    matcher: compileArnPattern(text, variables),
  }));
  const conditions = Object.entries(source.Condition ?? {}).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => compileCondition(operator, key, toTexts(values), variables)),
  );
  const negatedAction = source.NotAction !== undefined;
  const negatedResource = source.NotResource !== undefined;
  const resourceVariables = variables ? (resourceTexts ?? []).flatMap(variablesIn) : [];

  return {
    ref,
    effect: source.Effect,
    source,
    actions,
    resources,
    principal: hasPrincipal
      ? compilePrincipal(source.Principal, source.NotPrincipal, source.Effect)
      : undefined,
    conditions,
    keys: [
      ...conditions.map((condition) => condition.key.toLowerCase()),
      ...resourceVariables,
      ...(variables ? conditionVariables(source) : []),
    ],
    coversAction: (action) =>
      actions.some(({ matcher }) => matcher.matches(action, nothing)) !== negatedAction,
    coversResource(resource, context) {
      if (resources.length === 0) return true;
      const listed = resources.some(({ matcher }) => matcher.matches(resource, context));
      if (!negatedResource) return listed;
      // NotResource with a variable that the request lacks says nothing about what it excludes: an Allow
      // must not widen because of it, a Deny must not shrink.
      if (source.Effect === "Allow" && resourceVariables.some((key) => context.get(key)?.length !== 1))
        return false;
      return !listed;
    },
  };
}

function oneOf<K extends "Action" | "Resource">(
  source: PolicyStatement,
  key: K,
  notKey: `Not${K}`,
): string[] | undefined {
  const wanted = source[key];
  const unwanted = source[notKey];
  if (wanted !== undefined && unwanted !== undefined)
    throw new Error(`${key} and ${notKey} exclude each other`);
  const values = wanted ?? unwanted;
  if (values === undefined) return undefined;
  const texts = toTexts(values);
  if (texts.length === 0) throw new Error(`${wanted === undefined ? notKey : key} is empty`);
  return texts;
}

/** Policies made by programs hold booleans and numbers where the grammar has text; AWS takes both. */
function toTexts(values: unknown): string[] {
  return (Array.isArray(values) ? values : [values]).map(String);
}

function conditionVariables(source: PolicyStatement): string[] {
  return Object.values(source.Condition ?? {}).flatMap((keys) =>
    Object.values(keys).flatMap((values) => toTexts(values).flatMap(variablesIn)),
  );
}
