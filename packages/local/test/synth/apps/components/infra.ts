// One of each component of SST that the official examples use, the way they use it.
const handler = "src/index.handler";

const vpc = new sst.aws.Vpc("Vpc", { nat: "ec2", bastion: true });
new sst.aws.Vpc.v1("VpcOne");
sst.aws.Vpc.get("SharedVpc", "vpc-0d19d2b8ca2b268a1");

const table = new sst.aws.Dynamo("Table", {
  fields: { id: "string" },
  primaryIndex: { hashKey: "id" },
  stream: "new-and-old-images",
});
table.subscribe("Changes", handler);

const rest = new sst.aws.ApiGatewayV1("Rest");
rest.route("GET /things/{id}", handler);
rest.deploy();

const http = new sst.aws.ApiGatewayV2("Http", { domain: "api.example.com" });
const lambdaAuthorizer = http.addAuthorizer({ name: "Lambda", lambda: { function: handler } });
http.route("GET /", { handler, link: [table] }, { auth: { lambda: lambdaAuthorizer.id } });
http.routeUrl("GET /elsewhere", "https://example.com");

const bus = new sst.aws.Bus("Bus");
bus.subscribe("Orders", handler, { pattern: { source: ["orders"] } });
bus.subscribeQueue("Audit", new sst.aws.Queue("AuditQueue"));

new sst.aws.KinesisStream("Stream").subscribe("Readings", handler);
new sst.aws.Realtime("Realtime", { authorizer: handler }).subscribe(handler, { filter: "room/one" });
new sst.aws.Queue("Fifo", { fifo: true }).subscribe(handler);

const topic = new sst.aws.SnsTopic("Topic");
topic.subscribe("Function", handler, { filter: { kind: ["order"] } });
topic.subscribeQueue("Queue", new sst.aws.Queue("TopicQueue").arn);

const bucket = new sst.aws.Bucket("Bucket", { access: "public", versioning: true });
bucket.notify({
  notifications: [
    { name: "Function", function: handler, events: ["s3:ObjectCreated:*"] },
    { name: "Queue", queue: new sst.aws.Queue("BucketQueue"), events: ["s3:ObjectRemoved:*"] },
    { name: "Topic", topic: new sst.aws.SnsTopic("BucketTopic"), events: ["s3:ObjectRestore:*"] },
  ],
});

const cluster = new sst.aws.Cluster("Cluster", { vpc });
new sst.aws.Service("Service", {
  cluster,
  image: "nginx",
  loadBalancer: { ports: [{ listen: "80/http" }] },
});
const task = new sst.aws.Task("Task", { cluster, image: "nginx" });
new sst.aws.Cron("Nightly", { schedule: "rate(1 day)", task });

new sst.aws.Postgres("Postgres", { vpc, proxy: true });
new sst.aws.Mysql("Mysql", { vpc });
new sst.aws.Aurora("AuroraMysql", { engine: "mysql", vpc, dataApi: true });
new sst.aws.Redis("Valkey", { vpc, engine: "valkey" });
new sst.aws.OpenSearch("Search", {});
new sst.aws.Vector("Vector", { dimension: 1536 });
const efs = new sst.aws.Efs("Efs", { vpc });
new sst.aws.Function("WithVolume", { handler, vpc, volume: { efs, path: "/mnt/efs" }, url: true });

const pool = new sst.aws.CognitoUserPool("Pool", {
  triggers: { preSignUp: handler, preTokenGeneration: handler },
});
const client = pool.addClient("Client");
pool.addIdentityProvider("Google", {
  type: "google",
  details: { client_id: "id", client_secret: "secret", authorize_scopes: "email" },
});
new sst.aws.CognitoIdentityPool("IdentityPool", { userPools: [{ userPool: pool.id, client: client.id }] });
new sst.aws.Auth("Auth", { issuer: handler });

const graphql = new sst.aws.AppSync("Graphql", { schema: "schema.graphql" });
const source = graphql.addDataSource({ name: "lambda", lambda: handler });
graphql.addResolver("Query user", { dataSource: source.name });
new sst.aws.StepFunctions("Steps", {
  definition: sst.aws.StepFunctions.pass({ name: "First" }).next(
    sst.aws.StepFunctions.succeed({ name: "Last" }),
  ),
});

const router = new sst.aws.Router("Router", { domain: "www.example.com" });
router.route("/api", "https://example.com");
router.routeBucket("/files", bucket);
new sst.aws.Function("Routed", { handler, url: { router: { instance: router, path: "/fn" } } });
new sst.aws.StaticSite("Site", { path: "site" });
new sst.aws.Email("Mail", { sender: "example.com", dmarc: "v=DMARC1; p=none;" });
new sst.aws.Email("Sender", { sender: "someone@example.org" });

new sst.aws.Function("Python", { handler: "src/index.handler", runtime: "python3.11" });
new sst.aws.Function("Go", { handler: "./src", runtime: "go" });
new sst.aws.Function("Copied", { handler, copyFiles: [{ from: "schema.graphql" }] });
new sst.aws.Function("Bundled", { bundle: "src", handler: "index.handler" });
new sst.aws.Function("Versioned", { handler, versioning: true, concurrency: { provisioned: 1 } });

new aws.iam.Role("Reader", {
  assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "ec2.amazonaws.com" }),
  managedPolicyArns: ["arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"],
});
sst.Linkable.wrap(aws.dynamodb.Table, (raw) => ({
  properties: { tableName: raw.name },
  include: [sst.aws.permission({ actions: ["dynamodb:*"], resources: [raw.arn] })],
}));
const raw = new aws.dynamodb.Table("Raw", {
  attributes: [{ name: "id", type: "S" }],
  hashKey: "id",
  billingMode: "PAY_PER_REQUEST",
});
new sst.aws.Function("Linked", { handler, link: [raw, new sst.Linkable("Plain", { properties: { a: 1 } })] });
new sst.x.DevCommand("Studio", { dev: { command: "echo" } });
