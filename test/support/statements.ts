/** Statements of a plan, and plans without some of them. */

import type { AuthorisationRequest, Plan } from "@frontdesk/local";
import { createIam } from "../../packages/local/src/iam/index.ts";

type Document = Plan["roles"][number]["trust"];
export type Statement = Extract<Document["Statement"], readonly unknown[]>[number];

export interface PlacedStatement {
  kind: "identity" | "trust" | "resource";
  /** ARN of the role or resource that carries it. */
  holder: string;
  policy: string;
  index: number;
  statement: Statement;
}

export function statementsOf(plan: Plan): PlacedStatement[] {
  const found: PlacedStatement[] = [];
  visit(plan, (placed) => {
    found.push(placed);
    return [placed.statement];
  });
  return found;
}

/** A copy that lacks the statements. */
export function planWithout(plan: Plan, removed: readonly PlacedStatement[]): Plan {
  const copy = structuredClone(plan);
  visit(copy, (placed) => (removed.some((one) => isSame(one, placed)) ? [] : [placed.statement]));
  return copy;
}

/** A copy in which a statement says something else. */
export function planWith(plan: Plan, changed: PlacedStatement, statement: Statement): Plan {
  const copy = structuredClone(plan);
  visit(copy, (placed) => [isSame(changed, placed) ? statement : placed.statement]);
  return copy;
}

function isSame(a: PlacedStatement, b: PlacedStatement): boolean {
  return a.kind === b.kind && a.holder === b.holder && a.policy === b.policy && a.index === b.index;
}

/** Puts in the place of each statement what `replace` says. */
function visit(plan: Plan, replace: (placed: PlacedStatement) => Statement[]): void {
  const each = (kind: PlacedStatement["kind"], holder: string, policy: string, document: Document) => {
    document.Statement = [document.Statement]
      .flat()
      .flatMap((statement, index) => replace({ kind, holder, policy, index, statement }));
  };
  for (const role of plan.roles) {
    for (const { name, document } of role.policies) each("identity", role.arn, name, document);
    each("trust", role.arn, "trust", role.trust);
  }
  for (const [index, { resource, document }] of plan.resourcePolicies.entries())
    each("resource", resource, `${index}`, document);
}

/** The first of the requests that the plan does not allow, and what AWS would say to it. */
export function firstDenial(
  plan: Plan,
  requests: readonly AuthorisationRequest[],
): { request: AuthorisationRequest; message: string } | undefined {
  const iam = createIam(plan, { observer: { record() {}, on: () => () => {} } });
  for (const request of requests)
    try {
      iam.authorise(request);
    } catch (error) {
      return { request, message: (error as Error).message };
    }
  return undefined;
}

/** In words, for the name of a test that fails and for the list of what nobody uses. */
export function describeStatement({ kind, holder, statement }: PlacedStatement): string {
  const actions = [statement.Action ?? statement.NotAction].flat().join(", ");
  const resources = [statement.Resource ?? statement.NotResource ?? "itself"].flat().join(", ");
  return `${kind} policy of ${holder}: ${statement.Effect} ${actions} on ${resources}`;
}
