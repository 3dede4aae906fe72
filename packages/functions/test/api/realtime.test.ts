import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorld, type World } from "../../../core/test/support/world.ts";
import { handler as authorize } from "../../src/websocket/authorizer.ts";
import { call, claimsOf, expectJson, expectProblem } from "../support/api.ts";
import { authorizerEvent, context } from "../support/events.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world?.stop());

const consoleOrigin = "https://console.desk.test";
const ask = (headers: Record<string, string> = {}) =>
  call("/realtime/tickets", claimsOf("rhea", "recruiter"), { method: "POST", headers });
const ticket = async (headers?: Record<string, string>) =>
  expectJson<{ ticket: string; url: string; expiresAt: string }>(await ask(headers));

test("a ticket says where the socket is and until when it is good", async () => {
  const given = await ticket();
  expect(given.ticket).toMatch(/^[\w-]{43}$/);
  expect(given.url).toBe(`wss://socket.test/$default?ticket=${given.ticket}`);
  const seconds = (new Date(given.expiresAt).getTime() - Date.now()) / 1000;
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(30);
});

test("a ticket opens one socket, from the origin that asked for it, as who asked for it", async () => {
  const { ticket: pass } = await ticket({ origin: consoleOrigin });
  const effect = async () => {
    const result = await authorize(authorizerEvent(pass, { Origin: consoleOrigin }), context());
    return [result.policyDocument.Statement[0]?.Effect, result.context?.roles];
  };
  expect(await effect()).toEqual(["Allow", "recruiter"]);
  expect(await effect()).toEqual(["Deny", undefined]);
});

test.each([
  "https://evil.test",
  "https://console.desk.test.evil.test",
  "null",
  "https://CONSOLE.desk.test",
])("the origin %s gets none", async (origin) => {
  await expectProblem(await ask({ origin }), 403, "origin_not_allowed");
});

test("an endless origin gets none", async () => {
  await expectProblem(await ask({ origin: `https://${"x".repeat(10_000)}.test` }), 400, "invalid_input");
});

test("no two tickets are the same, and the database and the log hold none of them", async () => {
  const all = await Promise.all(Array.from({ length: 5 }, () => ticket()));
  expect(new Set(all.map((one) => one.ticket)).size).toBe(5);
  const kept = JSON.stringify([await world.rows("select * from frontdesk.tickets"), world.logged]);
  for (const one of all) expect(kept).not.toContain(one.ticket);
});
