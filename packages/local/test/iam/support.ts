import type { AuthorisationRequest, Principal } from "../../src/cloud/types.ts";
import { evaluate } from "../../src/iam/index.ts";
import type { Plan, PolicyDocument, PolicyStatement } from "../../src/plan/types.ts";

export const account = "111122223333";
export const other = "999988887777";
export const roleArn = `arn:aws:iam::${account}:role/worker`;
export const sessionArn = `arn:aws:sts::${account}:assumed-role/worker/worker-fn`;
export const queue = `arn:aws:sqs:eu-west-1:${account}:orders`;
export const worker: Principal = { kind: "role", roleArn, sessionName: "worker-fn" };

type Extra = Partial<PolicyStatement>;
export function allow(
  Action: string | string[],
  Resource: string | string[],
  extra: Extra = {},
): PolicyStatement {
  return { Effect: "Allow", Action, Resource, ...extra };
}
export function deny(
  Action: string | string[],
  Resource: string | string[],
  extra: Extra = {},
): PolicyStatement {
  return { Effect: "Deny", Action, Resource, ...extra };
}
export function to(principal: PolicyStatement["Principal"], extra: Extra = {}): Extra {
  return { ...(principal === undefined ? {} : { Principal: principal }), ...extra };
}
export function document(statements: PolicyStatement[]): PolicyDocument {
  return { Version: "2012-10-17", Statement: statements };
}
export function service(name: string, sourceArn = "", sourceAccount = ""): Principal {
  return { kind: "service", service: name, sourceArn, sourceAccount };
}
export function request(
  action: string,
  resource: string,
  extra: Partial<AuthorisationRequest> = {},
): AuthorisationRequest {
  return { principal: worker, action, resource, ...extra };
}

export interface Case {
  identity?: PolicyStatement[];
  boundary?: PolicyStatement[];
  resource?: PolicyStatement[];
  request: AuthorisationRequest;
  now?: number;
}
export function outcome({ identity, boundary, resource, request: asked, now }: Case) {
  return evaluate(
    {
      accountId: account,
      ...(identity ? { identity: [{ name: "own", document: document(identity) }] } : {}),
      ...(boundary ? { boundary: { name: "limit", document: document(boundary) } } : {}),
      ...(resource ? { resource: document(resource) } : {}),
    },
    asked,
    now,
  ).outcome;
}

export function emptyPlan(change: Partial<Plan> = {}): Plan {
  return {
    app: "app",
    stage: "test",
    accountId: account,
    homeRegion: "eu-west-1",
    roles: [],
    resourcePolicies: [],
    queues: [],
    topics: [],
    subscriptions: [],
    buckets: [],
    files: [],
    functions: [],
    eventSourceMappings: [],
    gateways: [],
    functionUrls: [],
    rules: [],
    scheduleGroups: [],
    schedules: [],
    invocations: [],
    receiptRules: [],
    activeRuleSets: {},
    userPools: [],
    secrets: [],
    parameters: [],
    databases: [],
    databaseProxies: [],
    caches: [],
    distributions: [],
    keyValueStores: [],
    notRun: [],
    ...change,
  };
}
