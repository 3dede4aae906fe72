/** Questions that tests ask a graph. */
import type { Graph, GraphResource } from "@frontdesk/local";

export interface Statement {
  Sid?: string;
  Effect: string;
  Action: string | string[];
  Resource?: string | string[];
  Principal?: string | Record<string, string | string[]>;
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** Type tokens by a short name, so that tests read. */
const types = {
  alarm: "aws:cloudwatch/metricAlarm:MetricAlarm",
  authorizer: "aws:apigatewayv2/authorizer:Authorizer",
  bucket: "aws:s3/bucketV2:BucketV2",
  bucketPolicy: "aws:s3/bucketPolicy:BucketPolicy",
  cluster: "aws:rds/cluster:Cluster",
  function: "aws:lambda/function:Function",
  logGroup: "aws:cloudwatch/logGroup:LogGroup",
  queue: "aws:sqs/queue:Queue",
  queuePolicy: "aws:sqs/queuePolicy:QueuePolicy",
  role: "aws:iam/role:Role",
  route: "aws:apigatewayv2/route:Route",
  secret: "aws:secretsmanager/secret:Secret",
  securityGroup: "aws:ec2/securityGroup:SecurityGroup",
  subnet: "aws:ec2/subnet:Subnet",
  topic: "aws:sns/topic:Topic",
} as const;
export type ShortType = keyof typeof types;

export function all(graph: Graph, type: ShortType | (string & {})): GraphResource[] {
  const token = type in types ? types[type as ShortType] : type;
  return graph.resources.filter((resource) => resource.type === token);
}

/** The resource of a type with a logical name, or the only one of the type. */
export function one(graph: Graph, type: ShortType | (string & {}), name?: string): GraphResource {
  const found = all(graph, type).filter((resource) => name === undefined || resource.name === name);
  const [resource] = found;
  if (found.length !== 1 || !resource)
    throw new Error(
      `stage ${graph.stage} has ${found.length} of ${type}${name ? ` named "${name}"` : ""}: ${all(
        graph,
        type,
      )
        .map((candidate) => candidate.name)
        .join(", ")}`,
    );
  return resource;
}

export function text(resource: GraphResource, key: string): string {
  const value = resource.outputs[key] ?? resource.inputs[key];
  if (typeof value !== "string") throw new Error(`${resource.name} has no ${key}`);
  return value;
}

export function statements(policy: unknown): Statement[] {
  const { Statement: list } = JSON.parse(String(policy)) as { Statement: Statement | Statement[] };
  return Array.isArray(list) ? list : [list];
}

export const list = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** URNs that a resource needs, directly and through others. */
export function needs(graph: Graph, resource: GraphResource): Set<string> {
  const byUrn = new Map(graph.resources.map((candidate) => [candidate.urn, candidate]));
  const found = new Set<string>();
  const visit = (at: GraphResource) => {
    for (const urn of at.dependsOn ?? []) {
      if (found.has(urn)) continue;
      found.add(urn);
      const next = byUrn.get(urn);
      if (next) visit(next);
    }
  };
  visit(resource);
  return found;
}
