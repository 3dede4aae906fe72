import * as database from "@frontdesk/core/database";
import { createPool } from "@frontdesk/core/pool";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWorld, type World } from "../../../core/test/support/world.ts";
import { call, claimsOf, expectJson, expectProblem, requestId } from "../support/api.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world?.stop());

interface Me {
  id: string;
  email: string;
  roles: string[];
}
const me = async (claims: Record<string, unknown>) => expectJson<Me>(await call("/me", claims));
const withGroups = (groups: unknown) => ({ ...claimsOf("rhea"), "cognito:groups": groups });

describe("groups among the claims", () => {
  test.each([
    ["one, as API Gateway writes it", "[recruiter]", ["recruiter"]],
    ["several, as API Gateway writes them", "[viewer admin recruiter]", ["admin", "recruiter", "viewer"]],
    ["an array", ["admin", "recruiter"], ["admin", "recruiter"]],
    ["plain text", "viewer", ["viewer"]],
    ["others beside ours", "[ca-central-1_abc_Google viewer]", ["viewer"]],
    ["twice the same", "[admin admin]", ["admin"]],
  ])("%s", async (_, groups, roles) => {
    expect((await me(withGroups(groups))).roles).toEqual(roles);
  });

  test.each([
    ["none", undefined],
    ["an empty list", "[]"],
    ["an empty array", []],
    ["Go's nil", "<nil>"],
    ["other capitals", "[Admin]"],
    ["a name that only contains ours", "[admin-of-nothing not:admin x,admin [admin]]"],
    ["an object", { admin: true }],
    ["a number", 7],
  ])("%s: no role, and 403", async (_, groups) => {
    await expectProblem(await call("/me", withGroups(groups)), 403, "no_role");
  });
});

describe("somebody", () => {
  test("is the same user as long as the subject is, whatever the address is now", async () => {
    const before = await me(claimsOf("sam", "viewer"));
    expect(before.id).toMatch(/^usr_[0-9A-Z]{26}$/);
    const after = await me({ ...claimsOf("sam", "viewer"), email: "Samira@Desk.Test" });
    expect(after).toEqual({ ...before, email: "samira@desk.test" });
    expect((await me({ ...claimsOf("sam", "viewer"), sub: "another" })).id).not.toBe(before.id);
  });

  test("has the roles of the token that is shown, not of one before", async () => {
    expect((await me(claimsOf("kim", "admin"))).roles).toEqual(["admin"]);
    expect((await me(claimsOf("kim", "viewer"))).roles).toEqual(["viewer"]);
  });

  test("signing in for the first time by many requests at once is one user", async () => {
    const all = await Promise.all(Array.from({ length: 12 }, () => me(claimsOf("new", "viewer"))));
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
  });
});

test.each([
  ["no subject", { sub: undefined }, 401],
  ["an empty subject", { sub: "" }, 400],
  ["an address that is none", { email: "nobody" }, 400],
  ["an endless address", { email: `${"x".repeat(400)}@desk.test` }, 400],
])("a token with %s lets nobody in", async (_, claims, status) => {
  await expectProblem(await call("/me", { ...claimsOf("odd", "admin"), ...claims }), status);
  expect(await world.rows("select 1 from frontdesk.users where subject in ('', 'odd')")).toEqual([]);
});

test("what the log says of a request has its identifier and the trace that it came with", async () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const away = createPool({ host: "127.0.0.1", port: 1 });
  const restore = database.provide(away);
  const logged = async (traceparent: string) => {
    world.logged.length = 0;
    await call("/me", claimsOf("traced", "admin"), { headers: { traceparent } });
    return JSON.parse(world.logged.at(-1) ?? "{}") as Record<string, unknown>;
  };
  try {
    expect(await logged(`00-${trace}-00f067aa0ba902b7-01`)).toMatchObject({
      level: "error",
      requestId,
      trace,
      error: { code: "ECONNREFUSED" },
    });
    expect((await logged(`00-${"0".repeat(32)}-00f067aa0ba902b7-01`)).trace).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
  } finally {
    restore();
    await away.end();
  }
});
