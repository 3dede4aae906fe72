/** Paths that are decided and not built. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { unbuilt } from "../../src/api/routes/unbuilt.ts";
import { builtRoutes, call, claimsOf, expectProblem, unbuiltRoutes } from "../support/api.ts";
import { createDesk, type Desk } from "../support/desk.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk?.stop());

const cases = Object.entries(unbuilt).flatMap(([what, routes]) =>
  routes.map((route) => {
    const [method = "", path = ""] = route.split(" ");
    return { what, route, method, path: path.replaceAll(/\{\w+\}/g, "example-1") };
  }),
);

test.each(cases)("$route answers 501 and names what is missing", async ({ what, method, path }) => {
  for (const person of ["admin", "viewer"] as const) {
    const response = await call(path, desk.claims[person], { method });
    const { title } = await expectProblem(response, 501, "not_implemented");
    expect(title).toContain(what);
  }
});

test.each(cases)("$route asks for the same token as the others", async ({ method, path }) => {
  await expectProblem(await call(path, undefined, { method }), 401, "no_token");
  await expectProblem(await call(path, claimsOf("nobody"), { method }), 403, "no_role");
});

test("no path is both built and not, and none is there twice", () => {
  expect(new Set([...builtRoutes, ...unbuiltRoutes]).size).toBe(builtRoutes.length + unbuiltRoutes.length);
});
