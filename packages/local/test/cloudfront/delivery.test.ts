import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { allowService, bucketSpec, planOf, type Services, startServices } from "../support/services.ts";
import {
  behaviourSpec,
  cachePolicy,
  distributionSpec,
  get,
  localOrigin,
  startOrigin,
  type TestOrigin,
} from "./support.ts";

let services: Services;
let origin: TestOrigin;
let site: string;
let free: string;
const all = { kind: "all" as const, names: [] };
const methods = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"];
const distribution = distributionSpec({ defaultRootObject: "index.html" });
const other = distributionSpec({ id: "E2OTHER", domainName: "d222.cloudfront.net", name: "Other" });

/** Behaviours in front of the server of the test's own. */
const dynamic = (port: number) =>
  distributionSpec({
    id: "E3DYNAMIC",
    domainName: "d333.cloudfront.net",
    name: "Dynamic",
    origins: [
      localOrigin(port, { path: "/base", headers: { "x-secret": "from the edge" } }),
      localOrigin(1, { id: "dead" }),
    ],
    originGroups: [{ id: "group", members: ["dead", "home"], statusCodes: [500] }],
    behaviours: [
      behaviourSpec({
        pattern: "/api/*",
        allowedMethods: methods,
        viewerProtocol: "allow-all",
        cache: { ...cachePolicy, minTtl: 0, defaultTtl: 0, maxTtl: 0 },
        forward: { queries: all, headers: { kind: "except", names: ["host"] }, cookies: all },
      }),
      behaviourSpec({
        pattern: "/keyed/*",
        cache: {
          ...cachePolicy,
          minTtl: 0,
          defaultTtl: 60,
          queries: { kind: "only", names: ["page"] },
          headers: { kind: "only", names: ["accept-language"] },
          cookies: { kind: "only", names: ["who"] },
        },
      }),
      behaviourSpec({ pattern: "/group/*", originId: "group" }),
      behaviourSpec({ pattern: "/dead/*", originId: "dead" }),
      behaviourSpec({
        pattern: "/framed/*",
        responseHeaders: {
          set: [
            { name: "x-frame-options", value: "DENY", override: false },
            { name: "cache-control", value: "no-store", override: true },
          ],
          remove: ["x-powered-by"],
          serverTiming: false,
          cors: {
            allowOrigins: ["https://*.example.com"],
            allowMethods: ["GET"],
            allowHeaders: [],
            exposeHeaders: ["etag"],
            allowCredentials: false,
            override: true,
          },
        },
      }),
      behaviourSpec({ viewerProtocol: "https-only", cache: { ...cachePolicy, minTtl: 0 } }),
    ],
    errorResponses: [
      { code: 404, pagePath: "/errors/404.html", responseCode: 200, ttlSeconds: 5 },
      { code: 403, ttlSeconds: 1 },
    ],
  });

beforeAll(async () => {
  origin = await startOrigin();
  const policy = allowService(
    "cloudfront.amazonaws.com",
    "s3:GetObject",
    "arn:aws:s3:::home/*",
    distribution.arn,
  );
  services = await startServices(
    planOf({
      buckets: [bucketSpec("home", { blockPublicAccess: true })],
      distributions: [distribution, other, dynamic(origin.port)],
      resourcePolicies: [{ ...policy, resource: "arn:aws:s3:::home" }],
    }),
  );
  site = services.cloudFront.url(distribution.id);
  free = services.cloudFront.url("E3DYNAMIC");
});
afterAll(async () => {
  await services.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.asked.length = 0;
  origin.answer = (_, response) => response.end("ok");
});

let count = 0;
/** A name that nobody has asked for yet. */
const fresh = (folder: string) => {
  count += 1;
  return `${folder}/${count}`;
};
const put = (Key: string, Body: string | Buffer, more: object = {}) =>
  services
    .s3Client()
    .send(new PutObjectCommand({ Bucket: "home", Key, Body, ContentType: "text/plain", ...more }));
const advance = (seconds: number) => services.cloud.clock.advance(seconds * 1000);

describe("a bucket behind origin access control", () => {
  test("is read as CloudFront, for the distribution that its policy names and for no other", async () => {
    await put("a", "hello", { CacheControl: "max-age=31536000, immutable", ContentDisposition: "inline" });
    const answer = await get(`${site}/a`);
    expect(answer).toMatchObject({ status: 200, text: "hello", cache: "Miss" });
    expect(answer.headers).toMatchObject({
      "content-type": "text/plain",
      "content-length": "5",
      "cache-control": "max-age=31536000, immutable",
      "content-disposition": "inline",
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      "x-amz-cf-id": expect.any(String),
      via: expect.stringContaining("(CloudFront)"),
    });
    expect((await get(`${services.cloudFront.url(other.id)}/a`)).text).toContain("<Code>AccessDenied</Code>");
    expect(services.iam.denials()).toEqual([
      expect.objectContaining({
        principal: "cloudfront.amazonaws.com",
        action: "s3:GetObject",
        resource: "arn:aws:s3:::home/a",
      }),
    ]);
  });

  test("serves its root object at the root, and answers under the distribution's name, too", async () => {
    await put("index.html", "root");
    expect((await get(`${site}/`)).text).toBe("root");
    const named = await get(`${services.origin}/index.html`, { headers: { host: distribution.domainName } });
    expect(named).toMatchObject({ status: 301, cache: "Redirect" });
    expect(named.headers.location).toBe(`https://${distribution.domainName}/index.html`);
  });

  test("is asked by GET and HEAD alone", async () => {
    const answer = await get(`${site}/a`, { method: "DELETE" });
    expect(answer).toMatchObject({ status: 403, cache: "Error" });
    expect(answer.text).toContain("not configured to allow the HTTP request method");
  });

  test("answers parts of a large object, from the origin and from the cache", async () => {
    const bytes = Buffer.alloc(300_000, "0123456789");
    const key = fresh("large");
    await put(key, bytes, { ContentType: "application/octet-stream" });
    for (const cache of ["Miss", "Hit"]) {
      const part = await get(`${site}/${key}`, { headers: { range: "bytes=100000-100009" } });
      expect(part).toMatchObject({ status: 206, text: "0123456789", cache });
      expect(part.headers["content-range"]).toBe("bytes 100000-100009/300000");
    }
    expect((await get(`${site}/${key}`)).body.equals(bytes)).toBe(true);
    for (const [range, status, text] of [
      ["bytes=-3", 206, "789"],
      ["bytes=299998-", 206, "89"],
      ["bytes=300000-", 416, ""],
    ] as const)
      expect(await get(`${site}/${key}`, { headers: { range } })).toMatchObject({ status, text });
  });

  test("is not asked again by who has it already, nor by HEAD", async () => {
    const key = fresh("kept");
    await put(key, "content");
    const first = await get(`${site}/${key}`);
    const etag = String(first.headers.etag);
    const modified = String(first.headers["last-modified"]);
    for (const headers of [{ "if-none-match": etag }, { "if-modified-since": modified }] as Record<
      string,
      string
    >[])
      expect(await get(`${site}/${key}`, { headers })).toMatchObject({ status: 304, cache: "Hit", text: "" });
    expect((await get(`${site}/${key}`, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
    const head = await get(`${site}/${key}`, { method: "HEAD" });
    expect(head).toMatchObject({ status: 200, cache: "Hit", text: "" });
    expect(head.headers["content-length"]).toBe("7");
    const alone = fresh("head");
    await put(alone, "longer content");
    for (const cache of ["Miss", "Hit"])
      expect(await get(`${site}/${alone}`, { method: "HEAD" })).toMatchObject({
        cache,
        headers: { "content-length": "14" },
      });
  });

  test("is compressed for who takes it, text alone, and not the smallest", async () => {
    const text = "compressible ".repeat(500);
    const key = fresh("text");
    await put(key, text);
    await put(`${key}.png`, text, { ContentType: "image/png" });
    await put(`${key}.small`, "small");
    const as = (encoding: string, name = key) =>
      get(`${site}/${name}`, { headers: { "accept-encoding": encoding } });
    const brotli = await as("gzip, br");
    expect(brotli.headers).toMatchObject({ "content-encoding": "br", vary: "Accept-Encoding" });
    expect(brotli.headers.etag).toMatch(/^W\//);
    expect(brotliDecompressSync(brotli.body).toString()).toBe(text);
    const gzip = await as("gzip;q=1.0, br;q=0");
    expect(gunzipSync(gzip.body).toString()).toBe(text);
    expect(await as("identity")).toMatchObject({ text, cache: "Miss" });
    expect((await as("br, gzip")).cache).toBe("Hit");
    for (const name of [`${key}.png`, `${key}.small`])
      expect((await as("br", name)).headers["content-encoding"]).toBeUndefined();
  });
});

describe("the cache", () => {
  test("keeps what the origin allows for as long as it allows, by the run's clock", async () => {
    const key = fresh("ttl");
    await put(key, "one", { CacheControl: "max-age=60" });
    expect((await get(`${site}/${key}`)).cache).toBe("Miss");
    await put(key, "two", { CacheControl: "max-age=60" });
    advance(59);
    const hit = await get(`${site}/${key}`);
    expect(hit).toMatchObject({ cache: "Hit", text: "one" });
    expect(Number(hit.headers.age)).toBeGreaterThanOrEqual(59);
    advance(2);
    expect(await get(`${site}/${key}`)).toMatchObject({ cache: "Miss", text: "two" });
    advance(61);
    expect(await get(`${site}/${key}`)).toMatchObject({ cache: "RefreshHit", text: "two" });
    expect((await get(`${site}/${key}`)).cache).toBe("Hit");
  });

  test.each([
    ["says nothing", {}, "Hit", 86_399],
    ["asks for less than the least", { "cache-control": "max-age=0" }, "Miss", 1],
    ["wants it for shared caches", { "cache-control": "max-age=1, s-maxage=100" }, "Hit", 99],
    ["names a time", { expires: "in an hour" }, "Hit", 3590],
    ["forbids it", { "cache-control": "no-store" }, "Miss", 0],
    ["keeps it private", { "cache-control": "private, max-age=100" }, "Miss", 0],
  ])("asks again or not where the origin %s", async (_, headers, cache, after) => {
    origin.answer = (_, response) => {
      const expires = new Date(services.cloud.clock.now() + 3_600_000).toUTCString();
      response.writeHead(200, "expires" in headers ? { expires } : headers).end("x");
    };
    const url = `${free}/${fresh("says")}`;
    await get(url);
    advance(after);
    expect((await get(url)).cache).toBe(cache);
  });

  test("tells requests apart by what its policy names, and by nothing else", async () => {
    origin.answer = (incoming, response) => response.end(incoming.url);
    const path = `${free}/${fresh("keyed")}`;
    const ask = async (query: string, headers: Record<string, string> = {}) =>
      (await get(path + query, { headers })).cache;
    expect(await ask("?page=1&session=1")).toBe("Miss");
    expect(await ask("?session=2&page=1")).toBe("Hit");
    expect(await ask("?page=2")).toBe("Miss");
    expect(await ask("?page=1", { "accept-language": "fr" })).toBe("Miss");
    expect(await ask("?page=1", { cookie: "who=me; other=1" })).toBe("Miss");
    expect(await ask("?page=1", { cookie: "other=2; who=me", "user-agent": "x" })).toBe("Hit");
    expect(origin.asked.map(({ url }) => url.slice(url.indexOf("?")))).toEqual([
      "?page=1",
      "?page=2",
      "?page=1",
      "?page=1",
    ]);
  });

  test("keeps an error for its own time, and what it has when the origin is in trouble", async () => {
    const key = fresh("later");
    expect(await get(`${site}/${key}`)).toMatchObject({ status: 403, cache: "Error" });
    await put(key, "there");
    expect((await get(`${site}/${key}`)).status).toBe(403);
    advance(11);
    expect((await get(`${site}/${key}`)).text).toBe("there");

    const url = `${free}/${fresh("trouble")}`;
    origin.answer = (_, response) => response.writeHead(200, { "cache-control": "max-age=10" }).end("good");
    await get(url);
    advance(11);
    origin.answer = (_, response) => response.writeHead(500).end("bad");
    expect(await get(url)).toMatchObject({ status: 200, text: "good" });
  });

  test("does not keep a body that broke off", async () => {
    const url = `${free}/${fresh("broken")}`;
    origin.answer = (_, response) => {
      response.writeHead(200, { "content-length": "10" });
      response.write("half", () => response.destroy());
    };
    await expect(get(url)).rejects.toThrow();
    origin.answer = (_, response) => response.end("whole body");
    expect(await get(url)).toMatchObject({ text: "whole body", cache: "Miss" });
  });
});

describe("an origin that answers itself", () => {
  test("gets method, body, query, cookies and headers that the policies let through, and CloudFront's own", async () => {
    origin.answer = (_, response) =>
      response.writeHead(201, { "set-cookie": ["a=1", "b=2"], "x-own": "yes" }).end("made");
    const answer = await get(`${free}/api/things?x=1&x=2`, {
      method: "POST",
      body: "body",
      headers: {
        cookie: "a=b",
        "content-type": "text/plain",
        "x-other": "1",
        "cloudfront-viewer-country": "XX",
      },
    });
    expect(answer).toMatchObject({ status: 201, text: "made", cache: "Miss" });
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    const [asked] = origin.asked;
    expect(asked).toMatchObject({ method: "POST", url: "/base/api/things?x=1&x=2", body: "body" });
    expect(asked?.headers).toMatchObject({
      host: "localhost",
      cookie: "a=b",
      "x-other": "1",
      "x-secret": "from the edge",
      "x-forwarded-for": "127.0.0.1",
      "cloudfront-forwarded-proto": "https",
      via: expect.stringContaining("CloudFront"),
    });
    expect(asked?.headers["cloudfront-viewer-country"]).toBeUndefined();
    expect((await get(`${free}/api/things?x=1`)).cache).toBe("Miss");
  });

  test("gets neither cookies, queries nor authorization where no policy says so, and sets no cookie", async () => {
    origin.answer = (_, response) => response.writeHead(200, { "set-cookie": "a=1" }).end("x");
    const answer = await get(`${free}/${fresh("plain")}?x=1`, {
      headers: { cookie: "a=b", authorization: "Bearer x" },
    });
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(origin.asked[0]?.url).not.toContain("?");
    expect(origin.asked[0]?.headers).toMatchObject({ "user-agent": "Amazon CloudFront" });
    expect(Object.keys(origin.asked[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(["cookie"]));
    expect(origin.asked[0]?.headers.authorization).toBeUndefined();
  });

  test("is replaced by the next of its group when it does not answer", async () => {
    expect(await get(`${free}/${fresh("group")}`)).toMatchObject({ status: 200, text: "ok" });
  });

  test("that is away is 502, and one beyond this machine is never asked", async () => {
    expect(await get(`${free}/${fresh("dead")}`)).toMatchObject({ status: 502, cache: "Error" });
    const far = distributionSpec({ origins: [{ ...localOrigin(1), domainName: "example.com" }] });
    const away = await startServices(planOf({ distributions: [far] }));
    try {
      expect((await get(`${away.cloudFront.url(far.id)}/`)).status).toBe(502);
      expect(away.logs.join("\n")).toContain("example.com is not on this machine");
    } finally {
      await away.stop();
    }
  });

  test("shows the distribution's own page for an error, with the status that goes with it", async () => {
    origin.answer = (incoming, response) =>
      incoming.url === "/base/errors/404.html"
        ? response.end("not here")
        : response.writeHead(404).end("raw");
    expect(await get(`${free}/${fresh("missing")}`)).toMatchObject({
      status: 200,
      text: "not here",
      cache: "Error",
    });
  });

  test("has its headers changed by the response headers policy", async () => {
    origin.answer = (_, response) =>
      response
        .writeHead(200, {
          "x-powered-by": "x",
          "x-frame-options": "SAMEORIGIN",
          "cache-control": "max-age=5",
        })
        .end("x");
    const ask = async (headers: Record<string, string>) =>
      (await get(`${free}/${fresh("framed")}`, { headers })).headers;
    const plain = await ask({});
    expect(plain).toMatchObject({ "x-frame-options": "SAMEORIGIN", "cache-control": "no-store" });
    expect(plain["x-powered-by"]).toBeUndefined();
    expect(plain["access-control-allow-origin"]).toBeUndefined();
    expect(await ask({ origin: "https://app.example.com" })).toMatchObject({
      "access-control-allow-origin": "https://app.example.com",
      "access-control-expose-headers": "etag",
      vary: "Origin",
    });
    expect((await ask({ origin: "https://elsewhere.org" }))["access-control-allow-origin"]).toBeUndefined();
  });

  test("is told by HTTPS alone where the behaviour says so", async () => {
    const refused = await get(`${services.origin}/x`, { headers: { host: "d333.cloudfront.net" } });
    expect(refused.status).toBe(403);
    const allowed = await get(`${services.origin}/api/x`, { headers: { host: "d333.cloudfront.net" } });
    expect(allowed.status).toBe(200);
    expect(origin.asked.at(-1)?.headers["cloudfront-forwarded-proto"]).toBe("http");
  });
});

test("what is served is observed", async () => {
  await get(`${free}/api/seen`);
  expect(services.observations.at(-1)).toMatchObject({
    kind: "cloudfront.request",
    detail: { method: "GET", path: "/api/seen", status: 200, cache: "Miss" },
  });
});
