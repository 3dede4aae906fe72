import { flag, type Reader } from "./read.ts";
import type { Plan } from "./types.ts";

/** Resource types that do work on AWS and have no counterpart here. Everything that only configures is not listed. */
const reasons: Record<string, string> = {
  "aws:dynamodb/table:Table": "there is no DynamoDB here",
  "aws:kinesis/stream:Stream": "there is no Kinesis here",
  "aws:ecs/service:Service": "containers do not run here",
  "aws:ecs/taskDefinition:TaskDefinition": "containers do not run here",
  "aws:opensearch/domain:Domain": "there is no OpenSearch here",
  "aws:sfn/stateMachine:StateMachine": "there is no Step Functions here",
  "aws:apigateway/restApi:RestApi": "only API Gateway v2 runs here",
  "aws:appsync/graphQLApi:GraphQLApi": "there is no AppSync here",
  "aws:iot/authorizer:Authorizer": "there is no IoT here",
  "aws:iot/topicRule:TopicRule": "there is no IoT here",
  "aws:cognito/identityPool:IdentityPool": "of Cognito only user pools run here",
  "aws:cloudwatch/eventBus:EventBus": "only scheduled rules of the default bus run here",
  "aws:efs/fileSystem:FileSystem": "there is no EFS here",
  "aws:ec2/instance:Instance": "there are no instances here; loopback needs neither bastion nor NAT",
};

export function unrunnable(reader: Reader): Plan["notRun"] {
  const named = (type: string, reason: string) =>
    reader.all(type).map((resource) => ({ type, name: resource.name, reason }));
  // An identity beside receipt rules is there to receive; SES here does.
  const receives = reader.all("aws:ses/receiptRule:ReceiptRule").length > 0;
  return [
    ...Object.entries(reasons).flatMap(([type, reason]) => named(type, reason)),
    ...(receives ? [] : named("aws:sesv2/emailIdentity:EmailIdentity", "SES does not send here")),
    ...reader
      .all("aws:rds/cluster:Cluster")
      .filter((cluster) => flag(cluster, "enableHttpEndpoint"))
      .map(({ type, name }) => ({
        type,
        name: `${name}'s Data API`,
        reason: "databases speak PostgreSQL's own protocol only",
      })),
    ...reader.graph.resources
      .filter(({ custom, type }) => custom && type.startsWith("cloudflare:"))
      .map(({ type, name }) => ({ type, name, reason: "there is no Cloudflare here" })),
  ];
}
