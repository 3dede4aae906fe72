import { createSign } from "node:crypto";
import { getSignedCookies, getSignedUrl } from "@aws-sdk/cloudfront-signer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  allowService,
  bucketSpec,
  developer,
  planOf,
  type Services,
  startServices,
} from "../support/services.ts";
import { behaviourSpec, distributionSpec, get, keyPair } from "./support.ts";

const current = keyPair("KCURRENT");
const previous = keyPair("KPREVIOUS");
const stranger = keyPair("KSTRANGER");
const distribution = distributionSpec({
  aliases: ["cdn.example.com"],
  behaviours: [
    behaviourSpec({ pattern: "/media/*" }),
    behaviourSpec({ trustedKeys: [current, previous].map(({ id, pem }) => ({ id, pem })) }),
  ],
});
const name = `https://${distribution.domainName}`;

let services: Services;
let origin: string;
beforeAll(async () => {
  services = await startServices(
    planOf({
      buckets: [bucketSpec("home", { blockPublicAccess: true })],
      distributions: [distribution],
      resourcePolicies: [
        allowService("cloudfront.amazonaws.com", "s3:GetObject", "arn:aws:s3:::home/*", distribution.arn),
      ].map((policy) => ({ ...policy, resource: "arn:aws:s3:::home" })),
    }),
  );
  origin = services.cloudFront.url(distribution.id);
  for (const key of ["media/a.txt", "private/a.txt", "private/b.txt"])
    await services.ports.s3.put(developer, "home", key, Buffer.from(key), { contentType: "text/plain" });
});
afterAll(() => services.stop());

const seconds = (from = 0) => Math.floor(services.cloud.clock.now() / 1000) + from;
const at = (from: number) => new Date(seconds(from) * 1000).toISOString();
/** The address as this machine reaches it. */
const here = (url: string) => get(origin + url.slice(name.length));
const signed = (path: string, key = current, from = 600) =>
  getSignedUrl({ url: name + path, keyPairId: key.id, privateKey: key.privateKey, dateLessThan: at(from) });

/** A policy of the test's own, signed as CloudFront documents it. */
function withPolicy(path: string, policy: unknown, key = current): string {
  const text = typeof policy === "string" ? policy : JSON.stringify(policy);
  const encode = (bytes: Buffer) =>
    bytes.toString("base64").replaceAll("+", "-").replaceAll("=", "_").replaceAll("/", "~");
  const signature = encode(createSign("RSA-SHA1").update(text).sign(key.privateKey));
  return `${name}${path}?Policy=${encode(Buffer.from(text))}&Signature=${signature}&Key-Pair-Id=${key.id}`;
}
const statement = (condition: Record<string, unknown>, resource = `${name}/private/*`) => ({
  Statement: [
    { Resource: resource, Condition: { DateLessThan: { "AWS:EpochTime": seconds(600) }, ...condition } },
  ],
});

describe("a signed URL", () => {
  test("opens what it names, with the current key and with the one before", async () => {
    for (const key of [current, previous])
      expect(await here(signed("/private/a.txt", key))).toMatchObject({ status: 200, text: "private/a.txt" });
  });

  test("with other parameters is signed with them, and the origin sees none of its own", async () => {
    const url = signed("/private/a.txt?size=2");
    expect((await here(url)).status).toBe(200);
    expect((await here(url.replace("size=2", "size=3"))).text).toContain("<Code>AccessDenied</Code>");
  });

  test("is served from the cache, whoever's signature it was cached with", async () => {
    await here(signed("/private/b.txt", current));
    expect(await here(signed("/private/b.txt", previous))).toMatchObject({ cache: "Hit", status: 200 });
    expect((await get(`${origin}/private/b.txt`)).status).toBe(403);
  });

  test("may name the app's own domain, and the loopback address itself", async () => {
    const sign = (url: string) =>
      getSignedUrl({ url, keyPairId: current.id, privateKey: current.privateKey, dateLessThan: at(60) });
    const own = sign("https://cdn.example.com/private/a.txt");
    expect((await get(origin + own.slice("https://cdn.example.com".length))).status).toBe(200);
    expect((await get(sign(`${origin}/private/a.txt`))).status).toBe(200);
    const other = sign("https://elsewhere.example.com/private/a.txt");
    expect((await get(origin + other.slice("https://elsewhere.example.com".length))).status).toBe(403);
  });

  test.each<[string, () => string, RegExp]>([
    ["is missing", () => `${name}/private/a.txt`, /<Code>MissingKey<.*Missing Key-Pair-Id query parameter/],
    ["has expired", () => signed("/private/a.txt", current, -1), /<Code>AccessDenied</],
    [
      "is for another object",
      () => signed("/private/a.txt").replace("a.txt", "b.txt"),
      /<Code>AccessDenied</,
    ],
    [
      "has another expiry",
      () => signed("/private/a.txt").replace(/Expires=\d+/, `Expires=${seconds(9999)}`),
      /<Code>AccessDenied</,
    ],
    [
      "has another signature",
      () => signed("/private/a.txt").replace(/Signature=../, "Signature=AA"),
      /<Code>AccessDenied</,
    ],
    [
      "has no signature",
      () => signed("/private/a.txt").replace(/Signature=[^&]*/, ""),
      /<Code>MissingSignature</,
    ],
    ["has no expiry", () => signed("/private/a.txt").replace(/Expires=\d+/, ""), /<Code>MissingPolicy</],
    ["is of an unknown key", () => signed("/private/a.txt", stranger), /<Code>InvalidKey<.*Unknown Key/],
    [
      "is of one key under another's name",
      () => signed("/private/a.txt", stranger).replace(stranger.id, current.id),
      /<Code>AccessDenied</,
    ],
  ])("that %s is refused with 403", async (_, url, expected) => {
    const answer = await here(url());
    expect(answer).toMatchObject({ status: 403, cache: "Error" });
    expect(answer.headers["content-type"]).toBe("text/xml");
    expect(answer.text).toMatch(expected);
  });

  test("expires by the run's clock, though what it opened is cached", async () => {
    const url = signed("/private/a.txt", current, 60);
    expect((await here(url)).status).toBe(200);
    services.cloud.clock.advance(61_000);
    expect((await here(url)).text).toContain("<Code>AccessDenied</Code>");
  });

  test("is needed for every way of writing the path", async () => {
    for (const path of [
      "/media/../private/a.txt",
      "/media/%2e%2e/private/a.txt",
      "/%70rivate/a.txt",
      "//media/a.txt",
    ])
      expect((await get(origin, { path })).text, path).toContain("<Code>MissingKey</Code>");
    // The behaviour is the public one's; S3 has no object of that name.
    for (const path of ["/%6dedia/a.txt", "/private/../media/a.txt"])
      expect((await get(origin, { path })).text, path).not.toContain("MissingKey");
  });
});

describe("a custom policy", () => {
  test("opens what its wildcards cover, from its beginning to its end, for its addresses", async () => {
    const condition = {
      DateGreaterThan: { "AWS:EpochTime": seconds(-60) },
      IpAddress: { "AWS:SourceIp": "127.0.0.0/8" },
    };
    expect((await here(withPolicy("/private/a.txt", statement(condition)))).status).toBe(200);
    expect((await here(withPolicy("/private/b.txt", statement({}, "http?://*/private/?.txt")))).status).toBe(
      200,
    );
  });

  test.each<[string, () => unknown, RegExp]>([
    ["another path", () => statement({}, `${name}/other/*`), /<Code>AccessDenied</],
    [
      "a time before",
      () => statement({ DateLessThan: { "AWS:EpochTime": seconds(-1) } }),
      /<Code>AccessDenied</,
    ],
    [
      "a time to come",
      () => statement({ DateGreaterThan: { "AWS:EpochTime": seconds(60) } }),
      /<Code>AccessDenied</,
    ],
    [
      "other addresses",
      () => statement({ IpAddress: { "AWS:SourceIp": "10.0.0.0/8" } }),
      /<Code>AccessDenied</,
    ],
    [
      "no address at all",
      () => statement({ IpAddress: { "AWS:SourceIp": "nobody" } }),
      /<Code>AccessDenied</,
    ],
    ["nothing that is JSON", () => "Statement", /<Code>MalformedPolicy</],
    ["no end", () => ({ Statement: [{ Resource: "*", Condition: {} }] }), /<Code>MalformedPolicy</],
    ["two statements", () => ({ Statement: [{}, {}] }), /<Code>MalformedPolicy</],
  ])("for %s is refused", async (_, policy, expected) => {
    const answer = await here(withPolicy("/private/a.txt", policy()));
    expect(answer.status).toBe(403);
    expect(answer.text).toMatch(expected);
  });

  test("that was changed is refused", async () => {
    const url = withPolicy("/private/a.txt", statement({}, `${name}/private/a.txt`));
    const other = withPolicy("/private/a.txt", statement({}), stranger);
    const policy = /Policy=([^&]*)/.exec(other)?.[1] ?? "";
    expect((await here(url.replace(/Policy=[^&]*/, `Policy=${policy}`))).text).toContain("AccessDenied");
  });
});

describe("signed cookies", () => {
  const header = (cookies: object) =>
    Object.entries(cookies)
      .map(([key, value]) => `${key}=${value}`)
      .join("; ");

  test("open everything that their policy covers", async () => {
    const cookies = getSignedCookies({
      policy: JSON.stringify(statement({})),
      keyPairId: current.id,
      privateKey: current.privateKey,
    });
    const cookie = header(cookies);
    for (const file of ["a.txt", "b.txt"])
      expect((await get(`${origin}/private/${file}`, { headers: { cookie } })).status).toBe(200);
    expect((await get(`${origin}/other`, { headers: { cookie } })).text).toContain("AccessDenied");
  });

  test("with an expiry open the one object that they name", async () => {
    const cookies = getSignedCookies({
      url: `${name}/private/a.txt`,
      keyPairId: current.id,
      privateKey: current.privateKey,
      dateLessThan: at(60),
    });
    const cookie = header(cookies);
    expect((await get(`${origin}/private/a.txt`, { headers: { cookie } })).status).toBe(200);
    expect((await get(`${origin}/private/b.txt`, { headers: { cookie } })).status).toBe(403);
  });

  test("count for nothing beside a signed URL", async () => {
    const cookie = header(
      getSignedCookies({
        policy: JSON.stringify(statement({})),
        keyPairId: current.id,
        privateKey: current.privateKey,
      }),
    );
    const expired = signed("/private/a.txt", current, -60);
    expect((await get(origin + expired.slice(name.length), { headers: { cookie } })).status).toBe(403);
  });
});

test("what is public needs no signature, and a signature does no harm there", async () => {
  expect(await get(`${origin}/media/a.txt`)).toMatchObject({ status: 200, text: "media/a.txt" });
  expect((await get(`${origin}/media/a.txt?Signature=nonsense`)).status).toBe(200);
});
