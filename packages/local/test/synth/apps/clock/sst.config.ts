/// <reference path="./.sst/platform/config.d.ts" />

export default $config({
  app() {
    return { name: "clock", home: "aws", providers: { aws: { version: "6.66.2", region: "ca-central-1" } } };
  },
  async run() {
    const vpc = new sst.aws.Vpc("Network");
    const database = new sst.aws.Aurora("Database", { engine: "postgres", vpc });
    const queue = new sst.aws.Queue("Work");
    const bucket = new sst.aws.Bucket("Files");
    const other = new sst.aws.Function("Other", { handler: "src/other.handler" });
    new sst.aws.Function("Probe", {
      handler: "src/probe.handler",
      vpc,
      timeout: "60 seconds",
      link: [queue, bucket],
      permissions: [{ actions: ["lambda:InvokeFunction"], resources: [other.arn] }],
      environment: {
        QUEUE_URL: queue.url,
        BUCKET: bucket.name,
        OTHER: other.name,
        DATABASE_URL: $interpolate`postgres://${database.username}:${database.password}@${database.host}:${database.port}/${database.database}`,
      },
    });
  },
});
