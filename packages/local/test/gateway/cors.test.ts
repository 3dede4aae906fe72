import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatewaySpec, route, send, startWorld, type World } from "./support.ts";

let world: World;
const cors = {
  allowOrigins: ["https://app.example.com"],
  allowMethods: ["GET", "POST"],
  allowHeaders: ["authorization", "content-type"],
  exposeHeaders: ["x-request-id"],
  allowCredentials: true,
  maxAgeSeconds: 600,
};
const jwt = {
  id: "jwt",
  name: "jwt",
  kind: "jwt" as const,
  jwt: { issuer: "https://nobody", audiences: [] },
  identitySources: [],
};

beforeAll(async () => {
  world = await startWorld({
    handlers: {
      fn: () => ({
        statusCode: 200,
        headers: { "Access-Control-Allow-Origin": "https://evil.example" },
        body: "ok",
      }),
    },
    gateways: [
      gatewaySpec({
        id: "cors000000",
        routes: [route("GET /a"), route("GET /b", "fn", { authorizerId: "jwt" })],
        authorizers: [jwt],
        cors,
      }),
      gatewaySpec({
        id: "open000000",
        name: "Open",
        routes: [route("$default")],
        cors: { ...cors, allowOrigins: ["*"], allowCredentials: false },
      }),
      gatewaySpec({
        id: "guarded000",
        name: "Guarded",
        routes: [route("$default", "fn", { authorizerId: "jwt" })],
        authorizers: [jwt],
        cors,
      }),
      gatewaySpec({
        id: "scheme0000",
        name: "Scheme",
        routes: [route("$default")],
        cors: { ...cors, allowOrigins: ["https://*"] },
      }),
    ],
  });
});
afterAll(() => world.stop());

const preflight = (id: string, origin: string, path = "/a") =>
  send(world.gateways.url(id), path, {
    method: "OPTIONS",
    headers: { Origin: origin, "Access-Control-Request-Method": "GET" },
  });

describe("CORS", () => {
  it("the gateway answers preflights itself, with or without a route", async () => {
    for (const path of ["/a", "/nowhere", "/b"]) {
      const reply = await preflight("cors000000", "https://app.example.com", path);
      expect(reply.status).toBe(204);
      expect(reply.headers).toMatchObject({
        "access-control-allow-origin": "https://app.example.com",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-allow-credentials": "true",
        "access-control-max-age": "600",
      });
    }
    expect(world.invocations).toHaveLength(0);
  });

  it("another origin gets no CORS headers", async () => {
    for (const origin of ["https://evil.example", "https://app.example.com.evil.example", "null"]) {
      const reply = await preflight("cors000000", origin);
      expect(reply.status).toBe(204);
      expect(reply.headers).not.toHaveProperty("access-control-allow-origin");
    }
  });

  it("answers carry the API's headers and not the function's", async () => {
    const url = world.gateways.url("cors000000");
    const good = await send(url, "/a", { headers: { Origin: "https://app.example.com" } });
    expect(good.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example.com",
      "access-control-expose-headers": "x-request-id",
    });
    const bad = await send(url, "/a", { headers: { Origin: "https://evil.example" } });
    expect(bad.headers).not.toHaveProperty("access-control-allow-origin");
  });

  it("a refusal by the authorizer can be read by the page that is allowed to", async () => {
    const reply = await send(world.gateways.url("cors000000"), "/b", {
      headers: { Origin: "https://app.example.com" },
    });
    expect(reply).toMatchObject({
      status: 401,
      headers: { "access-control-allow-origin": "https://app.example.com" },
    });
  });

  it("an API open to all says so with a star, and scheme wildcards echo the origin", async () => {
    expect(
      (await preflight("open000000", "https://any.example")).headers["access-control-allow-origin"],
    ).toBe("*");
    const reply = await preflight("scheme0000", "https://any.example");
    expect(reply.headers["access-control-allow-origin"]).toBe("https://any.example");
    expect((await preflight("scheme0000", "http://any.example")).headers).not.toHaveProperty(
      "access-control-allow-origin",
    );
  });

  it("a $default route with an authorizer guards preflights too, as AWS documents", async () => {
    expect((await preflight("guarded000", "https://app.example.com")).status).toBe(401);
  });
});
