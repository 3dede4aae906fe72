/** Calls that the policies refused, told the way AWS tells them, with the statement that would allow them. */
import type { AuthorisationRequest } from "../cloud/types.ts";
import type { PolicyStatement } from "../plan/types.ts";
import type { Decision } from "./evaluate.ts";
import { identify } from "./principal.ts";
import { describeRef, type StatementRef } from "./statement.ts";

export interface Denial {
  /** Assumed-role ARN, service or `anonymous`. */
  principal: string;
  /** ARN of the role, when a role called. */
  role?: string;
  /** Session name of the role: for a function, its name. */
  session?: string;
  action: string;
  resource: string;
  reason: "explicitDeny" | "implicitDeny";
  message: string;
  /** What to add so that the call is allowed, and where. Absent after an explicit deny. */
  missingStatement?: PolicyStatement;
  /** ARN of the role or resource whose policy, or boundary, lacks the statement. */
  missingFrom?: string;
  /** The statement that denied. */
  deniedBy?: StatementRef;
  /** Statements that cover the action and fail on something else. */
  nearMisses: string[];
  /** How often it was refused. */
  count: number;
}

export function describeDenial(request: AuthorisationRequest, decision: Decision): Denial {
  const { principal, action, resource } = request;
  const identity = identify(principal);
  const denial: Denial = {
    principal: identity.display,
    action,
    resource,
    reason: decision.outcome === "explicitDeny" ? "explicitDeny" : "implicitDeny",
    message: messageOf(request, decision, identity.display),
    nearMisses: decision.nearMisses,
    count: 0,
  };
  if (principal.kind === "role") {
    denial.role = principal.roleArn;
    denial.session = principal.sessionName;
  }
  const [deniedBy] = decision.statements;
  if (deniedBy) denial.deniedBy = deniedBy;
  else if (decision.by !== "resource" && principal.kind === "role") {
    denial.missingStatement = { Effect: "Allow", Action: action, Resource: resource };
    denial.missingFrom = principal.roleArn;
  } else {
    denial.missingStatement = resourceStatement(request);
    denial.missingFrom = resource;
  }
  return denial;
}

/** The wording of https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html */
function messageOf({ principal, action, resource }: AuthorisationRequest, decision: Decision, user: string) {
  const who =
    principal.kind === "service" && principal.sourceArn
      ? `Service: ${user} acting for ${principal.sourceArn}`
      : `${principal.kind === "service" ? "Service" : "User"}: ${user}`;
  const what = `${who} is not authorized to perform: ${action} on resource: ${resource}`;
  const [denying] = decision.statements;
  if (denying)
    return `${what} with an explicit deny in ${decision.by === "identity" ? "an" : "a"} ${policies[decision.by]}: ${describeRef(denying)}`;
  return `${what} because no ${policies[decision.by]} allows the ${action} action`;
}
const policies = {
  identity: "identity-based policy",
  boundary: "permissions boundary",
  resource: "resource-based policy",
};

/** For a service the confused deputy is kept out from the start: source and account are named. */
function resourceStatement({ principal, action, resource }: AuthorisationRequest): PolicyStatement {
  if (principal.kind === "service") {
    const Condition: NonNullable<PolicyStatement["Condition"]> = {};
    if (principal.sourceArn) Condition.ArnEquals = { "aws:SourceArn": principal.sourceArn };
    if (principal.sourceAccount) Condition.StringEquals = { "aws:SourceAccount": principal.sourceAccount };
    return {
      Effect: "Allow",
      Principal: { Service: principal.service },
      Action: action,
      Resource: resource,
      ...(Object.keys(Condition).length > 0 ? { Condition } : {}),
    };
  }
  const Principal = principal.kind === "role" ? { AWS: principal.roleArn } : "*";
  return { Effect: "Allow", Principal, Action: action, Resource: resource };
}
