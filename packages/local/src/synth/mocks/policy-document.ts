/** `aws.iam.getPolicyDocument`, evaluated as the AWS provider does. */

interface Statement {
  sid?: string;
  effect?: string;
  actions?: string[];
  notActions?: string[];
  resources?: string[];
  notResources?: string[];
  principals?: { type: string; identifiers: string[] }[];
  notPrincipals?: { type: string; identifiers: string[] }[];
  conditions?: { test: string; variable: string; values: string[] }[];
}
type Json = Record<string, unknown>;

/**
 * @returns `json` in IAM's casing, with one-element lists as plain strings, and `statements` echoed (absent when
 * there are none: SST takes a list, even an empty one, for a policy to attach).
 */
export function policyDocument(inputs: Record<string, unknown>): Record<string, unknown> {
  const statements = (inputs.statements ?? []) as Statement[];
  const version = typeof inputs.version === "string" ? inputs.version : "2012-10-17";
  const own = statements.map(toJson);
  const merged = merge([
    ...documents(inputs.sourceJson ?? inputs.sourcePolicyDocuments),
    own,
    ...documents(inputs.overrideJson ?? inputs.overridePolicyDocuments),
  ]);
  const document: Json = {
    Version: version,
    ...(inputs.policyId ? { Id: inputs.policyId } : {}),
    Statement: merged,
  };
  const json = JSON.stringify(document, null, 2);
  return {
    ...inputs,
    ...(statements.length > 0 ? { statements } : { statements: undefined }),
    version,
    json,
    minifiedJson: JSON.stringify(document),
    id: String(hash(json)),
  };
}

function toJson(statement: Statement): Json {
  const json: Json = {};
  if (statement.sid) json.Sid = statement.sid;
  json.Effect = statement.effect || "Allow";
  const lists = {
    Action: statement.actions,
    NotAction: statement.notActions,
    Resource: statement.resources,
    NotResource: statement.notResources,
  };
  for (const [key, list] of Object.entries(lists)) if (list && list.length > 0) json[key] = shortest(list);
  const principal = principals(statement.principals);
  if (principal !== undefined) json.Principal = principal;
  const notPrincipal = principals(statement.notPrincipals);
  if (notPrincipal !== undefined) json.NotPrincipal = notPrincipal;
  if (statement.conditions && statement.conditions.length > 0) {
    const conditions: Record<string, Record<string, unknown>> = {};
    for (const { test, variable, values } of statement.conditions) {
      const operator = conditions[test] ?? {};
      conditions[test] = operator;
      operator[variable] = shortest(values);
    }
    json.Condition = conditions;
  }
  return json;
}

function principals(list: Statement["principals"]): unknown {
  if (!list || list.length === 0) return undefined;
  const byType: Record<string, string[]> = {};
  for (const { type, identifiers } of list) {
    if (type === "*" && identifiers.includes("*")) return "*";
    byType[type] = [...(byType[type] ?? []), ...identifiers];
  }
  return Object.fromEntries(
    Object.entries(byType).map(([type, identifiers]) => [type, shortest(identifiers)]),
  );
}

function shortest(list: string[]): string | string[] {
  const [first] = list;
  return list.length === 1 && first !== undefined ? first : list;
}

function documents(source: unknown): Json[][] {
  const texts = Array.isArray(source) ? source : typeof source === "string" ? [source] : [];
  return texts.filter(Boolean).map((text) => {
    const { Statement: list } = JSON.parse(String(text)) as { Statement?: Json | Json[] };
    return Array.isArray(list) ? list : list ? [list] : [];
  });
}

/** A later statement takes the place of an earlier one with its Sid. */
function merge(lists: Json[][]): Json[] {
  const merged: Json[] = [];
  for (const statement of lists.flat()) {
    const index = statement.Sid ? merged.findIndex(({ Sid }) => Sid === statement.Sid) : -1;
    if (index >= 0) merged[index] = statement;
    else merged.push(statement);
  }
  return merged;
}

function hash(text: string): number {
  let value = 0;
  for (let index = 0; index < text.length; index++) value = (value * 31 + text.charCodeAt(index)) >>> 0;
  return value;
}
