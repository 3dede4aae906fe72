const east = new aws.Provider("East", { region: "us-east-1" });

export const vpc = new sst.aws.Vpc("Network", { nat: "managed", bastion: true });
export const database = new sst.aws.Aurora("Database", { engine: "postgres", vpc, proxy: true });
export const cache = new sst.aws.Redis("Cache", { vpc, cluster: false });
export const secret = new sst.Secret("ApiKey", "placeholder");
export const bucket = new sst.aws.Bucket("Files");
export const eastBucket = new sst.aws.Bucket("EastFiles", {}, { provider: east });
export const topic = new sst.aws.SnsTopic("Topic", {}, { provider: east });
export const dead = new sst.aws.Queue("Dead");
export const queue = new sst.aws.Queue("Work", { dlq: dead.arn });
export const email = new sst.aws.Email("Mail", { sender: "example.com", dns: false });

queue.subscribe(
  { handler: "src/work.handler", link: [bucket, database, secret], vpc, nodejs: { minify: true } },
  { batch: { size: 5, partialResponses: true } },
);
new sst.aws.Cron("Sweep", {
  schedule: "rate(1 minute)",
  function: { handler: "src/sweep.handler", link: [queue] },
});
topic.subscribe("Notices", "src/notice.handler");
bucket.notify({
  notifications: [{ name: "Uploads", function: "src/upload.handler", events: ["s3:ObjectCreated:*"] }],
});

export const pool = new sst.aws.CognitoUserPool("People", { usernames: ["email"] });
export const client = pool.addClient("Web");

export const api = new sst.aws.ApiGatewayV2("Api", { link: [cache, pool] });
const authorizer = api.addAuthorizer({
  name: "people",
  jwt: {
    issuer: $interpolate`https://cognito-idp.ca-central-1.amazonaws.com/${pool.id}`,
    audiences: [client.id],
  },
});
api.route("GET /things/{id}", "src/api.handler", { auth: { jwt: { authorizer: authorizer.id } } });
export const socket = new sst.aws.ApiGatewayWebSocket("Socket");
socket.route("$connect", "src/socket.handler");
socket.route("$default", "src/socket.handler");

export const fn = new sst.aws.Function("Tool", {
  handler: "src/tool.handler",
  runtime: "nodejs22.x",
  architecture: "arm64",
  url: true,
  environment: { MODE: "tool" },
  permissions: [{ actions: ["s3:GetObject"], resources: [$interpolate`${eastBucket.arn}/*`] }],
});

export const outputs = { api: api.url, socket: socket.url, east: eastBucket.name };
