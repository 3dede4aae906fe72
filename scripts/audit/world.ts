/** Questions that rules ask a graph. */
import { type Graph, type GraphResource, type Plan, readPolicies } from "@frontdesk/local";
import { type ResourceType, types } from "./types.ts";

type Policies = ReturnType<typeof readPolicies>;
export type PolicyDocument = Plan["roles"][number]["trust"];
export type PolicyStatement = Extract<PolicyDocument["Statement"], { Effect: string }>;

export interface HeldStatement {
  /** Name of the policy; the ARN for AWS's own. */
  policy: string;
  statement: PolicyStatement;
}

/** A graph, indexed. What was only looked up (`X.get`) belongs to somebody else and is left out. */
export class World {
  readonly graph: Graph;
  readonly #byType = new Map<string, GraphResource[]>();
  readonly #rules = new Map<string, GraphRule[]>();
  #policies: Policies | undefined;
  #statements: Map<GraphResource, HeldStatement[]> | undefined;

  constructor(graph: Graph) {
    this.graph = graph;
    for (const resource of graph.resources) {
      if (!resource.custom || resource.external) continue;
      const known = this.#byType.get(resource.type);
      if (known) known.push(resource);
      else this.#byType.set(resource.type, [resource]);
    }
    for (const rule of readGroupRules(this)) {
      const known = this.#rules.get(rule.group);
      if (known) known.push(rule);
      else this.#rules.set(rule.group, [rule]);
    }
  }

  all(...names: ResourceType[]): GraphResource[] {
    return names.flatMap((name) => this.#byType.get(types[name]) ?? []);
  }

  /** The resource of a type that a value names, by id, ARN, name or URL. */
  find(type: ResourceType, reference: unknown): GraphResource | undefined {
    return this.all(type).find((resource) => names(resource, reference));
  }

  /** Resources of a type one of whose properties names another resource: a bucket's policy, a VPC's flow log. */
  about(type: ResourceType, key: string, resource: GraphResource): GraphResource[] {
    return this.all(type).filter((candidate) => names(resource, value(candidate, key)));
  }

  /** Whether any resource other than `except` has the text in what it was given. */
  used(text: string, except: (resource: GraphResource) => boolean): boolean {
    return this.graph.resources.some(
      (resource) => resource.custom && !except(resource) && mentions(resource.inputs, text),
    );
  }

  /** Every rule of a security group, inline or a resource of its own. */
  groupRules(group: GraphResource): GraphRule[] {
    return this.#rules.get(String(value(group, "id"))) ?? [];
  }

  /** Roles as the local run reads them: inline, attached and AWS's own policies in one list. */
  get roles(): Policies["roles"] {
    return this.#read().roles;
  }

  /** The policy of a queue, topic, bucket, function or key, by its ARN. */
  policyOf(arn: unknown): PolicyStatement[] {
    return this.#read()
      .resourcePolicies.filter(({ resource }) => resource === arn)
      .flatMap(({ document }) => statementsOf(document));
  }

  /** What roles may do and customer-managed policies say, by holder. AWS's own policies are not ours to word. */
  identityStatements(): Map<GraphResource, HeldStatement[]> {
    this.#statements ??= readIdentityStatements(this);
    return this.#statements;
  }

  #read(): Policies {
    this.#policies ??= readPolicies(this.graph);
    return this.#policies;
  }
}

function readIdentityStatements(world: World): Map<GraphResource, HeldStatement[]> {
  const held = new Map<GraphResource, HeldStatement[]>();
  const add = (holder: GraphResource, policy: string, document: PolicyDocument) => {
    const added = statementsOf(document).map((statement) => ({ policy, statement }));
    held.set(holder, [...(held.get(holder) ?? []), ...added]);
  };
  for (const { arn, policies } of world.roles) {
    const holder = world.all("role").find((resource) => value(resource, "arn") === arn);
    if (!holder) continue;
    for (const { name, document } of policies)
      if (!isAwsPolicy(name) && !world.find("policy", name)) add(holder, name, document);
  }
  for (const holder of world.all("policy", "userPolicy"))
    if (!isOnlyBoundary(holder, world)) add(holder, holder.name, parsePolicy(value(holder, "policy")));
  return held;
}

/** A boundary takes away what goes beyond it, and gives nothing. */
function isOnlyBoundary(policy: GraphResource, world: World): boolean {
  const arn = value(policy, "arn");
  const attached =
    world.all("role").some((role) => texts(value(role, "managedPolicyArns")).includes(String(arn))) ||
    world
      .all("rolePolicyAttachment", "userPolicyAttachment", "groupPolicyAttachment")
      .some((attachment) => value(attachment, "policyArn") === arn);
  return (
    !attached && world.all("role", "user").some((holder) => value(holder, "permissionsBoundary") === arn)
  );
}

export const isAwsPolicy = (arn: string) => /^arn:aws[\w-]*:iam::aws:policy\//.test(arn);

export function parsePolicy(given: unknown): PolicyDocument {
  return (typeof given === "string" ? JSON.parse(given) : given) as PolicyDocument;
}

export function statementsOf({ Statement }: PolicyDocument): PolicyStatement[] {
  return Array.isArray(Statement) ? Statement : [Statement];
}

/** A property by its path (`metadataOptions.httpTokens`), as AWS computed it or as it was given. */
export function value(resource: GraphResource, path: string): unknown {
  const [first = "", ...rest] = path.split(".");
  return rest.reduce<unknown>(
    (at, key) => (isRecord(at) ? at[key] : undefined),
    resource.outputs[first] ?? resource.inputs[first],
  );
}

/** Blocks of a property: a list of them, or the only one. */
export function blocks(resource: GraphResource, path: string): Record<string, unknown>[] {
  return recordsOf(value(resource, path));
}

export function recordsOf(given: unknown): Record<string, unknown>[] {
  return (Array.isArray(given) ? given : [given]).filter(isRecord);
}

export function texts(given: unknown): string[] {
  return (Array.isArray(given) ? given : [given]).filter((item) => typeof item === "string");
}

/** SST and Pulumi carry flags as booleans or as text. */
export const isTrue = (given: unknown): boolean => given === true || given === "true";

export function isRecord(given: unknown): given is Record<string, unknown> {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

function names(resource: GraphResource, reference: unknown): boolean {
  if (typeof reference !== "string" || reference === "") return false;
  return ["id", "arn", "name", "bucket", "url", "identifier"].some(
    (key) => resource.outputs[key] === reference || resource.inputs[key] === reference,
  );
}

function mentions(given: unknown, text: string): boolean {
  if (typeof given === "string") return given === text;
  if (Array.isArray(given)) return given.some((item) => mentions(item, text));
  return isRecord(given) && Object.values(given).some((item) => mentions(item, text));
}

export interface GraphRule {
  /** Id of the group. */
  group: string;
  direction: "ingress" | "egress";
  /** IANA name or number; `-1` is every protocol. */
  protocol: string;
  from: number;
  to: number;
  ranges: string[];
  description: string | undefined;
  /** Where it is declared. */
  resource: GraphResource;
}

function readGroupRules(world: World): GraphRule[] {
  const rule = (
    resource: GraphResource,
    group: unknown,
    direction: GraphRule["direction"],
    given: Record<string, unknown>,
  ): GraphRule => ({
    group: String(group),
    direction,
    protocol: String(given.ipProtocol ?? given.protocol ?? "-1"),
    from: Number(given.fromPort ?? 0),
    to: Number(given.toPort ?? 65_535),
    ranges: [given.cidrIpv4, given.cidrIpv6, given.cidrBlocks, given.ipv6CidrBlocks].flatMap(texts),
    description: typeof given.description === "string" ? given.description : undefined,
    resource,
  });
  return [
    ...world
      .all("securityGroup")
      .flatMap((group) =>
        (["ingress", "egress"] as const).flatMap((direction) =>
          blocks(group, direction).map((block) => rule(group, value(group, "id"), direction, block)),
        ),
      ),
    ...world.all("ingressRule").map((own) => rule(own, value(own, "securityGroupId"), "ingress", own.inputs)),
    ...world.all("egressRule").map((own) => rule(own, value(own, "securityGroupId"), "egress", own.inputs)),
    ...world
      .all("securityGroupRule")
      .map((own) =>
        rule(
          own,
          value(own, "securityGroupId"),
          own.inputs.type === "egress" ? "egress" : "ingress",
          own.inputs,
        ),
      ),
  ];
}

/** The whole internet. */
export const everywhere = (range: string): boolean => range === "0.0.0.0/0" || range === "::/0";
