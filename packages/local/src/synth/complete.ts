import type { Graph } from "../graph/types.ts";
import { SynthesisError } from "./errors.ts";

/** What each component of SST is nothing without, alternatives apart by `|`. A graph that lacks it was cut short. */
const expected: Record<string, string[]> = {
  "sst:aws:Function": ["aws:lambda/function:Function"],
  "sst:aws:Queue": ["aws:sqs/queue:Queue"],
  "sst:aws:SnsTopic": ["aws:sns/topic:Topic"],
  "sst:aws:Bucket": ["aws:s3/bucketV2:BucketV2"],
  "sst:aws:Vpc": ["aws:ec2/vpc:Vpc"],
  "sst:aws:Aurora": ["aws:rds/cluster:Cluster"],
  // Version 1 of the component made a cluster.
  "sst:aws:Postgres": ["aws:rds/instance:Instance|aws:rds/cluster:Cluster"],
  "sst:aws:Mysql": ["aws:rds/instance:Instance"],
  "sst:aws:Redis": ["aws:elasticache/replicationGroup:ReplicationGroup"],
  "sst:aws:Dynamo": ["aws:dynamodb/table:Table"],
  "sst:aws:ApiGatewayV2": ["aws:apigatewayv2/api:Api"],
  "sst:aws:ApiGatewayWebSocket": ["aws:apigatewayv2/api:Api"],
  "sst:aws:ApiGatewayV1": ["aws:apigateway/restApi:RestApi"],
  "sst:aws:Cron": ["aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"],
  "sst:aws:CognitoUserPool": ["aws:cognito/userPool:UserPool"],
  "sst:aws:CognitoUserPoolClient": ["aws:cognito/userPoolClient:UserPoolClient"],
  "sst:aws:Email": ["aws:sesv2/emailIdentity:EmailIdentity"],
  "sst:aws:KinesisStream": ["aws:kinesis/stream:Stream"],
  "sst:aws:Bus": ["aws:cloudwatch/eventBus:EventBus"],
  "sst:aws:QueueLambdaSubscriber": ["aws:lambda/eventSourceMapping:EventSourceMapping"],
  "sst:aws:ApiGatewayV2LambdaRoute": ["aws:apigatewayv2/route:Route"],
  "sst:aws:ApiGatewayWebSocketRoute": ["aws:apigatewayv2/route:Route"],
};

/**
 * A truncated graph looks like a smaller app. This tells them apart.
 * @throws SynthesisError naming each component that lacks what it consists of.
 */
export function assertComplete(graph: Graph): void {
  const parents = new Map(graph.resources.map(({ urn, parent }) => [urn, parent]));
  const below = new Map<string, Set<string>>();
  for (const { type, parent } of graph.resources)
    for (let at = parent; at !== undefined; at = parents.get(at)) {
      const types = below.get(at);
      if (types) types.add(type);
      else below.set(at, new Set([type]));
    }
  // `sst.aws.Bucket.get` and its like look up what exists, which is a child of nothing.
  const lookedUp = graph.resources.filter(({ external }) => external);
  const missing: string[] = [];
  for (const { urn, type, name } of graph.resources)
    for (const child of expected[type] ?? [])
      if (
        !child
          .split("|")
          .some(
            (alternative) =>
              below.get(urn)?.has(alternative) ||
              lookedUp.some((one) => one.type === alternative && one.name.startsWith(name)),
          )
      )
        missing.push(`${type} "${name}" has no ${child}`);
  for (const { type, name, parent } of graph.resources)
    if (parent !== undefined && !parents.has(parent))
      missing.push(`${type} "${name}" has lost its parent ${parent}`);
  if (missing.length > 0) throw new SynthesisError(`the graph is incomplete:\n  ${missing.join("\n  ")}`);
}
