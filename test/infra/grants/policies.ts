/** A stage's policies, and what IAM would answer by them. */
import { type AuthorisationRequest, buildPlan, decider, type Graph, type Plan } from "@frontdesk/local";
import { graphOf, type Stage } from "../support/graphs.ts";
import { all, one, text } from "../support/read.ts";

export const account = "123456789012";
export const otherAccount = "210987654321";

type Context = AuthorisationRequest["context"];

export interface Policies {
  graph: Graph;
  plan: Plan;
  decide: ReturnType<typeof decider>;
  /** A call of a function, by its component's name, or of another role by its own. */
  by(role: string, action: string, resource: string, context?: Context): AuthorisationRequest;
  /** A call of an AWS service on behalf of a resource. */
  service(
    name: string,
    source: string,
    action: string,
    resource: string,
    options?: { account?: string; context?: Context },
  ): AuthorisationRequest;
  role(name: string): string;
  queue(name: string): string;
  topic(name: string): string;
  bucket(name: string): string;
  fn(name: string): string;
  secret(name: string): string;
  /** Of `rds-db:connect`. */
  databaseUser(name: string): string;
  /** `arn:aws:execute-api:…/$default` of the socket's API. */
  sockets: string;
  /** ARN of the HTTP API, as Lambda's permissions name it. */
  api: string;
  /** What mail of the mailboxes goes out with, and one of their addresses. */
  identity: string;
  address: string;
  configurationSet: string;
  /** Begins the name of every template of the stage. */
  templates: string;
  distribution: string;
  /** Schedules of the stage's group. */
  schedules: string;
  scheduleGroup: string;
}

const known = new Map<Stage, Promise<Policies>>();

export function policiesOf(stage: Stage): Promise<Policies> {
  const promise = known.get(stage) ?? read(stage);
  known.set(stage, promise);
  return promise;
}

async function read(stage: Stage): Promise<Policies> {
  const graph = await graphOf(stage);
  const plan = buildPlan(graph);
  const arn = (type: string, name: string) => text(one(graph, type, name), "arn");
  const gateway = (protocol: string) => {
    const found = all(graph, "aws:apigatewayv2/api:Api").find(
      ({ inputs }) => inputs.protocolType === protocol,
    );
    return String(found?.outputs.executionArn);
  };
  const proxy = all(graph, "aws:rds/proxy:Proxy")[0];
  const database = proxy
    ? text(proxy, "arn").split(":").at(-1)
    : text(one(graph, "cluster"), "clusterResourceId");
  const group = one(graph, "aws:scheduler/scheduleGroup:ScheduleGroup");
  const mailDomain = String(graph.links.Settings?.mailDomain);
  const roleNames = new Set(all(graph, "role").map(({ name }) => name));
  const role = (name: string) => arn("role", roleNames.has(name) ? name : `${name}Role`);
  return {
    graph,
    plan,
    decide: decider(plan),
    by: (name, action, resource, context) => ({
      principal: { kind: "role", roleArn: role(name), sessionName: "session" },
      action,
      resource,
      ...(context && { context }),
    }),
    service: (name, source, action, resource, options = {}) => ({
      principal: {
        kind: "service",
        service: `${name}.amazonaws.com`,
        sourceArn: source,
        sourceAccount: options.account ?? account,
      },
      action,
      resource,
      ...(options.context && { context: options.context }),
    }),
    role,
    queue: (name) => arn("queue", `${name}Queue`),
    topic: (name) => arn("topic", `${name}Topic`),
    bucket: (name) => arn("bucket", `${name}Bucket`),
    fn: (name) => arn("function", `${name}Function`),
    secret: (name) => arn("secret", name),
    databaseUser: (name) => `arn:aws:rds-db:ca-central-1:${account}:dbuser:${database}/${name}`,
    sockets: `${gateway("WEBSOCKET")}/$default`,
    api: gateway("HTTP"),
    identity: `arn:aws:ses:ca-central-1:${account}:identity/${mailDomain}`,
    address: `no-reply@${mailDomain}`,
    configurationSet: arn("aws:sesv2/configurationSet:ConfigurationSet", "OutboundMail"),
    templates: `arn:aws:ses:ca-central-1:${account}:template/frontdesk-${stage}-`,
    distribution: arn("aws:cloudfront/distribution:Distribution", "DistributionDistribution"),
    schedules: `arn:aws:scheduler:ca-central-1:${account}:schedule/${text(group, "name")}`,
    scheduleGroup: text(group, "arn"),
  };
}
