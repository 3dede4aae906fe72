/**
 * Links carry names and addresses: no secret, and no permission (those are in grants.ts). SST's own links of these
 * components carry more: all of `sqs:*` or `s3:*` of a resource, the master's password, the auth token.
 */
sst.Linkable.wrap(sst.aws.Queue, (queue) => ({ properties: { url: queue.url, arn: queue.arn } }));
sst.Linkable.wrap(sst.aws.SnsTopic, (topic) => ({ properties: { arn: topic.arn } }));
sst.Linkable.wrap(sst.aws.Bucket, (bucket) => ({
  properties: { name: bucket.name, region: bucket.nodes.bucket.region },
}));
sst.Linkable.wrap(sst.aws.Aurora, (aurora) => ({ properties: { host: aurora.host, port: aurora.port } }));
sst.Linkable.wrap(sst.aws.Redis, (redis) => ({ properties: { host: redis.host, port: redis.port } }));
sst.Linkable.wrap(sst.aws.CognitoUserPool, (pool) => ({ properties: { id: pool.id } }));
sst.Linkable.wrap(sst.aws.ApiGatewayWebSocket, (api) => ({
  properties: { url: api.url, managementEndpoint: api.managementEndpoint },
}));
sst.Linkable.wrap(sst.aws.Function, (fn) => ({ properties: { name: fn.name } }));

export {};
