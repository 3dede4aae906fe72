import { get } from "node:https";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FunctionFailure, functionArn, gatewaySpec, route, send, startWorld, type World } from "./support.ts";

let world: World;
let origin: string;
const handlers: World["handlers"] = {};
const lastEvent = () => world.invocations.at(-1)?.event ?? {};

beforeAll(async () => {
  handlers.fn = () => ({ statusCode: 200, body: "ok" });
  handlers.other = () => ({ statusCode: 200, body: "other" });
  handlers.closed = () => "unreachable";
  world = await startWorld({
    handlers,
    unpermitted: ["closed"],
    gateways: [
      gatewaySpec({
        customDomains: ["api.example.com"],
        routes: [
          route("GET /items/{id}"),
          route("ANY /old/{proxy+}", "fn", { payloadVersion: "1.0" }),
          route("GET /closed", "closed"),
          route("$default", "fn"),
        ],
      }),
      gatewaySpec({ id: "staged0000", name: "Staged", stage: "prod", routes: [route("GET /a", "fn")] }),
    ],
  });
  origin = world.gateways.url("abc123def4");
});
afterAll(() => world.stop());
beforeEach(() => {
  handlers.fn = () => ({ statusCode: 200, body: "ok" });
  world.invocations.length = 0;
  world.logs.length = 0;
});

it("a redirect to a name of the run leads to its port, for whoever asked at the API's own", async () => {
  handlers.fn = () => ({ statusCode: 302, headers: { location: "https://cdn.example.com/a?b=c" } });
  expect((await send(origin, "/")).headers.location).toBe("http://127.0.0.1:8080/a?b=c");
  const named = await send(world.aws, "/", { headers: { host: "api.example.com" } });
  expect(named.headers.location).toBe("https://cdn.example.com/a?b=c");
});

describe("payload format 2.0", () => {
  it("has every member that AWS documents, and no other", async () => {
    const reply = await send(origin, "/items/42?a=1&a=2&b=x%20y&empty=", {
      headers: {
        Cookie: "one=1; two=2",
        "X-Twice": ["a", "b"],
        "User-Agent": "test/1",
        "Content-Type": "application/json",
      },
    });
    expect(reply.status).toBe(200);
    const event = lastEvent();
    const now = world.cloud.clock.now();
    expect(event).toEqual({
      version: "2.0",
      routeKey: "GET /items/{id}",
      rawPath: "/items/42",
      rawQueryString: "a=1&a=2&b=x%20y&empty=",
      cookies: ["one=1", "two=2"],
      headers: {
        host: new URL(origin).host,
        "content-type": "application/json",
        "user-agent": "test/1",
        "x-twice": "a,b",
        "x-amzn-trace-id": expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-port": new URL(origin).port,
        "x-forwarded-proto": "http",
      },
      queryStringParameters: { a: "1,2", b: "x y", empty: "" },
      requestContext: {
        accountId: "112233445566",
        apiId: "abc123def4",
        domainName: new URL(origin).host,
        domainPrefix: "127",
        http: {
          method: "GET",
          path: "/items/42",
          protocol: "HTTP/1.1",
          sourceIp: "127.0.0.1",
          userAgent: "test/1",
        },
        requestId: reply.headers["apigw-requestid"],
        routeKey: "GET /items/{id}",
        stage: "$default",
        time: expect.stringMatching(/^\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} \+0000$/),
        timeEpoch: expect.any(Number),
      },
      pathParameters: { id: "42" },
      isBase64Encoded: false,
    });
    const { timeEpoch } = event.requestContext as { timeEpoch: number };
    expect(Math.abs(now - timeEpoch)).toBeLessThan(60_000);
  });

  it("text, JSON and XML bodies arrive as text, forms and bytes as base64", async () => {
    const post = async (
      type: string | undefined,
      body: string | Buffer,
      more: Record<string, string> = {},
    ) => {
      await send(origin, "/", {
        method: "POST",
        body,
        headers: { ...(type && { "content-type": type }), ...more },
      });
      const { body: got, isBase64Encoded } = lastEvent();
      return [got, isBase64Encoded];
    };
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    expect(await post("application/json; charset=utf-8", '{"é":1}')).toEqual(['{"é":1}', false]);
    expect(await post("text/csv", "a,b")).toEqual(["a,b", false]);
    expect(await post("application/problem+json", "{}")).toEqual(["{}", false]);
    expect(await post("application/x-www-form-urlencoded", "a=1")).toEqual([base64("a=1"), true]);
    expect(await post("application/octet-stream", Buffer.from([0, 255]))).toEqual(["AP8=", true]);
    expect(await post("application/json", "{}", { "content-encoding": "gzip" })).toEqual([
      base64("{}"),
      true,
    ]);
    expect(await post(undefined, "plain")).toEqual(["plain", false]);
    expect(await post("text/plain", "")).toEqual([undefined, false]);
  });

  it("a chunked body arrives whole", async () => {
    await send(origin, "/", {
      method: "PUT",
      body: ["one ", "two ", "three"],
      headers: { "content-type": "text/plain" },
    });
    expect(lastEvent().body).toBe("one two three");
    expect(lastEvent().headers).not.toHaveProperty("transfer-encoding");
  });

  it("the path is decoded as AWS decodes it, and the query left as sent", async () => {
    await send(origin, "/items/a%20b%2Fc?q=%2F&plus=a+b");
    // %2F becomes a slash before routes are matched, so that one segment becomes two.
    expect(lastEvent()).toMatchObject({
      rawPath: "/items/a b/c",
      routeKey: "$default",
      rawQueryString: "q=%2F&plus=a+b",
      queryStringParameters: { q: "/", plus: "a b" },
    });
    await send(origin, "/items/%E2%82%AC");
    expect(lastEvent()).toMatchObject({ pathParameters: { id: "€" } });
    await send(origin, "//a//b/");
    expect(lastEvent()).toMatchObject({ rawPath: "//a//b/" });
    expect(await send(origin, "/bad%zz")).toMatchObject({ status: 400, body: '{"message":"Bad Request"}' });
  });

  it("takes the caller's trace, makes one where there is none, and gives it to the function", async () => {
    const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    await send(origin, "/", { headers: { "X-Amzn-Trace-Id": trace } });
    expect(world.invocations.at(-1)?.traces).toEqual([trace]);
    await send(origin, "/", { headers: { "X-Amzn-Trace-Id": "nonsense" } });
    expect(world.invocations.at(-1)?.traces[0]).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
  });
});

describe("payload format 1.0", () => {
  it("has the members of format 1.0 and single and multiple values side by side", async () => {
    await send(origin, "/old/x/y?a=1&a=2", { headers: { "X-Twice": ["a", "b"] } });
    expect(lastEvent()).toMatchObject({
      version: "1.0",
      resource: "/old/{proxy+}",
      path: "/old/x/y",
      httpMethod: "GET",
      headers: { "X-Twice": "b" },
      multiValueHeaders: { "X-Twice": ["a", "b"] },
      queryStringParameters: { a: "2" },
      multiValueQueryStringParameters: { a: ["1", "2"] },
      pathParameters: { proxy: "x/y" },
      stageVariables: null,
      body: null,
      isBase64Encoded: false,
      requestContext: {
        httpMethod: "GET",
        identity: { sourceIp: "127.0.0.1" },
        resourcePath: "/old/{proxy+}",
      },
    });
  });

  it("multiValueHeaders become several header lines, and an answer without statusCode is an error", async () => {
    handlers.fn = () => ({ statusCode: 201, multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"] }, body: "x" });
    expect(await send(origin, "/old/x")).toMatchObject({
      status: 201,
      headers: { "set-cookie": ["a=1", "b=2"] },
    });
    handlers.fn = () => ({ hello: "world" });
    expect(await send(origin, "/old/x")).toMatchObject({
      status: 500,
      body: '{"message":"Internal Server Error"}',
    });
    expect(world.logs.join()).toContain("statusCode");
  });
});

describe("what a function returns", () => {
  it.each([
    ["an object without statusCode", { a: 1 }, 200, "application/json", '{"a":1}'],
    ["a string", "hello", 200, "application/json", "hello"],
    ["an array", [1, 2], 200, "application/json", "[1,2]"],
    ["nothing", undefined, 200, "application/json", "null"],
    ["a status and a body", { statusCode: 404, body: "no" }, 404, "text/plain; charset=utf-8", "no"],
    ["a status as text", { statusCode: "202" }, 202, "text/plain; charset=utf-8", ""],
    [
      "headers of any case",
      { statusCode: 200, headers: { "Content-TYPE": "text/html" }, body: "<p>" },
      200,
      "text/html",
      "<p>",
    ],
  ])("%s is answered as API Gateway infers it", async (_, result, status, type, body) => {
    handlers.fn = () => result;
    const reply = await send(origin, "/");
    expect([reply.status, reply.headers["content-type"], reply.body]).toEqual([status, type, body]);
  });

  it("cookies become set-cookie lines and base64 becomes bytes", async () => {
    handlers.fn = () => ({
      statusCode: 200,
      cookies: ["a=1; HttpOnly", "b=2"],
      headers: { "x-number": 7 },
      body: Buffer.from([1, 2, 255]).toString("base64"),
      isBase64Encoded: true,
    });
    const reply = await send(origin, "/");
    expect(reply.headers["set-cookie"]).toEqual(["a=1; HttpOnly", "b=2"]);
    expect(reply.headers["x-number"]).toBe("7");
    expect([...reply.bytes]).toEqual([1, 2, 255]);
  });

  it.each([
    ["a status out of range", { statusCode: 99 }],
    ["an object for a body", { statusCode: 200, body: { a: 1 } }],
    [
      "a header with a line break",
      { statusCode: 200, headers: { "x-evil": "a\r\nset-cookie: b=1" }, body: "" },
    ],
    ["cookies that are no list", { statusCode: 200, cookies: "a=1" }],
  ])("%s is an internal server error and is explained in the log", async (_, result) => {
    handlers.fn = () => result;
    const reply = await send(origin, "/");
    expect([reply.status, reply.body]).toEqual([500, '{"message":"Internal Server Error"}']);
    expect(reply.headers).not.toHaveProperty("set-cookie");
    expect(world.logs).toHaveLength(1);
  });

  it("a function's own framing headers are not believed", async () => {
    handlers.fn = () => ({
      statusCode: 200,
      headers: { "content-length": "1", "transfer-encoding": "x" },
      body: "whole",
    });
    expect((await send(origin, "/")).body).toBe("whole");
  });

  it("HEAD gets the headers of the answer and no body", async () => {
    handlers.fn = () => ({ statusCode: 200, body: "12345" });
    expect(await send(origin, "/", { method: "HEAD" })).toMatchObject({
      body: "",
      headers: { "content-length": "5" },
    });
  });
});

describe("when something is wrong", () => {
  it("a function that fails is a 500 that says nothing of the error", async () => {
    handlers.fn = () => {
      throw new FunctionFailure("password is hunter2");
    };
    expect(await send(origin, "/")).toMatchObject({
      status: 500,
      body: '{"message":"Internal Server Error"}',
    });
  });

  it("a function that API Gateway may not invoke is a 500, and the denial is in the log", async () => {
    expect(await send(origin, "/closed")).toMatchObject({ status: 500 });
    expect(world.logs.join()).toContain(functionArn("closed"));
    expect(world.observations.some(({ kind }) => kind === "iam.denied")).toBe(true);
  });

  it("an integration that takes 30 s is answered 503", async () => {
    let arrived = () => {};
    const began = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let finish = () => {};
    handlers.fn = () => {
      arrived();
      return new Promise((resolve) => {
        finish = () => resolve("late");
      });
    };
    const pending = send(origin, "/");
    await began;
    world.cloud.clock.advance(30_000);
    expect(await pending).toMatchObject({ status: 503, body: '{"message":"Service Unavailable"}' });
    finish();
  });

  it("bodies over 10 MB are refused with 413, announced or chunked, and the function never runs", async () => {
    const large = Buffer.alloc(10 * 1024 * 1024 + 1, "x");
    const announced = await send(origin, "/", { method: "POST", body: large });
    expect(announced).toMatchObject({ status: 413, body: '{"message":"Request Entity Too Large"}' });
    const chunk = "x".repeat(1024 * 1024);
    const chunked = await send(origin, "/", { method: "POST", body: Array<string>(11).fill(chunk) });
    expect(chunked.status).toBe(413);
    expect(world.invocations).toHaveLength(0);
    const fits = await send(origin, "/", { method: "POST", body: large.subarray(1) });
    expect(fits.status).toBe(200);
  });

  it("headers over 10,240 bytes are refused with 431", async () => {
    expect((await send(origin, "/", { headers: { "x-big": "a".repeat(10_300) } })).status).toBe(431);
    expect((await send(origin, `/?${"q".repeat(10_300)}`)).status).toBe(431);
    expect(world.invocations).toHaveLength(0);
  });

  it("a client that leaves before its body is complete reaches no function and harms nothing", async () => {
    const { port } = new URL(origin);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1", () => {
        socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npartial");
        socket.end(() => socket.destroy());
      });
      socket.on("close", () => resolve());
    });
    expect((await send(origin, "/")).status).toBe(200);
    expect(world.invocations).toHaveLength(1);
  });
});

describe("addresses", () => {
  it("an API answers under its AWS host name and its custom domain behind the front door", async () => {
    for (const host of ["abc123def4.execute-api.eu-north-1.amazonaws.com", "api.example.com"]) {
      const reply = await send(world.aws, "/items/1", { headers: { host } });
      expect(reply.status).toBe(200);
      expect(lastEvent()).toMatchObject({
        requestContext: { domainName: host, domainPrefix: host.split(".")[0] },
      });
    }
    const host = "nosuchapi0.execute-api.eu-north-1.amazonaws.com";
    expect((await send(world.aws, "/", { headers: { host } })).status).toBe(403);
  });

  it("a function reaches the API by its custom domain over TLS that it can verify", async () => {
    expect(world.cloud.addresses.toJSON()["api.example.com:443"]).toBe(`127.0.0.1:${world.awsTlsPort}`);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const { pem: ca } = world.cloud.ca;
      const servername = "api.example.com";
      const options = {
        host: "127.0.0.1",
        port: world.awsTlsPort,
        servername,
        ca,
        headers: { host: servername },
        agent: false,
      };
      get(options, (reply) => resolve(reply.resume().statusCode)).on("error", reject);
    });
    expect(status).toBe(200);
    expect(lastEvent()).toMatchObject({
      headers: { "x-forwarded-proto": "https", "x-forwarded-port": "443" },
    });
  });

  it("a named stage begins the path under the AWS host name and stays in rawPath", async () => {
    const host = "staged0000.execute-api.eu-north-1.amazonaws.com";
    expect((await send(world.aws, "/prod/a", { headers: { host } })).status).toBe(200);
    expect(lastEvent()).toMatchObject({
      rawPath: "/prod/a",
      routeKey: "GET /a",
      requestContext: { stage: "prod" },
    });
    expect(await send(world.aws, "/a", { headers: { host } })).toMatchObject({
      status: 404,
      body: '{"message":"Not Found"}',
    });
    expect(world.gateways.url("staged0000")).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/prod$/);
  });

  it("each request leaves one access line with its route and without its query", async () => {
    world.observations.length = 0;
    const reply = await send(origin, "/items/1?token=secret");
    const lines = world.observations.filter(({ kind }) => kind === "apigw.request");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.detail).toMatchObject({
      method: "GET",
      path: "/items/{id}",
      status: 200,
      requestId: reply.headers["apigw-requestid"],
    });
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  it("the function's permission is asked with stage, method and path of the route", async () => {
    await send(origin, "/items/1");
    await send(origin, "/elsewhere");
    const arns = world.invocations.map(
      ({ principal }) => principal.kind === "service" && principal.sourceArn,
    );
    const api = "arn:aws:execute-api:eu-north-1:112233445566:abc123def4";
    expect(arns).toEqual([`${api}/$default/GET/items/{id}`, `${api}/$default/$default`]);
  });
});
