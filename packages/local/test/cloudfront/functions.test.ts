import { expect, test } from "vitest";
import { createEdgeFunction, type EdgeEvent } from "../../src/cloudfront/edge-function.ts";

const event: EdgeEvent = {
  version: "1.0",
  context: {
    distributionDomainName: "d.cloudfront.net",
    distributionId: "E1",
    eventType: "viewer-request",
    requestId: "1",
  },
  viewer: { ip: "127.0.0.1" },
  request: {
    method: "GET",
    uri: "/",
    querystring: {},
    headers: { host: { value: "d.cloudfront.net" } },
    cookies: {},
  },
};
const arn = "arn:aws:cloudfront::1:key-value-store/1";
const logs: string[] = [];
const made = (code: string) =>
  createEdgeFunction(
    { arn: "fn", name: "edge", code, keyValueStoreArn: arn },
    [{ arn, name: "store", entries: { greeting: "hello", json: '{"a":1}' } }],
    (line) => logs.push(line),
  );
const run = (code: string) => made(code).run(event);

test("sees its event, its store, hashes and encodings, and may choose an origin", () => {
  const outcome = run(`
    import cf, { kvs as store } from "cloudfront";
    import crypto from "crypto";
    const kvs = cf.kvs();
    async function handler(event) {
      console.log("asked for", event.request.uri);
      const [first, second, missing] = await Promise.all([
        kvs.get("greeting"),
        store().get("json", { format: "json" }),
        kvs.exists("nothing"),
      ]);
      const either = await Promise.any([kvs.get("nothing"), kvs.get("greeting")]);
      cf.updateRequestOrigin({ domainName: "example.com" });
      const hash = require("crypto").createHash("md5").update("a").update("b").digest("hex");
      const mac = crypto.createHmac("sha256", "key").update("a").digest("base64url");
      return { first, second, missing, either, hash, mac, text: Buffer.from("aGk=", "base64").toString(), b: btoa("hi"), host: event.request.headers.host.value };
    }`);
  expect(outcome).toEqual({
    result: {
      first: "hello",
      second: { a: 1 },
      missing: false,
      either: "hello",
      hash: "187ef4436122d1cc2f40dc2b92f0eba0",
      mac: expect.stringMatching(/^[\w-]{43}$/),
      text: "hi",
      b: "aGk=",
      host: "d.cloudfront.net",
    },
    origin: { update: { domainName: "example.com" } },
  });
  expect(logs).toEqual(["asked for /"]);
});

test("chooses anew each time", () => {
  const fn = made(`
    import cf from "cloudfront";
    let calls = 0;
    function handler() {
      calls += 1;
      if (calls === 1) cf.selectRequestOriginById("other");
      return {};
    }`);
  expect([fn.run(event).origin, fn.run(event).origin]).toEqual([{ select: "other" }, undefined]);
});

test.each([
  ["loops", "function handler() { for (;;); }", /timed out/],
  ["loops in its promises", "async function handler() { for (;;) await 1; }", /timed out/],
  [
    "waits for what never comes",
    "function handler() { return new Promise(() => {}); }",
    /not come to an end/,
  ],
  ["throws", "function handler() { throw new Error('broken'); }", /broken/],
  ["throws what is no error", "async function handler() { throw undefined; }", /undefined/],
  [
    "asks for a key that is not there",
    "import cf from 'cloudfront';\nasync function handler() { await cf.kvs().get('x'); }",
    /no such key/,
  ],
  ["wants another module", "const fs = require('fs'); function handler() {}", /"fs" does not run/],
])("that %s fails by itself", (_, code, message) => {
  expect(() => run(code)).toThrow(message);
});

test("has nothing of this process: neither network, timers and environment, nor a way to them", () => {
  const reach = (expression: string) =>
    run(
      `function handler() { try { return { found: String(${expression}) }; } catch (e) { return { found: "refused: " + e.message }; } }`,
    ).result;
  for (const name of ["process", "fetch", "setTimeout", "global", "host", "XMLHttpRequest"])
    expect(reach(`typeof ${name}`), name).toEqual({ found: "undefined" });
  for (const way of [
    "this.constructor.constructor('return process')()",
    "console.log.constructor('return process')()",
    "require.constructor('return process')()",
    "eval('1')",
    "Object.getPrototypeOf(async function () {}).constructor('return process')()",
  ])
    expect(reach(way), way).toMatchObject({ found: expect.stringMatching(/refused|undefined/) });
});
