/** SST's own components that put CloudFront in front of functions, buckets and sites, with the code that SST wrote. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalCloud, startLocal } from "../../src/start.ts";
import { type App, config, makeApp } from "../synth/support.ts";
import { type Fetched, get } from "./support.ts";

let app: App;
let cloud: LocalCloud;
const state = mkdtempSync(join(tmpdir(), "router-"));
const logs: string[] = [];

beforeAll(async () => {
  app = await makeApp({
    "sst.config.ts": config(`
    const files = new sst.aws.Bucket("Files", { access: "cloudfront" });
    const router = new sst.aws.Router("Router", {
      edge: {
        viewerRequest: { injection: 'event.request.headers["x-edge"] = { value: "passed" };' },
        viewerResponse: { injection: 'event.response.headers["x-seen"] = { value: "by the edge" };' },
      },
    });
    router.routeBucket("/files", files, { rewrite: { regex: "^/files/(.*)$", to: "/$1" } });
    router.route("/away", "https://example.com");
    new sst.aws.Function("Api", {
      handler: "src/api.handler",
      url: { router: { instance: router, path: "/api" } },
    });
    const alone = new sst.aws.StaticSite("Alone", {
      path: "site",
      edge: {
        viewerRequest: {
          injection: 'if (event.request.uri === "/secret") return { statusCode: 401, headers: { "www-authenticate": { value: "Basic" } }, body: "who?" };',
        },
      },
    });
    new sst.aws.StaticSite("Docs", { path: "site", router: { instance: router, path: "/docs" } });
    new aws.s3.BucketObjectv2("Object", { bucket: files.name, key: "made.txt", content: "made by the program" });
    return { url: router.url, alone: alone.url };`),
    "src/api.ts": `export const handler = async (event) => ({
      statusCode: 200,
      headers: { "content-type": "application/json", "cache-control": "no-store" },
      body: JSON.stringify({ path: event.rawPath, query: event.rawQueryString, headers: event.headers, cookies: event.cookies }),
    });`,
    "site/index.html": "<h1>front</h1>",
    "site/about.html": "<h1>about</h1>",
    "site/deep/index.html": "<h1>deep</h1>",
    "site/main.css": "body {}",
  });
  cloud = await startLocal({
    appDir: app.dir,
    graph: await app.synthesise({ secretSeed: "router" }),
    stateDir: state,
    fast: true,
    log: (line) => logs.push(line),
  });
}, 180_000);
afterAll(async () => {
  await cloud?.stop();
  app.remove();
  rmSync(state, { recursive: true, force: true });
});

const ask = (site: string, path: string, headers: Record<string, string> = {}): Promise<Fetched> =>
  get(`${cloud.endpoints.distributions[site]}${path}`, { headers });

test("a router hands requests to a function's address, past the app's own code at the edge", async () => {
  const answer = await ask("Router", "/api/things?x=1", { cookie: "a=b", "user-agent": "a browser" });
  expect(answer).toMatchObject({ status: 200, headers: { "x-seen": "by the edge" } });
  expect(JSON.parse(answer.text)).toMatchObject({
    path: "/api/things",
    query: "x=1",
    cookies: ["a=b"],
    headers: {
      "x-edge": "passed",
      "user-agent": "a browser",
      "x-forwarded-host": cloud.cloud.plan.distributions.find(({ name }) => name === "Router")?.domainName,
    },
  });
});

test("and to a bucket, as CloudFront, whose objects the program may declare itself", async () => {
  expect(await ask("Router", "/files/made.txt")).toMatchObject({ status: 200, text: "made by the program" });
  expect((await ask("Router", "/files/missing.txt")).status).toBe(403);
});

test("what leads away from this machine is not followed", async () => {
  expect((await ask("Router", "/away")).status).toBe(502);
  expect(logs.join("\n")).toContain("example.com is not on this machine");
});

test.each(["Alone", "Router"])("a site is served with its pages, folders and types (%s)", async (name) => {
  const base = name === "Router" ? "/docs" : "";
  for (const [path, text] of [
    ["/", "<h1>front</h1>"],
    ["/about", "<h1>about</h1>"],
    ["/about.html", "<h1>about</h1>"],
    ["/deep/", "<h1>deep</h1>"],
    ["/main.css", "body {}"],
  ] as const)
    expect(await ask(name, base + path), path).toMatchObject({ status: 200, text });
  const { headers } = await ask(name, `${base}/main.css`);
  expect(headers["content-type"]).toBe("text/css;charset=UTF-8");
  expect(headers["cache-control"]).toBe("max-age=31536000,public,immutable");
  // Its error page is its front.
  expect(await ask(name, `${base}/nowhere`)).toMatchObject({ status: 200, text: "<h1>front</h1>" });
});

test("code at the edge may answer by itself", async () => {
  expect(await ask("Alone", "/secret")).toMatchObject({
    status: 401,
    text: "who?",
    cache: "FunctionGeneratedResponse",
    headers: { "www-authenticate": "Basic" },
  });
});
