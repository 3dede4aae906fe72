/** What a graph's policies say, as sentences. */
import { buildPlan, type Graph, type Plan } from "@frontdesk/local";
import { namer } from "./names.ts";

type Document = Plan["roles"][number]["trust"];
export type PolicyStatement = Extract<Document["Statement"], readonly unknown[]>[number];

export interface Sentence {
  /** `identity`: what a role may do. `trust`: who may take a role. `resource`: who may do something to a resource. */
  kind: "identity" | "trust" | "resource";
  /** Logical name of the role (its function's, where it is one's) or of the resource. */
  holder: string;
  effect: "Allow" | "Deny";
  /** Who, where the policy says so. */
  principal?: string;
  actions: string[];
  resources: string[];
  /** `aws:SourceAccount StringEquals <account>` */
  conditions: string[];
}

export function sentencesOf(graph: Graph, plan: Plan = buildPlan(graph)): Sentence[] {
  const name = namer(graph);
  const read = (kind: Sentence["kind"], holder: string, document: Document) =>
    [document.Statement].flat().map(
      (statement): Sentence => ({
        kind,
        holder: name(holder),
        ...sentence(statement, name),
      }),
    );
  const all = [
    ...plan.roles.flatMap((role) => [
      ...read("trust", role.arn, role.trust),
      ...role.policies.flatMap(({ document }) => read("identity", role.arn, document)),
    ]),
    ...plan.resourcePolicies.flatMap(({ resource, document }) => read("resource", resource, document)),
  ];
  return all.toSorted((a, b) => (a.holder < b.holder ? -1 : a.holder > b.holder ? 1 : 0));
}

function sentence(
  statement: PolicyStatement,
  name: (arn: string) => string,
): Omit<Sentence, "kind" | "holder"> {
  const {
    Effect,
    Principal,
    NotPrincipal,
    Action,
    NotAction,
    Resource,
    NotResource,
    Condition = {},
  } = statement;
  const not = (prefix: string, list: string[]) => list.map((item) => `${prefix}${item}`);
  const names = (value: string | string[] | undefined) => [value ?? []].flat().map(name);
  const principals = [...who(Principal), ...not("everybody but ", who(NotPrincipal))].map(name);
  return {
    effect: Effect,
    ...(principals.length > 0 && { principal: principals.toSorted().join(", ") }),
    actions: [...[Action ?? []].flat(), ...not("all but ", [NotAction ?? []].flat())].toSorted(),
    resources: [...names(Resource), ...not("all but ", names(NotResource))].toSorted(),
    conditions: Object.entries(Condition)
      .flatMap(([operator, keys]) =>
        Object.entries(keys).map(
          ([key, values]) => `${key} ${operator} ${names(values).toSorted().join(" or ")}`,
        ),
      )
      .toSorted(),
  };
}

function who(principal: PolicyStatement["Principal"]): string[] {
  if (principal === undefined) return [];
  return principal === "*" ? ["everybody"] : Object.values(principal).flat();
}

/** `may sqs:SendMessage on JobsQueue`; what is said twice of a holder is there once. */
export function inWords({ kind, effect, principal, actions, resources, conditions }: Sentence): string {
  const may = effect === "Allow" ? "may" : "may not";
  return [
    ...(principal === undefined ? [] : [principal]),
    may,
    actions.join(" "),
    ...(kind === "trust" ? [] : ["on", resources.join(", ")]),
    ...(conditions.length > 0 ? ["if", conditions.join(" and ")] : []),
  ].join(" ");
}
