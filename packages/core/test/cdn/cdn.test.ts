import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checkSignature } from "../../../local/src/cloudfront/signed.ts";
import * as awsClients from "../../src/aws/index.ts";
import * as cdn from "../../src/cdn/index.ts";
import { provide as provideClock } from "../../src/clock/index.ts";
import * as config from "../../src/config/index.ts";
import * as secrets from "../../src/secrets/index.ts";
import { startAws, type TestAws } from "../support/aws.ts";
import { configOf } from "../support/world.ts";

const secretArn = "arn:aws:secretsmanager:ca-central-1:1:secret:cdn";
const url = "https://cdn.desk.test";
const keys = ["K0", "K1", "K2"].map((keyPairId) => {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    keyPairId,
    privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    pem: pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
});
const MINUTE = 60_000;
const start = Date.parse("2026-03-01T12:07:00Z");
let now = start;

let aws: TestAws;
let restore: () => void;
beforeAll(async () => {
  aws = await startAws([]);
  process.env.AWS_ENDPOINT_URL = aws.url;
  const unlink = config.provide({
    ...configOf(aws),
    Cdn: { url, keyGroupId: "group", distributionId: "EDISTRIBUTION", secretArn },
  });
  const clock = provideClock({ now: () => now, sleep: () => Promise.resolve() });
  restore = () => {
    clock();
    unlink();
  };
});
afterAll(async () => {
  restore();
  await awsClients.close();
  await aws.stop();
});
beforeEach(() => {
  now = start;
  rotateTo(1, start - 60 * MINUTE);
  secrets.forget(secretArn);
});

/** What a deployment puts into the secret: the key of a number, and the one before. */
function rotateTo(number: number, at: number) {
  const [previous, current] = [keys[number - 1], keys[number]].map((key) => ({
    keyPairId: key?.keyPairId,
    privateKey: key?.privateKey,
  }));
  aws.secrets.set(secretArn, JSON.stringify({ current, previous }));
  aws.secretDates.set(secretArn, new Date(at));
}
/** Asks as CloudFront does, with the keys that its group has then. */
function refused(address: string, numbers: number[], at = now): string | undefined {
  const { origin, pathname, search } = new URL(address);
  const trusted = keys.flatMap(({ keyPairId: id, pem }, number) =>
    numbers.includes(number) ? [{ id, pem }] : [],
  );
  return checkSignature(
    { bases: [origin + pathname], query: search.slice(1), cookies: {}, ip: "10.1.2.3", now: at / 1000 },
    trusted,
  )?.code;
}

describe("addresses", () => {
  test("of public objects carry nothing but the key", () => {
    expect(cdn.publicUrl("media/abc/640.webp")).toBe(`${url}/media/abc/640.webp`);
    expect(cdn.publicUrl("media/ü*(1)?.webp")).toBe(`${url}/media/%C3%BC%2A%281%29%3F.webp`);
  });

  test("of private objects open that object alone, for the time that was asked for and a little more", async () => {
    const address = await cdn.signedUrl("private/abc/640.webp", 3600);
    expect(refused(address, [0, 1])).toBeUndefined();
    expect(refused(address, [0, 1], start + 3600_000 - 1)).toBeUndefined();
    expect(refused(address, [0, 1], start + (3600 + 900) * 1000)).toBe("AccessDenied");
    expect(refused(address.replace("640", "320"), [0, 1])).toBe("AccessDenied");
  });

  test("stay the same for a while, so that browsers keep what they showed", async () => {
    const first = await cdn.signedUrl("private/a", 3600);
    now += 7 * MINUTE;
    expect(await cdn.signedUrl("private/a", 3600)).toBe(first);
    now += 2 * MINUTE;
    expect(await cdn.signedUrl("private/a", 3600)).not.toBe(first);
  });

  test("with a short life are not given a long one by rounding", async () => {
    const address = await cdn.signedUrl("private/a", 30);
    expect(refused(address, [0, 1], start + 29_000)).toBeUndefined();
    expect(refused(address, [0, 1], start + 60_000)).toBe("AccessDenied");
    await expect(cdn.signedUrl("private/a", 0)).rejects.toThrow("needs a life");
  });

  test("of everything below a prefix have one signature, and open no neighbour", async () => {
    const address = await cdn.signedUrls("private/abc/", 3600);
    for (const key of ["private/abc/320.avif", "private/abc/640 2.webp"])
      expect(refused(address(key), [0, 1])).toBeUndefined();
    expect(refused(address("private/abc/320.avif").replace("abc/", "abcd/"), [0, 1])).toBe("AccessDenied");
    expect(() => address("private/abd/320.avif")).toThrow("is not below private/abc/");
    await expect(cdn.signedUrls("private/abc", 3600)).rejects.toThrow("must end with a slash");
  });

  test("cookies open what is below their prefix", async () => {
    const cookies = await cdn.signedCookies("private/", 600);
    const ask = (path: string) =>
      checkSignature(
        { bases: [url + path], query: "", cookies, ip: "10.1.2.3", now: now / 1000 },
        keys.map(({ keyPairId: id, pem }) => ({ id, pem })),
      )?.code;
    expect(ask("/private/abc/640.webp")).toBeUndefined();
    expect(ask("/other")).toBe("AccessDenied");
  });
});

describe("a rotation", () => {
  test("leaves no moment in which an address is refused, wherever its news has come already", async () => {
    const before = await cdn.signedUrl("private/before", 3600);
    // The group has the new key, the edges do not yet; the secret comes next, and a warm function has not read it.
    rotateTo(2, now);
    expect(refused(await cdn.signedUrl("private/cached", 3600), [0, 1])).toBeUndefined();
    now += 6 * MINUTE;
    const fresh = await cdn.signedUrl("private/fresh", 3600);
    for (const edge of [
      [0, 1],
      [1, 2],
    ])
      expect(refused(fresh, edge)).toBeUndefined();
    now += 10 * MINUTE;
    const after = await cdn.signedUrl("private/after", 3600);
    expect(refused(after, [1, 2])).toBeUndefined();
    expect(after).toContain("Key-Pair-Id=K2");
    expect(refused(before, [1, 2])).toBeUndefined();
  });

  test("is the end of what was signed two keys ago", async () => {
    const old = await cdn.signedUrl("private/old", 24 * 3600);
    expect(refused(old, [1, 2])).toBeUndefined();
    expect(refused(old, [2])).toBe("InvalidKey");
  });
});

test("the secret is read once in a while, and a broken one is named without its content", async () => {
  const reads = () => aws.calls.filter(({ operation }) => operation === "GetSecretValue").length;
  const from = reads();
  await cdn.signedUrl("private/a", 60);
  await cdn.signedUrl("private/b", 60);
  expect(reads() - from).toBe(1);
  secrets.forget(secretArn);
  aws.secrets.set(secretArn, JSON.stringify({ current: { keyPairId: "K", privateKey: "hidden" } }));
  await expect(cdn.signedUrl("private/a", 60)).rejects.toThrow(/lacks, or has wrong: previous$/);
});
