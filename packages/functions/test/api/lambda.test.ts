import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWorld, type World } from "../../../core/test/support/world.ts";
import { handler } from "../../src/api/index.ts";
import { claimsOf } from "../support/api.ts";
import { context, httpEvent } from "../support/events.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world?.stop());

const claims = claimsOf("rhea", "recruiter");
const run = (...event: Parameters<typeof httpEvent>) => handler(httpEvent(...event), context());

describe("an event of API Gateway's payload 2.0", () => {
  test("is answered with status, headers and text", async () => {
    const result = await run("GET", "/me", { claims });
    expect(result).toMatchObject({
      statusCode: 200,
      isBase64Encoded: false,
      headers: { "content-type": "application/json", "x-request-id": "JKJaXmPLvHcESHA=" },
    });
    expect(JSON.parse(result.body)).toMatchObject({ email: "rhea@desk.test", roles: ["recruiter"] });
  });

  test("without a token's claims is answered 401", async () => {
    const result = await run("GET", "/threads");
    expect(result).toMatchObject({
      statusCode: 401,
      headers: { "content-type": "application/problem+json", "www-authenticate": "Bearer" },
    });
    expect(JSON.parse(result.body)).toMatchObject({ code: "no_token", requestId: "JKJaXmPLvHcESHA=" });
  });

  test("has its query passed on as it was written", async () => {
    const refused = await run("GET", "/threads", { claims, rawQueryString: "limit=1&limit=2" });
    expect(JSON.parse(refused.body)).toMatchObject({ status: 400, issues: [{ path: "limit" }] });
    const taken = await run("GET", "/threads", { claims, rawQueryString: "limit=%31&state=open" });
    expect(taken.statusCode).toBe(200);
  });

  test.each([
    ["JSON", { body: '{"a":1}', isBase64Encoded: false, headers: { "content-type": "application/json" } }],
    ["bytes in base64", { body: Buffer.from([0, 255, 254]).toString("base64"), isBase64Encoded: true }],
    ["nothing", { body: "", isBase64Encoded: false }],
  ])("may carry %s as a body", async (_, body) => {
    const posted = await run("POST", "/realtime/tickets", { claims, ...body });
    expect(posted.statusCode).toBe(200);
    // Legal, and without a meaning.
    for (const method of ["GET", "HEAD"])
      expect((await run(method, "/me", { claims, ...body })).statusCode).toBe(200);
  });

  test("may carry cookies, and none are set", async () => {
    const result = await run("GET", "/me", { claims, cookies: ["a=b", 'c="d e"', "=", "x".repeat(5_000)] });
    expect(result.statusCode).toBe(200);
    expect(result).not.toHaveProperty("cookies");
    expect(Object.keys(result.headers)).not.toContain("set-cookie");
  });

  test.each([
    ["letters beyond Latin-1", "Zażółć 🙂"],
    ["control characters", "a\0b\r\nset-cookie: a=b"],
    ["10 kB", "x".repeat(10_000)],
  ])("may carry headers of %s", async (_, value) => {
    const headers = { traceparent: value, "user-agent": value, authorization: `Bearer ${value}` };
    const result = await run("GET", "/me", { claims, headers });
    expect(result.statusCode).toBe(200);
    expect(JSON.stringify(result.headers)).not.toContain("set-cookie");
  });

  test.each([
    "/",
    "//",
    "/threads/a b",
    "/threads/ä",
    "/threads/%zz",
    "/threads/a#b",
    "/threads/a?b",
    "/\0",
    "/threads/\ud800",
  ])("with the path %j is answered 400 or 404", async (path) => {
    const result = await run("GET", path, { claims });
    expect([400, 404]).toContain(result.statusCode);
    expect(result.headers["content-type"]).toBe("application/problem+json");
  });

  test("of a HEAD is answered without a body", async () => {
    expect(await run("HEAD", "/health")).toMatchObject({ statusCode: 200, body: "" });
  });
});

test("neither the token nor the claims are in the log", async () => {
  world.logged.length = 0;
  await run("GET", "/threads/thr_none", { claims, headers: { authorization: "Bearer tangerine" } });
  await run("GET", "/me", { claims: { ...claims, sub: 7 }, headers: { authorization: "Bearer tangerine" } });
  expect(world.logged.join("\n")).not.toMatch(/tangerine|rhea@desk/);
});
