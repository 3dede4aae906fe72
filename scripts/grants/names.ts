/** Logical names in the place of ARNs. */
import type { Graph, GraphResource } from "@frontdesk/local";

/** Components whose one resource goes by the component's name. */
const alone = new Set(
  ["Function", "Queue", "SnsTopic", "Bucket", "ApiGatewayV2", "ApiGatewayWebSocket"].map(
    (name) => `sst:aws:${name}`,
  ),
);

/** Turns ARNs, as they stand in policies, into names such as `HomeBucket/attachments/*`. */
export function namer(graph: Graph): (text: string) => string {
  const byUrn = new Map(graph.resources.map((resource) => [resource.urn, resource]));
  const apis = new Map(
    graph.resources
      .filter(({ type }) => type === "aws:apigatewayv2/api:Api")
      .map((api): [unknown, GraphResource] => [api.outputs.id, api]),
  );
  const known: [arn: string, name: string][] = [];
  for (const resource of graph.resources) {
    const name = nameOf(resource, byUrn);
    for (const key of ["arn", "executionArn"]) {
      const arn = resource.outputs[key];
      if (typeof arn === "string" && arn.startsWith("arn:")) known.push([arn, name]);
    }
    known.push(...derived(graph, resource, name));
    const api = resource.type === "aws:apigatewayv2/authorizer:Authorizer" && apis.get(resource.inputs.apiId);
    if (api)
      known.push([
        `${api.outputs.executionArn}/authorizers/${resource.outputs.id}`,
        `${nameOf(api, byUrn)}/authorizers/${resource.name}`,
      ]);
  }
  // The longest first: a name may be the beginning of another.
  known.sort(([a], [b]) => b.length - a.length);
  const cut = new RegExp(`^arn:aws:([\\w-]+):([\\w-]*):(?:${graph.accountId})?:`);
  return (text) => {
    const found = known.find(
      ([arn]) => text === arn || (text.startsWith(arn) && /[/:*]/.test(text.charAt(arn.length))),
    );
    const named = found ? `${found[1]}${text.slice(found[0].length)}` : text.replace(cut, region);
    return named
      .replaceAll(`${graph.app}-${graph.stage}`, `${graph.app}-<stage>`)
      .replaceAll(graph.accountId, "<account>");
  };
}

/** What is left of an ARN that nothing in the graph has: `ses:identity/example.com`. */
const region = (_: string, service: string, where: string) =>
  where === "" ? `${service}:` : `${service}:${where}:`;

function nameOf(resource: GraphResource, byUrn: ReadonlyMap<string, GraphResource>): string {
  const parent = resource.parent === undefined ? undefined : byUrn.get(resource.parent);
  if (!parent || !alone.has(parent.type) || !resource.name.startsWith(parent.name)) return resource.name;
  // A function's role is who the function is; its log is another thing.
  return resource.type === "aws:cloudwatch/logGroup:LogGroup" ? `${parent.name}Log` : parent.name;
}

/** ARNs that policies name and no resource has: a database's users, a group's schedules. */
function derived(
  { accountId }: Graph,
  { type, region, outputs }: GraphResource,
  name: string,
): [string, string][] {
  const text = (key: string) => String(outputs[key] ?? "");
  switch (type) {
    case "aws:rds/cluster:Cluster":
      return [[`arn:aws:rds-db:${region}:${accountId}:dbuser:${text("clusterResourceId")}`, `${name}:user`]];
    case "aws:rds/proxy:Proxy":
      return [
        [`arn:aws:rds-db:${region}:${accountId}:dbuser:${text("arn").split(":").at(-1)}`, `${name}:user`],
      ];
    case "aws:scheduler/scheduleGroup:ScheduleGroup":
      return [[`arn:aws:scheduler:${region}:${accountId}:schedule/${text("name")}`, `${name}:schedule`]];
    default:
      return [];
  }
}
