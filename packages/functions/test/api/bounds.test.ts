import { expect, test } from "vitest";
import { app, call, expectProblem, requestId } from "../support/api.ts";

test.each([
  ["declared", { "content-length": String(1024 * 1024 + 1) }, "x"],
  ["not declared", {}, "x".repeat(1024 * 1024 + 1)],
])("a body beyond a mebibyte is refused, its length %s, before anybody is asked who they are", async (_, headers, body) => {
  const response = await app.request(
    "/realtime/tickets",
    { method: "POST", headers, body },
    { event: { headers: {}, requestContext: { requestId } } },
  );
  await expectProblem(response, 413, "body_too_large");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
});

test("the OpenAPI document is not sent again to who has it", async () => {
  const etag = (await call("/openapi.json", undefined)).headers.get("etag") ?? "";
  expect(etag).toMatch(/^(?:W\/)?"[^"]+"$/);
  const again = await app.request("/openapi.json", { headers: { "if-none-match": etag } }, {});
  expect([again.status, await again.text()]).toEqual([304, ""]);
});
