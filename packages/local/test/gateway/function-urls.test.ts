import { get } from "node:https";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { FunctionUrlSpec } from "../../src/plan/types.ts";
import { accountId, FunctionFailure, functionArn, region, send, startWorld, type World } from "./support.ts";

let world: World;
const handlers: World["handlers"] = {};
const lastEvent = () => world.invocations.at(-1)?.event ?? {};
const address = (id: string, more: Partial<FunctionUrlSpec> = {}): FunctionUrlSpec => ({
  id,
  name: id,
  region,
  functionArn: functionArn("open"),
  host: `${id}.lambda-url.${region}.on.aws`,
  authorization: "NONE",
  streaming: false,
  ...more,
});
const everybody = (name: string) => ({
  resource: functionArn(name),
  document: {
    Statement: [
      {
        Effect: "Allow" as const,
        Principal: "*" as const,
        Action: "lambda:InvokeFunction",
        Resource: functionArn(name),
      },
    ],
  },
});
const role = (name: string, Action: string[]) => ({
  arn: `arn:aws:iam::${accountId}:role/${name}`,
  name,
  trust: { Statement: [] },
  policies: [
    {
      name: "inline",
      document: { Statement: [{ Effect: "Allow" as const, Action, Resource: functionArn("private") }] },
    },
  ],
});

beforeAll(async () => {
  for (const name of ["open", "private", "unpermitted"]) handlers[name] = () => "";
  world = await startWorld({
    handlers,
    plan: {
      resourcePolicies: [everybody("open")],
      roles: [
        role("caller", ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]),
        role("half", ["lambda:InvokeFunction"]),
      ],
      functionUrls: [
        address("open"),
        address("stream", { streaming: true }),
        address("private", { functionArn: functionArn("private"), authorization: "AWS_IAM" }),
        address("unpermitted", { functionArn: functionArn("unpermitted") }),
        address("cors", {
          cors: {
            allowOrigins: ["https://app.example"],
            allowMethods: ["GET", "PUT"],
            allowHeaders: ["x-own"],
            exposeHeaders: ["x-shown"],
            allowCredentials: true,
            maxAgeSeconds: 60,
          },
        }),
      ],
    },
  });
});
afterAll(() => world.stop());
beforeEach(() => {
  handlers.open = () => ({ statusCode: 200, body: "ok" });
  handlers.private = () => ({ statusCode: 200, body: "ok" });
  world.invocations.length = 0;
});

describe("event", () => {
  it("is payload format 2.0, its path as it was sent", async () => {
    await send(world.functionUrls.url("open"), "/a%2Fb%20c?x=1&x=2", { headers: { cookie: "a=1; b=2" } });
    expect(lastEvent()).toMatchObject({
      version: "2.0",
      routeKey: "$default",
      rawPath: "/a%2Fb%20c",
      rawQueryString: "x=1&x=2",
      cookies: ["a=1", "b=2"],
      queryStringParameters: { x: "1,2" },
      requestContext: {
        accountId: "anonymous",
        apiId: "open",
        routeKey: "$default",
        stage: "$default",
        http: { method: "GET", path: "/a%2Fb%20c" },
      },
      isBase64Encoded: false,
    });
    expect(lastEvent()).not.toHaveProperty("pathParameters");
    expect(lastEvent()).not.toHaveProperty("requestContext.authorizer");
  });

  it("carries what is not text as base64, and 413 answers more than six megabytes", async () => {
    const origin = world.functionUrls.url("open");
    await send(origin, "/", { method: "POST", body: Buffer.from([0, 255]) });
    expect(lastEvent()).toMatchObject({ body: "AP8=", isBase64Encoded: true });
    const reply = await send(origin, "/", { method: "POST", body: Buffer.alloc(6 * 1024 * 1024 + 1) });
    expect(reply.status).toBe(413);
    expect(world.invocations).toHaveLength(1);
  });

  it("comes by the AWS host name, over TLS that the run's CA vouches for", async () => {
    const host = `open.lambda-url.${region}.on.aws`;
    const status = await new Promise((resolve, reject) => {
      get(
        {
          host: "127.0.0.1",
          port: world.awsTlsPort,
          servername: host,
          headers: { host },
          ca: world.cloud.ca.pem,
        },
        (reply) => resolve(reply.resume().statusCode),
      ).on("error", reject);
    });
    expect(status).toBe(200);
    expect(lastEvent()).toMatchObject({ requestContext: { domainName: host, domainPrefix: "open" } });
    expect(world.cloud.addresses.toJSON()).toHaveProperty(["*.on.aws:443"]);
  });

  it("403 answers a host name that no function has", async () => {
    const host = `nobody.lambda-url.${region}.on.aws`;
    expect((await send(world.aws, "/", { headers: { host } })).status).toBe(403);
    expect(world.invocations).toHaveLength(0);
  });
});

describe("answer", () => {
  const answer = async (result: unknown, id = "open") => {
    handlers.open = () => result;
    const { status, headers, body } = await send(world.functionUrls.url(id), "/");
    return { status, type: headers["content-type"], cookies: headers["set-cookie"], body };
  };

  it("without a status is 200 and JSON", async () => {
    expect(await answer({ a: 1 })).toMatchObject({ status: 200, type: "application/json", body: '{"a":1}' });
    expect(await answer("text")).toMatchObject({ status: 200, type: "application/json", body: "text" });
    expect(await answer(null)).toMatchObject({ status: 200 });
  });

  it("with a status keeps status, type and cookies, and is JSON when it names no type", async () => {
    expect(
      await answer({ statusCode: 418, headers: { "Content-Type": "text/html" }, cookies: ["a=1", "b=2"] }),
    ).toMatchObject({ status: 418, type: "text/html", cookies: ["a=1", "b=2"] });
    expect(await answer({ statusCode: 201, body: "{}" })).toMatchObject({ type: "application/json" });
  });

  it("of a failed function, and one that no response can be made of, is 502 without the reason", async () => {
    handlers.open = () => {
      throw new FunctionFailure("secret cause");
    };
    const failed = await send(world.functionUrls.url("open"), "/");
    expect(failed.status).toBe(502);
    expect(failed.body).not.toContain("secret");
    expect(await answer({ statusCode: 99 })).toMatchObject({ status: 502 });
    expect(await answer({ statusCode: 200, headers: { "x-a": "b\r\nc: d" } })).toMatchObject({ status: 502 });
  });

  it("that is streamed without a status is sent as it was written", async () => {
    expect(await answer({ a: 1 }, "stream")).toMatchObject({
      status: 200,
      type: "application/octet-stream",
      body: '{"a":1}',
    });
    expect(await answer({ statusCode: 201, body: "x" }, "stream")).toMatchObject({ status: 201, body: "x" });
  });
});

describe("access", () => {
  const signed = async (name: string) => {
    const origin = world.functionUrls.url("private");
    const credentials = world.credentials.issue({
      kind: "role",
      roleArn: `arn:aws:iam::${accountId}:role/${name}`,
      sessionName: "session",
    });
    const client = new LambdaClient({ region, credentials, endpoint: origin });
    const { host, hostname, port } = new URL(origin);
    const request = {
      method: "GET",
      protocol: "http:",
      hostname,
      port: Number(port),
      path: "/",
      query: {},
      headers: { host },
    };
    const { headers } = await (await client.config.signer()).sign(request as never);
    client.destroy();
    return send(origin, "/", { headers });
  };

  it("with AWS_IAM is for those who sign and may, and the function is told who they are", async () => {
    expect((await signed("caller")).status).toBe(200);
    expect(lastEvent()).toMatchObject({
      requestContext: {
        accountId,
        authorizer: { iam: { userArn: `arn:aws:sts::${accountId}:assumed-role/caller/session` } },
      },
    });
  });

  it("with AWS_IAM is refused to the unsigned and to those without lambda:InvokeFunctionUrl", async () => {
    const unsigned = await send(world.functionUrls.url("private"), "/");
    expect(unsigned).toMatchObject({ status: 403, headers: { "x-amzn-errortype": "AccessDeniedException" } });
    expect((await signed("half")).status).toBe(403);
    expect(world.invocations).toHaveLength(0);
  });

  it("without authorization still needs the function's own permission for everybody", async () => {
    expect((await send(world.functionUrls.url("unpermitted"), "/")).status).toBe(403);
  });
});

describe("CORS", () => {
  it("preflights are answered without the function, which cannot speak for the address", async () => {
    const origin = world.functionUrls.url("cors");
    const preflight = await send(origin, "/", {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": "PUT" },
    });
    expect(preflight.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "GET,PUT",
      "access-control-allow-headers": "x-own",
      "access-control-allow-credentials": "true",
      "access-control-max-age": "60",
    });
    expect(world.invocations).toHaveLength(0);
    handlers.open = () => ({ statusCode: 200, headers: { "Access-Control-Allow-Origin": "*" } });
    const allowed = await send(origin, "/", { headers: { origin: "https://app.example" } });
    expect(allowed.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-expose-headers": "x-shown",
    });
    const stranger = await send(origin, "/", { headers: { origin: "https://evil.example" } });
    expect(stranger.headers).not.toHaveProperty("access-control-allow-origin");
  });
});
