import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as identity from "../../src/identity/index.ts";
import { createWorld, signIn, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.stop());

describe("signing in", () => {
  beforeEach(() => world.reset());

  test("a user is made once, however many requests come first, and follows the token's claims", async () => {
    const users = await Promise.all(Array.from({ length: 10 }, () => signIn("ann", "recruiter")));
    expect(new Set(users.map(({ userId }) => userId)).size).toBe(1);
    const changed = await identity.signIn({
      sub: "ann",
      email: "New@desk.test",
      "cognito:groups": ["admin", "odd"],
    });
    expect(changed).toEqual({
      kind: "user",
      userId: users[0]?.userId,
      email: "new@desk.test",
      roles: ["admin"],
    });
    expect(await world.rows("select email, roles from frontdesk.users")).toEqual([
      { email: "new@desk.test", roles: ["admin"] },
    ]);
  });

  test("without a role of ours nobody gets in", async () => {
    await expect(signIn("ann")).rejects.toMatchObject({ kind: "forbidden", code: "no_role" });
    await expect(signIn("ann", "Admin")).rejects.toMatchObject({ kind: "forbidden" });
    expect(await world.count("users")).toBe(0);
  });

  test("claims that are none are told field by field", async () => {
    await expect(async () => identity.signIn({ sub: "", email: "nobody" })).rejects.toMatchObject({
      kind: "validation",
      issues: [{ path: "sub" }, { path: "email" }],
    });
  });
});
