/** What SST's official examples ask for beside the common: each app here is the smallest that asks for it, too. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/types.ts";
import { buildPlan } from "../../src/plan/index.ts";
import type { Plan } from "../../src/plan/types.ts";
import { type App, config, makeApp } from "./support.ts";

const handler = { "index.ts": "export const handler = async () => ({});" };

describe("an app of many examples", () => {
  let app: App;
  let graph: Graph;
  let plan: Plan;
  beforeAll(async () => {
    app = await makeApp({
      ...handler,
      "logo.svg": "<svg/>",
      "sst.config.ts": config(`
        const found = [
          sst.aws.Bucket.get("Found", "existing-bucket"),
          sst.aws.Queue.get("FoundQueue", "https://sqs.us-west-2.amazonaws.com/210987654321/existing-queue"),
          sst.aws.SnsTopic.get("FoundTopic", "arn:aws:sns:us-west-2:210987654321:existing-topic"),
        ];
        const boundary = new aws.iam.Policy("Boundary", {
          policy: aws.iam.getPolicyDocumentOutput({ statements: [{ actions: ["s3:*"], resources: ["*"] }] }).json,
        });
        $transform(aws.iam.Role, (args) => {
          args.permissionsBoundary = boundary.arn;
        });
        new sst.aws.Function("Linked", { handler: "index.handler", link: found });
        const files = new sst.aws.Bucket("Files", {
          lifecycle: [{ id: "end", prefix: "data/", expiresAt: "2028-12-31" }],
        });
        new aws.s3.BucketObjectv2("Logo", { bucket: files.name, key: "logo.svg", source: $asset("logo.svg") });
        new aws.s3.BucketObjectv2("Foreign", { bucket: "of-somebody", key: "logo.svg", source: $asset("logo.svg") });
        const cluster = new sst.aws.Cluster("Cluster", { vpc: new sst.aws.Vpc("Vpc") });
        const task = new sst.aws.Task("Task", { cluster, image: "nginx" });
        new sst.aws.Cron("Nightly", { schedule: "rate(1 day)", task });
        const pool = new sst.aws.CognitoUserPool("Pool");
        new sst.aws.CognitoIdentityPool("Identities", {
          userPools: [{ userPool: pool.id, client: pool.addClient("Web").id }],
        });
        new sst.aws.Email("Sender", { sender: "someone@example.com" });
        new sst.aws.Vector("Vectors", { dimension: 3 });`),
    });
    graph = await app.synthesise({ secretSeed: "examples" });
    plan = buildPlan(graph);
  });
  afterAll(() => app.remove());

  test("what is looked up is linked as what was asked for", () => {
    const { Found, FoundQueue, FoundTopic } = graph.functions.Linked?.links ?? {};
    expect(Found).toMatchObject({ name: "existing-bucket" });
    expect(FoundQueue).toMatchObject({
      url: "https://sqs.us-west-2.amazonaws.com/210987654321/existing-queue",
    });
    expect(FoundTopic).toMatchObject({ arn: "arn:aws:sns:us-west-2:210987654321:existing-topic" });
    expect(plan.queues.map(({ arn }) => arn)).toContain("arn:aws:sqs:us-west-2:210987654321:existing-queue");
  });

  test("a boundary that is set for all roles limits each", () => {
    const role = plan.roles.find(({ name }) => name.includes("LinkedRole"));
    expect(role?.boundary?.document.Statement).toEqual([
      expect.objectContaining({ Effect: "Allow", Action: "s3:*", Resource: "*" }),
    ]);
  });

  test("a rule that ends at a date keeps it", () => {
    expect(plan.buckets.flatMap(({ lifecycle }) => lifecycle)).toEqual([
      { id: "end", enabled: true, prefix: "data/", expirationDate: Date.UTC(2028, 11, 31) },
    ]);
  });

  test("files that the app declares are put; SST's own archives of code are not, and nobody is told of them", () => {
    expect(plan.files.map(({ key }) => key)).toEqual(["logo.svg"]);
    expect(plan.notRun.filter(({ type }) => type.includes("bucketObject"))).toEqual([
      expect.objectContaining({ name: "Foreign", reason: "its bucket of-somebody is none of the app's" }),
    ]);
  });

  test("a part that cannot run is named before it is asked for", () => {
    const reasons = new Map(plan.notRun.map(({ name, reason }) => [name, reason]));
    expect(reasons.get("NightlyTarget")).toMatch(
      /^rules call functions, queues and topics here, not arn:aws:ecs:/,
    );
    expect(reasons.get("IdentitiesIdentityPool")).toBe("of Cognito only user pools run here");
    expect(reasons.get("SenderIdentity")).toBe("SES does not send here");
    expect(reasons.get("VectorsDatabaseCluster's Data API")).toBe(
      "databases speak PostgreSQL's own protocol only",
    );
  });
});

describe("what stops an app is said with what to do", () => {
  const apps: App[] = [];
  afterAll(() => {
    for (const app of apps) app.remove();
  });
  async function failure(run: string) {
    const app = await makeApp({ ...handler, "site/index.html": "", "sst.config.ts": config(run) });
    apps.push(app);
    return app.synthesise().then(
      (graph) => buildPlan(graph),
      (error: Error) => error.message,
    );
  }

  test("a site that was not built, with the command that builds it", async () => {
    expect(
      await failure(
        `new sst.aws.StaticSite("Site", { path: "site", build: { command: "make it", output: "dist" } });`,
      ),
    ).toMatch(
      /No build output found at ".*site\/dist"\.\nsites are not built here.*:\n {2}make it \(in site\)$/m,
    );
  });

  test("a worker of Cloudflare", async () => {
    expect(await failure(`new sst.cloudflare.Worker("Edge", { handler: "index.ts" });`)).toContain(
      'worker "Edge": there is no Cloudflare here, only AWS',
    );
  });

  test("a route that wants a token checked and says by nobody; it must not be open", async () => {
    const app = await makeApp({
      ...handler,
      "sst.config.ts": config(`
        const api = new sst.aws.ApiGatewayV2("Api");
        api.route("GET /mine", "index.handler", {
          auth: { jwt: { issuer: "https://issuer.example.com", audiences: ["me"] } },
        });`),
    });
    apps.push(app);
    const graph = await app.synthesise();
    expect(() => buildPlan(graph)).toThrow(
      /\(GET \/mine\) has the authorization type JWT and names no authorizer, which AWS refuses/,
    );
  });
});
