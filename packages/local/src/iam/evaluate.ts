/**
 * IAM's decision over one request, in the documented order: an explicit deny anywhere wins, then allows are
 * looked for, and what nothing allows is denied.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
import type { AuthorisationRequest } from "../cloud/types.ts";
import type { PolicyDocument } from "../plan/types.ts";
import { buildContext } from "./context.ts";
import type { Context } from "./pattern.ts";
import { type Identity, identify, type PrincipalMatch } from "./principal.ts";
import { compilePolicy, describeRef, type Statement, type StatementRef } from "./statement.ts";

export interface Decision {
  allowed: boolean;
  outcome: "allow" | "explicitDeny" | "implicitDeny";
  /** For a denial: which policies denied, or which had to allow and did not. */
  by: "identity" | "boundary" | "resource";
  /** The statements that allowed, or the one that denied. */
  statements: StatementRef[];
  /** Without this one statement the answer would have been a denial. */
  decisive?: StatementRef;
  /** For an implicit deny: statements that cover the action and fail on something else, in words. */
  nearMisses: string[];
}

/** Statements of one holder, with those that cover an action found once per action. */
export class StatementSet {
  readonly statements: readonly Statement[];
  readonly #byAction = new Map<string, Statement[]>();

  constructor(statements: readonly Statement[]) {
    this.statements = statements;
  }

  covering(action: string): readonly Statement[] {
    let found = this.#byAction.get(action);
    if (!found) {
      found = this.statements.filter((statement) => statement.coversAction(action));
      this.#byAction.set(action, found);
    }
    return found;
  }
}

export interface Policies {
  /** Policies of the role that calls. */
  identity?: { name: string; document: PolicyDocument }[];
  /** The permissions boundary of that role. */
  boundary?: { name: string; document: PolicyDocument };
  /** The policy of the resource that is called; of a role, when it is assumed: its trust policy. */
  resource?: PolicyDocument;
  /** Account of resources whose ARN names none, such as buckets. */
  accountId: string;
}

/**
 * Decides one request from the policies given, keeping nothing.
 * @param now Milliseconds since the epoch, for aws:CurrentTime.
 * @throws Error when a policy is malformed.
 */
export function evaluate(policies: Policies, request: AuthorisationRequest, now = Date.now()): Decision {
  const problems: string[] = [];
  const holder = request.principal.kind === "role" ? request.principal.roleArn : "";
  const identity = (policies.identity ?? []).flatMap(({ name, document }) =>
    compilePolicy("identity", holder, name, document, problems),
  );
  const limit =
    policies.boundary &&
    new StatementSet(
      compilePolicy("boundary", holder, policies.boundary.name, policies.boundary.document, problems),
    );
  const resource = policies.resource
    ? compilePolicy(
        isTrust(request.action) ? "trust" : "resource",
        request.resource,
        request.resource,
        policies.resource,
        problems,
      )
    : [];
  if (problems.length > 0) throw new Error(problems.join("; "));
  const sets = {
    own: new StatementSet(identity),
    theirs: new StatementSet(resource),
    ...(limit && { limit }),
  };
  return decide(sets, request, policies.accountId, now);
}

/** Actions that a role's trust policy decides. */
export function isTrust(action: string): boolean {
  return /^sts:(AssumeRole|TagSession$|SetSourceIdentity$)/i.test(action);
}

/** What a decision is made of: the caller's policies, the resource's, and the boundary of the caller's role. */
export interface DecidingSets {
  own: StatementSet;
  theirs: StatementSet;
  limit?: StatementSet;
}

export function decide(
  { own: identityPolicies, theirs: resourcePolicies, limit }: DecidingSets,
  request: AuthorisationRequest,
  accountId: string,
  now: number,
): Decision {
  const { action, resource } = request;
  if (request.principal.kind === "developer")
    return { allowed: true, outcome: "allow", by: "identity", statements: [], nearMisses: [] };
  const identity = identify(request.principal);
  const context = buildContext(request, identity, accountId, now);
  const own = identityPolicies.covering(action).filter((statement) => holds(statement, resource, context));
  const theirs = resourcePolicies
    .covering(action)
    .map((statement) => ({ statement, match: statement.principal?.match(identity) ?? "none" }))
    .filter(({ statement, match }) => match !== "none" && holds(statement, resource, context));

  const within = limit?.covering(action).filter((statement) => holds(statement, resource, context));

  for (const [by, statements] of [
    ["identity", own],
    ["boundary", within ?? []],
    ["resource", theirs.map(({ statement }) => statement)],
  ] as const) {
    const denying = statements.find((statement) => statement.effect === "Deny");
    if (denying)
      return { allowed: false, outcome: "explicitDeny", by, statements: [denying.ref], nearMisses: [] };
  }

  const allowedOwn = own.map((statement) => statement.ref);
  const allowedTheirs = theirs.map(({ statement, match }) => ({ ref: statement.ref, match }));
  const sameAccount = identity.account === (resource.split(":")[4] || accountId);
  const verdict = combine(identity, sameAccount, mustBeNamed(action), allowedOwn, allowedTheirs);
  // Not told apart: on AWS a policy of the resource that names the session, not the role, passes the boundary by.
  if (verdict.allowed && within?.length === 0)
    return { allowed: false, outcome: "implicitDeny", by: "boundary", statements: [], nearMisses: [] };
  if (verdict.allowed) return { ...verdict, outcome: "allow", nearMisses: [] };
  return {
    allowed: false,
    outcome: "implicitDeny",
    by: verdict.by,
    statements: [],
    nearMisses: explain(identityPolicies, resourcePolicies, request, identity, context),
  };
}

/**
 * Trust policies of roles and key policies must themselves let a principal in: an identity policy alone is not
 * enough, in the same account neither.
 */
function mustBeNamed(action: string): boolean {
  return isTrust(action) || action.toLowerCase().startsWith("kms:");
}

interface Verdict {
  allowed: boolean;
  by: "identity" | "resource";
  statements: StatementRef[];
  decisive?: StatementRef;
}

function combine(
  identity: Identity,
  sameAccount: boolean,
  named: boolean,
  own: StatementRef[],
  theirs: { ref: StatementRef; match: PrincipalMatch }[],
): Verdict {
  const direct = theirs.filter(({ match }) => match === "direct").map(({ ref }) => ref);
  const any = theirs.map(({ ref }) => ref);
  const deny = (by: Verdict["by"]): Verdict => ({ allowed: false, by, statements: [] });

  // Services and the anonymous have no identity policies.
  if (identity.kind !== "role")
    return direct.length > 0 ? allow("resource", direct, direct) : deny("resource");

  if (sameAccount && !named) {
    // Either side is enough. A policy that names only the account leaves the decision to the role's own.
    const allowing = [...own, ...direct];
    if (allowing.length === 0) return deny("identity");
    return allow(own.length > 0 ? "identity" : "resource", allowing, allowing);
  }
  if (any.length === 0) return deny("resource");
  if (sameAccount && direct.length > 0) return allow("resource", [...direct, ...own], direct);
  if (own.length === 0) return deny("identity");
  return allow("identity", [...own, ...any], own, any);
}

/** @param needed Sets of which each must keep one member for the request to stay allowed. */
function allow(by: Verdict["by"], statements: StatementRef[], ...needed: StatementRef[][]): Verdict {
  const decisive = needed.find((set) => set.length === 1)?.[0];
  return { allowed: true, by, statements, ...(decisive ? { decisive } : {}) };
}

function holds(statement: Statement, resource: string, context: Context): boolean {
  return (
    statement.coversResource(resource, context) &&
    statement.conditions.every((condition) => condition.test(context))
  );
}

/** What stood between the request and each statement that covers its action. */
function explain(
  identityPolicies: StatementSet,
  resourcePolicies: StatementSet,
  request: AuthorisationRequest,
  identity: Identity,
  context: Context,
): string[] {
  const covering = [
    ...identityPolicies.covering(request.action),
    ...resourcePolicies.covering(request.action),
  ];
  return covering
    .filter((statement) => statement.effect === "Allow")
    .map((statement) => {
      const failed = statement.conditions.find((condition) => !condition.test(context));
      const why =
        statement.principal?.match(identity) === "none"
          ? "is for another principal"
          : !statement.coversResource(request.resource, context)
            ? "is for another resource"
            : failed
              ? `asks for ${failed.operator} ${failed.key}, which the request does not meet`
              : "is not enough alone";
      return `${describeRef(statement.ref)} ${why}`;
    });
}
