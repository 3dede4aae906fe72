/** The policies of a plan, found by role and by resource. */
import type { AuthorisationRequest } from "../cloud/types.ts";
import type { Plan } from "../plan/types.ts";
import { type Decision, decide, isTrust, StatementSet } from "./evaluate.ts";
import { compilePolicy, type Statement } from "./statement.ts";

/** Conditions that narrow a bucket policy enough for S3 not to call it public. */
const narrowingKeys = new Set(
  "aws:sourceip aws:sourcearn aws:sourcevpc aws:sourcevpce aws:sourceowner aws:sourceaccount aws:userid aws:principalorgid aws:principalarn aws:principalaccount".split(
    " ",
  ),
);
const none = new StatementSet([]);

export interface PlanPolicies {
  /** Lines about statements that AWS would refuse. */
  problems: string[];
  /** Every statement of every role and resource. */
  statements: Statement[];
  /** Condition keys, in lower case, that any statement asks for. */
  keys: ReadonlySet<string>;
  decide(request: AuthorisationRequest, now: number): Decision;
}

export function compilePlan(plan: Plan): PlanPolicies {
  const problems: string[] = [];
  const identity = new Map<string, StatementSet>();
  const boundary = new Map<string, StatementSet>();
  const trust = new Map<string, StatementSet>();
  const resource = new Map<string, StatementSet>();

  for (const role of plan.roles) {
    const own = role.policies.flatMap(({ name, document }) =>
      compilePolicy("identity", role.arn, name, document, problems),
    );
    identity.set(role.arn, new StatementSet(own));
    if (role.boundary) {
      const { name, document } = role.boundary;
      boundary.set(role.arn, new StatementSet(compilePolicy("boundary", role.arn, name, document, problems)));
    }
    trust.set(role.arn, new StatementSet(compilePolicy("trust", role.arn, role.arn, role.trust, problems)));
  }
  for (const { resource: arn, document } of plan.resourcePolicies) {
    const first = resource.get(arn);
    // SQS, SNS and S3 keep one policy: on AWS the deployment order would decide which of the two is left.
    if (first)
      problems.push(`${arn} has two policies in the graph; on AWS the one written last replaces the other`);
    const name = first ? `${arn} (second)` : arn;
    const added = compilePolicy("resource", arn, name, document, problems);
    resource.set(arn, new StatementSet([...(first?.statements ?? []), ...added]));
  }
  for (const bucket of plan.buckets) {
    const policies = resource.get(bucket.arn);
    if (bucket.blockPublicAccess && policies)
      resource.set(bucket.arn, new StatementSet(policies.statements.map(withoutPublicAccess)));
  }
  const statements = [identity, trust, resource].flatMap((sets) =>
    [...sets.values()].flatMap((set) => set.statements),
  );

  return {
    problems,
    statements,
    keys: new Set(
      [...statements, ...[...boundary.values()].flatMap((set) => set.statements)].flatMap(
        (statement) => statement.keys,
      ),
    ),
    decide(request, now) {
      const { principal } = request;
      const own = principal.kind === "role" ? (identity.get(principal.roleArn) ?? none) : none;
      const limit = principal.kind === "role" ? boundary.get(principal.roleArn) : undefined;
      const theirs = isTrust(request.action)
        ? (trust.get(request.resource) ?? none)
        : (policiesOf(resource, request.resource) ?? defaultPolicies(plan, request) ?? none);
      return decide({ own, theirs, ...(limit && { limit }) }, request, plan.accountId, now);
    },
  };
}

/**
 * Decides one request against a plan, keeping nothing: to ask what a graph with a statement taken out would have
 * answered.
 */
export function evaluateAgainst(plan: Plan, request: AuthorisationRequest, now = Date.now()): Decision {
  return compilePlan(plan).decide(request, now);
}

/** Answers requests by a plan's policies as they are now, keeping nothing; `evaluateAgainst` for many requests. */
export function decider(plan: Plan): (request: AuthorisationRequest, now?: number) => Decision {
  const policies = compilePlan(plan);
  return (request, now = Date.now()) => policies.decide(request, now);
}

/** A policy hangs on the bucket of an object, the function of an alias, the topic of a subscription. */
function policiesOf(all: Map<string, StatementSet>, arn: string): StatementSet | undefined {
  const exact = all.get(arn);
  if (exact) return exact;
  const parts = arn.split(":");
  if (parts[2] === "s3") {
    const slash = arn.indexOf("/");
    return slash < 0 ? undefined : all.get(arn.slice(0, slash));
  }
  if (parts[2] === "lambda" && parts.length > 7) return all.get(parts.slice(0, 7).join(":"));
  if (parts[2] === "sns" && parts.length > 6) return all.get(parts.slice(0, 6).join(":"));
  return undefined;
}

/** A key whose policy the graph does not give has the default one, which hands decisions to the account. */
function defaultPolicies(plan: Plan, request: AuthorisationRequest): StatementSet | undefined {
  if (!request.action.toLowerCase().startsWith("kms:")) return undefined;
  const Principal = { AWS: `arn:aws:iam::${plan.accountId}:root` };
  const document = {
    Version: "2012-10-17",
    Statement: { Effect: "Allow" as const, Principal, Action: "kms:*", Resource: "*" },
  };
  return new StatementSet(compilePolicy("resource", request.resource, request.resource, document, []));
}

/**
 * RestrictPublicBuckets: what a policy gives to everybody reaches only the account and AWS's services.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
 */
function withoutPublicAccess(statement: Statement): Statement {
  const { principal } = statement;
  const narrowed = statement.conditions.some(
    ({ operator, key }) => narrowingKeys.has(key.toLowerCase()) && !/not|null|ifexists/i.test(operator),
  );
  if (statement.effect === "Deny" || !principal || narrowed) return statement;
  return {
    ...statement,
    principal: {
      match: (identity) => (identity.kind === "anonymous" ? "none" : principal.match(identity)),
    },
  };
}
