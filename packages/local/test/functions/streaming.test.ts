import { afterAll, beforeAll, expect, it } from "vitest";
import { functionSpec, startLambda, type TestLambda } from "./support.ts";

let test: TestLambda;
beforeAll(async () => {
  test = await startLambda([
    functionSpec("src/streaming.json"),
    functionSpec("src/streaming.http"),
    functionSpec("src/streaming.typed"),
  ]);
});
afterAll(() => test[Symbol.asyncDispose]());

it("a streaming handler answers with all it wrote", async () => {
  expect(await test.call("src/streaming.json")).toEqual({ error: false, value: { streamed: true } });
  expect(await test.call("src/streaming.json", { fail: true })).toMatchObject({
    error: true,
    value: { errorMessage: "before the first byte" },
  });
});

it("one with status and headers answers as an API expects it, when the stream has ended", async () => {
  expect(await test.call("src/streaming.http")).toEqual({
    error: false,
    value: {
      statusCode: 201,
      headers: { "content-type": "text/plain" },
      body: "one two",
      isBase64Encoded: false,
    },
  });
});

it("a content type that is set on the stream is the answer's", async () => {
  expect(await test.call("src/streaming.typed")).toMatchObject({
    value: { statusCode: 200, headers: { "content-type": "text/csv" }, body: "a,b" },
  });
});
