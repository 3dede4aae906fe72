import { Validator } from "@seriousme/openapi-schema-validator";
import { beforeAll, describe, expect, test } from "vitest";
import { builtRoutes, call, expectJson } from "../support/api.ts";

interface Operation {
  summary?: string;
  security?: Record<string, unknown>[];
  parameters?: { name: string; in: string; required?: boolean }[];
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
};

let document: Document;
beforeAll(async () => {
  document = await expectJson<Document>(await call("/openapi.json", undefined));
});
const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      path,
      operation,
    })),
  );

test("is valid OpenAPI 3.1", async () => {
  expect(document.openapi).toBe("3.1.0");
  const result = await new Validator().validate(structuredClone(document));
  expect(result).toMatchObject({ valid: true });
});

test("names every route that is built, and no other", () => {
  expect(
    operations()
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(builtRoutes.map((route) => route.replaceAll(/:(\w+)/g, "{$1}")).toSorted());
});

test("says of each route what it is, what it takes and what it answers", () => {
  for (const { name, path, operation } of operations()) {
    expect(operation.summary, name).toMatch(/./);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
    expect(
      declared.map((parameter) => parameter.name),
      name,
    ).toEqual(inPath);
    expect(
      Object.keys(operation.responses).some((status) => /^[23]/.test(status)),
      name,
    ).toBe(true);
  }
});

describe("access", () => {
  test("a token is asked for everywhere but on the two open routes", () => {
    expect(document.components.securitySchemes.token).toMatchObject({ type: "http", scheme: "bearer" });
    const open = operations().filter(({ operation }) => !operation.security);
    expect(open.map(({ name }) => name).toSorted()).toEqual(["GET /health", "GET /openapi.json"]);
    for (const { name, operation } of operations().filter((one) => one.operation.security)) {
      expect(operation.security, name).toEqual([{ token: [] }]);
      for (const status of ["401", "403", "503"])
        expect(operation.responses[status]?.content, `${name} ${status}`).toHaveProperty([
          "application/problem+json",
        ]);
    }
  });

  /** What there is not is made, or is gone already. */
  const forgiving = ["PUT /schedules/{name}", "DELETE /schedules/{name}"];
  test("whatever is named in a path may not be found", () => {
    for (const { name, path, operation } of operations())
      if (path.includes("{") && !forgiving.includes(name))
        expect(operation.responses, name).toHaveProperty("404");
  });
});
