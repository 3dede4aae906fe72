import { afterAll, beforeAll, expect, test } from "vitest";
import { bucketSpec, developer, planOf, type Services, startServices } from "../support/services.ts";
import { send as raw } from "./request.ts";

let services: Services;
beforeAll(async () => {
  services = await startServices(
    planOf({
      buckets: [
        bucketSpec("shared", {
          cors: [
            {
              allowedOrigins: ["https://*.example.com"],
              allowedMethods: ["GET", "PUT"],
              allowedHeaders: ["content-*", "x-amz-*"],
              exposeHeaders: ["ETag"],
              maxAgeSeconds: 600,
            },
            { allowedOrigins: ["*"], allowedMethods: ["HEAD"], allowedHeaders: [], exposeHeaders: [] },
          ],
        }),
        bucketSpec("closed"),
      ],
    }),
  );
  await services.ports.s3.put(developer, "shared", "k", Buffer.from("x"));
});
afterAll(() => services.stop());

const preflight = (headers: Record<string, string>, bucket = "shared") =>
  raw(services, "OPTIONS", `/${bucket}/k`, { signed: false, headers });

test("a preflight is answered by the first rule that fits origin, method and headers", async () => {
  const answer = await preflight({
    origin: "https://app.example.com",
    "access-control-request-method": "PUT",
    "access-control-request-headers": "Content-Type, X-Amz-Meta-A",
  });
  expect(answer).toMatchObject({
    status: 200,
    headers: {
      "access-control-allow-origin": "https://app.example.com",
      "access-control-allow-methods": "GET, PUT",
      "access-control-allow-headers": "content-type, x-amz-meta-a",
      "access-control-expose-headers": "ETag",
      "access-control-max-age": "600",
    },
  });
  expect(
    (await preflight({ origin: "https://else.example", "access-control-request-method": "HEAD" })).headers,
  ).toMatchObject({ "access-control-allow-origin": "*" });
});

test.each<[string, Record<string, string>, string?]>([
  ["another origin", { origin: "https://evil.test", "access-control-request-method": "PUT" }],
  [
    "an origin that only ends alike",
    { origin: "https://example.com.evil.test", "access-control-request-method": "GET" },
  ],
  ["another method", { origin: "https://a.example.com", "access-control-request-method": "DELETE" }],
  [
    "another header",
    {
      origin: "https://a.example.com",
      "access-control-request-method": "PUT",
      "access-control-request-headers": "authorization",
    },
  ],
  [
    "a bucket without rules",
    { origin: "https://a.example.com", "access-control-request-method": "GET" },
    "closed",
  ],
])("a preflight is refused for %s", async (_, headers, bucket) => {
  expect(await preflight(headers, bucket)).toMatchObject({
    status: 403,
    body: expect.stringContaining("<Code>AccessForbidden</Code>"),
  });
});

test("an answer, an error too, says who may read it", async () => {
  const headers = { origin: "https://app.example.com" };
  for (const [target, status] of [
    ["/shared/k", 200],
    ["/shared/missing", 404],
  ] as const)
    expect(await raw(services, "GET", target, { headers })).toMatchObject({
      status,
      headers: { "access-control-allow-origin": "https://app.example.com" },
    });
  const other = await raw(services, "GET", "/shared/k", { headers: { origin: "https://evil.test" } });
  expect(other.headers["access-control-allow-origin"]).toBeUndefined();
});
