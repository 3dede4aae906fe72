import { ApiGatewayManagementApiClient } from "@aws-sdk/client-apigatewaymanagementapi";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { claimText } from "../../src/gateway/jwt-authorizer.ts";
import type { AuthorizerSpec } from "../../src/plan/types.ts";
import {
  accountId,
  FunctionFailure,
  functionArn,
  gatewaySpec,
  route,
  send,
  startWorld,
  type World,
} from "./support.ts";

const issuer = "https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_pool";
const api = `arn:aws:execute-api:eu-north-1:${accountId}:abc123def4`;
const lambda = (id: string, more: Partial<NonNullable<AuthorizerSpec["lambda"]>> = {}): AuthorizerSpec => ({
  id,
  name: id,
  kind: "lambda",
  lambda: {
    functionArn: functionArn("judge"),
    payloadVersion: "2.0",
    simpleResponses: false,
    ttlSeconds: 0,
    ...more,
  },
  identitySources: ["$request.header.X-Key"],
});
const policy = (effect: string, resource: string, more: Record<string, unknown> = {}) => ({
  principalId: "someone",
  policyDocument: {
    Version: "2012-10-17",
    Statement: [{ Effect: effect, Action: "execute-api:Invoke", Resource: resource }],
  },
  ...more,
});

let world: World;
let origin: string;
let key: CryptoKey;
const handlers: World["handlers"] = {};
const event = () => world.invocations.findLast((one) => one.functionArn === functionArn("fn"))?.event ?? {};
const judged = () => world.invocations.filter((one) => one.functionArn === functionArn("judge"));

beforeAll(async () => {
  handlers.fn = () => ({ statusCode: 200, body: "ok" });
  handlers.judge = () => ({});
  world = await startWorld({
    handlers,
    plan: {
      roles: [
        {
          arn: `arn:aws:iam::${accountId}:role/caller`,
          name: "caller",
          trust: { Statement: [] },
          policies: [
            {
              name: "inline",
              document: {
                Statement: [
                  { Effect: "Allow", Action: "execute-api:Invoke", Resource: `${api}/*/GET/signed` },
                ],
              },
            },
          ],
        },
      ],
    },
    gateways: [
      gatewaySpec({
        routes: [
          route("GET /jwt", "fn", { authorizerId: "jwt" }),
          route("GET /jwt1", "fn", { authorizerId: "jwt", payloadVersion: "1.0" }),
          route("GET /query", "fn", { authorizerId: "query" }),
          route("GET /scoped", "fn", { authorizerId: "jwt", scopes: ["mail/read", "mail/write"] }),
          route("GET /policy/{id}", "fn", { authorizerId: "policy" }),
          route("GET /policy1", "fn", { authorizerId: "policy1", payloadVersion: "1.0" }),
          route("GET /simple", "fn", { authorizerId: "simple" }),
          route("GET /cached/{id}", "fn", { authorizerId: "cached" }),
          route("GET /signed", "fn", { authorizerId: "AWS_IAM" }),
          route("POST /signed", "fn", { authorizerId: "AWS_IAM" }),
        ],
        authorizers: [
          {
            id: "jwt",
            name: "jwt",
            kind: "jwt",
            jwt: { issuer, audiences: ["web", "cli"] },
            identitySources: ["$request.header.Authorization"],
          },
          {
            id: "query",
            name: "query",
            kind: "jwt",
            jwt: { issuer, audiences: ["web"] },
            identitySources: ["$request.querystring.token"],
          },
          lambda("policy"),
          lambda("policy1", { payloadVersion: "1.0" }),
          lambda("simple", { simpleResponses: true }),
          lambda("cached", { ttlSeconds: 60 }),
          { id: "AWS_IAM", name: "AWS_IAM", kind: "iam", identitySources: [] },
        ],
      }),
    ],
  });
  origin = world.gateways.url("abc123def4");
  const pair = await generateKeyPair("RS256", { extractable: true });
  key = pair.privateKey;
  const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: "k1", alg: "RS256", use: "sig" }] };
  world.ports.cognito = { jwks: (wanted) => (wanted === issuer ? jwks : undefined) };
});
afterAll(() => world.stop());
beforeEach(() => {
  world.invocations.length = 0;
});

const now = () => Math.floor(world.cloud.clock.now() / 1000);
async function token(
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  signer: CryptoKey | Uint8Array = key,
) {
  return new SignJWT({ iss: issuer, aud: "web", sub: "u1", iat: now(), exp: now() + 60, ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "k1", ...header })
    .sign(signer);
}
const get = (path: string, authorization?: string) =>
  send(origin, path, { headers: authorization ? { authorization } : {} });

describe("JWT authorizer", () => {
  it("hands all claims to the function as text, arrays and maps in Go's notation", async () => {
    const claims = {
      "cognito:groups": ["admin", "recruiter"],
      email_verified: true,
      n: 5,
      o: { b: 1, a: [] },
      none: null,
    };
    const jwt = await token(claims);
    for (const value of [jwt, `Bearer ${jwt}`, `bearer ${jwt}`])
      expect((await get("/jwt", value)).status).toBe(200);
    expect(event().requestContext).toMatchObject({
      authorizer: {
        jwt: {
          claims: {
            "cognito:groups": "[admin recruiter]",
            email_verified: "true",
            n: "5",
            o: "map[a:[] b:1]",
            none: "<nil>",
            aud: "web",
            sub: "u1",
            exp: expect.stringMatching(/^\d+$/),
          },
          scopes: null,
        },
      },
    });
    await get("/jwt1", jwt);
    expect(event().requestContext).toMatchObject({ authorizer: { claims: { sub: "u1" }, scopes: null } });
    expect(claimText(["a", ["b", 1]])).toBe("[a [b 1]]");
  });

  it("takes client_id for the audience only where there is no aud", async () => {
    expect((await get("/jwt", await token({ aud: undefined, client_id: "cli" }))).status).toBe(200);
    expect((await get("/jwt", await token({ aud: "other", client_id: "cli" }))).status).toBe(401);
    expect((await get("/jwt", await token({ aud: ["other", "cli"] }))).status).toBe(200);
    expect((await get("/jwt", await token({ aud: undefined }))).status).toBe(401);
  });

  it("finds the token in a query parameter when that is the identity source", async () => {
    expect((await get(`/query?token=${await token()}`)).status).toBe(200);
    expect((await get("/query", await token())).status).toBe(401);
  });

  it("refuses with 401 and says why in www-authenticate", async () => {
    const other = (await generateKeyPair("RS256")).privateKey;
    const good = await token();
    const [head, body] = good.split(".");
    const unsigned = `${Buffer.from('{"alg":"none","kid":"k1"}').toString("base64url")}.${body}.`;
    const cases: [name: string, jwt: string, reason: string][] = [
      ["expired", await token({ exp: now() - 1 }), "the token has expired"],
      ["without exp", await token({ exp: undefined }), "the token has no valid exp"],
      ["not yet valid", await token({ nbf: now() + 60 }), "the token is not valid yet"],
      ["issued in the future", await token({ iat: now() + 60 }), "the token is used before issued"],
      [
        "of another issuer",
        await token({ iss: "https://evil.example" }),
        "the token does not have a valid issuer",
      ],
      ["for another audience", await token({ aud: "x" }), "the token does not have a valid audience"],
      ["signed by another key", await token({}, {}, other), "the token's signature does not match"],
      ["with an unknown kid", await token({}, { kid: "k2" }), "no key of the issuer has the token's kid"],
      ["without a kid", await token({}, { kid: undefined }), "the token has no kid"],
      [
        "signed with a shared secret",
        await token({}, { alg: "HS256" }, new Uint8Array(32)),
        "the token's signing algorithm is not RSA",
      ],
      ["without a signature", unsigned, "the token's signing algorithm is not RSA"],
      [
        "tampered",
        `${head}.${Buffer.from("{}").toString("base64url")}.${good.split(".")[2]}`,
        "the token's signature does not match",
      ],
      ["not a token", "nonsense", "the token is malformed"],
    ];
    for (const [name, jwt, reason] of cases) {
      const reply = await get("/jwt", `Bearer ${jwt}`);
      expect([name, reply.status, reply.body]).toEqual([name, 401, '{"message":"Unauthorized"}']);
      expect(reply.headers["www-authenticate"]).toBe(
        `Bearer scope="" error="invalid_token" error_description="${reason}"`,
      );
    }
    const none = await get("/jwt");
    expect([none.status, none.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
    expect(world.invocations).toHaveLength(0);
  });

  it("an issuer that no pool of the run has is refused without asking the network", async () => {
    const { cognito } = world.ports;
    world.ports.cognito = { jwks: () => undefined };
    const reply = await get("/jwt", await token());
    world.ports.cognito = cognito;
    expect([reply.status, reply.headers["www-authenticate"]]).toEqual([
      401,
      expect.stringContaining("no user pool of this run"),
    ]);
  });

  it("one of the route's scopes suffices; none is 403", async () => {
    expect((await get("/scoped", await token({ scope: "openid mail/write" }))).status).toBe(200);
    expect(event().requestContext).toMatchObject({
      authorizer: { jwt: { scopes: ["mail/read", "mail/write"] } },
    });
    expect((await get("/scoped", await token({ scp: ["mail/read"] }))).status).toBe(200);
    const reply = await get("/scoped", await token({ scope: "mail/reader" }));
    expect([reply.status, reply.body]).toEqual([403, '{"message":"Forbidden"}']);
    expect(reply.headers["www-authenticate"]).toContain('error="insufficient_scope"');
  });

  it("a token ends when the local clock says so", async () => {
    const jwt = await token({ exp: now() + 3600 });
    expect((await get("/jwt", jwt)).status).toBe(200);
    world.cloud.clock.advance(3_600_000);
    expect((await get("/jwt", jwt)).status).toBe(401);
  });
});

describe("Lambda authorizer", () => {
  const ask = (path: string, key = "k") => send(origin, path, { headers: { "x-key": key } });

  it("with format 2.0 gets the request, and its context reaches the function as it is", async () => {
    handlers.judge = () =>
      policy("Allow", `${api}/*/GET/policy/*`, { context: { n: 1, list: [1], text: "t" } });
    expect((await ask("/policy/7?a=1")).status).toBe(200);
    expect(judged()[0]?.event).toMatchObject({
      version: "2.0",
      type: "REQUEST",
      routeArn: `${api}/$default/GET/policy/7`,
      identitySource: ["k"],
      routeKey: "GET /policy/{id}",
      rawPath: "/policy/7",
      headers: { "x-key": "k" },
      queryStringParameters: { a: "1" },
      pathParameters: { id: "7" },
    });
    expect(judged()[0]?.principal).toMatchObject({
      service: "apigateway.amazonaws.com",
      sourceArn: `${api}/authorizers/policy`,
    });
    expect(event().requestContext).toMatchObject({ authorizer: { lambda: { n: 1, list: [1], text: "t" } } });
  });

  it("with format 1.0 gets methodArn and identity as text, and principalId reaches the function", async () => {
    handlers.judge = () => policy("Allow", "*", { context: { text: "t" } });
    expect((await ask("/policy1")).status).toBe(200);
    expect(judged()[0]?.event).toMatchObject({
      version: "1.0",
      methodArn: `${api}/$default/GET/policy1`,
      identitySource: "k",
      authorizationToken: "k",
      httpMethod: "GET",
    });
    expect(event().requestContext).toMatchObject({ authorizer: { principalId: "someone", text: "t" } });
  });

  it("without the identity source nobody is asked and the answer is 401", async () => {
    expect((await send(origin, "/policy/7")).status).toBe(401);
    expect(judged()).toHaveLength(0);
  });

  it.each([
    ["a deny", () => policy("Deny", "*"), 403],
    ["an allow of something else", () => policy("Allow", `${api}/*/POST/*`), 403],
    [
      "an allow beside a deny",
      () => ({
        principalId: "x",
        policyDocument: {
          Statement: [
            { Effect: "Allow", Action: "*", Resource: "*" },
            { Effect: "Deny", Action: "execute-api:*", Resource: `${api}/*` },
          ],
        },
      }),
      403,
    ],
    [
      "an allow under a condition that does not hold",
      () => ({
        policyDocument: {
          Statement: [
            {
              Effect: "Allow",
              Action: "execute-api:Invoke",
              Resource: "*",
              Condition: { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } },
            },
          ],
        },
      }),
      403,
    ],
    ["no policy", () => ({ principalId: "x" }), 500],
    ["nothing", () => undefined, 500],
    [
      "an Unauthorized error",
      () => {
        throw new FunctionFailure("Unauthorized");
      },
      401,
    ],
    [
      "another error",
      () => {
        throw new FunctionFailure("database down");
      },
      500,
    ],
  ])("%s is answered with its status and the function does not run", async (_, judge, status) => {
    handlers.judge = judge;
    expect((await ask("/policy/7")).status).toBe(status);
    expect(event()).toEqual({});
  });

  it("simple answers allow and deny, and anything else is an error", async () => {
    for (const [answer, status] of [
      [{ isAuthorized: true, context: { a: 1 } }, 200],
      [{ isAuthorized: false }, 403],
      [policy("Allow", "*"), 500],
    ] as const) {
      handlers.judge = () => answer;
      expect((await ask("/simple")).status).toBe(status);
    }
  });

  it("verdicts are kept for their time by identity, and their policy is applied to each resource", async () => {
    handlers.judge = () => policy("Allow", `${api}/$default/GET/cached/1`);
    expect((await ask("/cached/1")).status).toBe(200);
    expect((await ask("/cached/1")).status).toBe(200);
    expect((await ask("/cached/2")).status).toBe(403);
    expect(judged()).toHaveLength(1);
    expect((await ask("/cached/1", "another")).status).toBe(200);
    expect(judged()).toHaveLength(2);
    world.cloud.clock.advance(60_000);
    await ask("/cached/1");
    expect(judged()).toHaveLength(3);
  });
});

describe("IAM authorizer", () => {
  /** Signed by the SDK's own signer for the service `execute-api`. */
  async function signed(method: "GET" | "POST", path: string, tamper = false) {
    const credentials = world.credentials.issue({
      kind: "role",
      roleArn: `arn:aws:iam::${accountId}:role/caller`,
      sessionName: "session",
    });
    const client = new ApiGatewayManagementApiClient({ region: "eu-north-1", credentials, endpoint: origin });
    const { host, hostname, port } = new URL(origin);
    const body = method === "POST" ? "x" : undefined;
    const request = {
      method,
      protocol: "http:",
      hostname,
      port: Number(port),
      path,
      query: {},
      headers: { host },
      body,
    };
    const { headers } = await (await client.config.signer()).sign(request as never);
    client.destroy();
    if (tamper)
      headers.authorization = headers.authorization?.replace(/.$/, (end) => (end === "0" ? "1" : "0")) ?? "";
    return send(origin, path, { method, headers, ...(body !== undefined && { body }) });
  }

  it("lets a signed caller in whose role allows it, and tells the function who it is", async () => {
    expect((await signed("GET", "/signed")).status).toBe(200);
    expect(event().requestContext).toMatchObject({
      authorizer: { iam: { accountId, userArn: `arn:aws:sts::${accountId}:assumed-role/caller/session` } },
    });
  });

  it("refuses with 403 who is not allowed, not signed, or signed wrongly", async () => {
    expect((await signed("POST", "/signed")).status).toBe(403);
    expect((await send(origin, "/signed")).status).toBe(403);
    const tampered = await signed("GET", "/signed", true);
    expect(tampered.status).toBe(403);
    expect(world.invocations).toHaveLength(0);
  });
});
