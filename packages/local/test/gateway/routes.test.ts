import { describe, expect, it } from "vitest";
import { createRouter } from "../../src/gateway/routes.ts";
import { route } from "./support.ts";

const match = (keys: string[], method: string, path: string) => {
  const found = createRouter(keys.map((key) => route(key))).match(method, path);
  return found && [found.route.key, found.pathParameters];
};

describe("routes of an HTTP API", () => {
  // The table of http-api-develop-routes.html.
  const documented = [
    "GET /pets/dog/1",
    "GET /pets/dog/{id}",
    "GET /pets/{proxy+}",
    "ANY /{proxy+}",
    "$default",
  ];
  it.each([
    ["GET", "/pets/dog/1", "GET /pets/dog/1", undefined],
    ["GET", "/pets/dog/2", "GET /pets/dog/{id}", { id: "2" }],
    ["GET", "/pets/cat/1", "GET /pets/{proxy+}", { proxy: "cat/1" }],
    ["POST", "/test/5", "ANY /{proxy+}", { proxy: "test/5" }],
    ["GET", "/", "$default", undefined],
  ])("%s %s is taken by the most specific route", (method, path, key, parameters) => {
    for (const keys of [documented, documented.toReversed()])
      expect(match(keys, method, path)).toEqual([key, parameters]);
  });

  it("a named method beats ANY on the same path, and another method falls to ANY", () => {
    const keys = ["ANY /a", "GET /a"];
    expect(match(keys, "GET", "/a")?.[0]).toBe("GET /a");
    expect(match(keys, "PUT", "/a")?.[0]).toBe("ANY /a");
  });

  it("a more specific path that lacks the method leaves the request to a wider one", () => {
    expect(match(["GET /a/b", "ANY /a/{proxy+}"], "POST", "/a/b")).toEqual([
      "ANY /a/{proxy+}",
      { proxy: "b" },
    ]);
  });

  it("parameters are never empty, and greedy ones neither", () => {
    expect(match(["GET /a/{id}"], "GET", "/a/")).toBeUndefined();
    expect(match(["GET /a/{rest+}"], "GET", "/a/")).toBeUndefined();
    expect(match(["GET /{proxy+}"], "GET", "/")).toBeUndefined();
  });

  it("paths are compared by case, and a trailing or double slash makes another path", () => {
    expect(match(["GET /a"], "GET", "/A")).toBeUndefined();
    expect(match(["GET /a"], "GET", "/a/")).toBeUndefined();
    expect(match(["GET /a/b"], "GET", "/a//b")).toBeUndefined();
    expect(match(["GET /{proxy+}"], "GET", "/a//b")?.[1]).toEqual({ proxy: "a//b" });
  });

  it("without a route and without $default nothing answers", () => {
    expect(match(["GET /a"], "GET", "/b")).toBeUndefined();
  });

  it("a malformed route key is named at start", () => {
    expect(() => createRouter([route("get pets")])).toThrow(/route "get pets" is not of the form/);
  });
});
