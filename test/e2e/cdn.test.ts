/** Who may fetch what from the CDN, and until when: signed by core, checked by the CDN that the graph declares. */
import * as cdn from "@frontdesk/core/cdn";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { toUrlText } from "../../packages/core/src/cdn/policy.ts";
import { cookieFor, fetched as fetchedFrom, putObject, signHere } from "./support/cdn.ts";
import { type System, startSystem } from "./support/system.ts";

let system: System;
let stopSigning: () => Promise<void>;
const fetched = (address: string, headers: Record<string, string> = {}) =>
  fetchedFrom(system, address, headers);

beforeAll(async () => {
  system = await startSystem({ template: inject("templateState") });
  stopSigning = signHere(system);
  const pictures = ["media/a/320.webp", "private/b/320.webp", "private/b/640.webp"];
  for (const key of [...pictures, "attachments/c", "tmp/uploads/c", "claims/c"]) await putObject(system, key);
}, 180_000);
afterAll(async () => {
  await stopSigning?.();
  await system?.stop();
});

test("what is under media/ is everybody's, and is told not to be sniffed or run", async () => {
  const answer = await fetched(cdn.publicUrl("media/a/320.webp"));
  expect(answer).toMatchObject({ status: 200, text: "bytes of media/a/320.webp" });
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "content-type": "image/webp",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "x-cache": "Miss from cloudfront",
  });
  const again = await fetched(cdn.publicUrl("media/a/320.webp"), { accept: "image/avif" });
  expect(again.headers.get("x-cache")).toBe("Hit from cloudfront");
});

describe("what is private", () => {
  test("opens by a signed address, by one for all of a picture, and by cookies", async () => {
    const one = await fetched(await cdn.signedUrl("private/b/320.webp", 60));
    expect(one).toMatchObject({ status: 200, text: "bytes of private/b/320.webp" });
    expect(one.headers.get("cache-control")).toBe("private, max-age=900, immutable");
    const address = await cdn.signedUrls("private/b/", 60);
    for (const width of [320, 640])
      expect((await fetched(address(`private/b/${width}.webp`))).status).toBe(200);
    const cookie = await cookieFor("private/b/", 60);
    expect((await fetched(cdn.publicUrl("private/b/640.webp"), { cookie })).status).toBe(200);
    expect((await fetched(cdn.publicUrl("private/c/640.webp"), { cookie })).code).toBe("AccessDenied");
  });

  test("stays shut without a signature, with one for something else, and with one that was changed", async () => {
    const address = await cdn.signedUrl("private/b/320.webp", 60);
    expect((await fetched(cdn.publicUrl("private/b/320.webp"))).code).toBe("MissingKey");
    expect((await fetched(address.replace("320", "640"))).code).toBe("AccessDenied");
    expect((await fetched(address.replace(/Expires=\d+/, "Expires=4102444800"))).code).toBe("AccessDenied");
    expect((await fetched(address.replace(/Key-Pair-Id=\w+/, "Key-Pair-Id=KNOBODY"))).code).toBe(
      "InvalidKey",
    );
    const [[, signature = ""] = []] = address.matchAll(/Signature=([^&]+)/g);
    const changed = signature.replace(/^./, (first) => (first === "A" ? "B" : "A"));
    expect((await fetched(address.replace(signature, changed))).code).toBe("AccessDenied");
  });

  test("stays shut to a policy, of an address or a cookie, that says more than was signed", async () => {
    const one = (await cdn.signedUrls("private/b/", 60))("private/b/320.webp");
    const cookie = await cookieFor("private/b/", 60);
    const [, policy = ""] = /Policy=([^&;]+)/.exec(one) ?? [];
    const text = Buffer.from(policy.replaceAll("-", "+").replaceAll("_", "=").replaceAll("~", "/"), "base64");
    for (const [from, to] of [
      ["/private/b/*", "/private/*"],
      [/"AWS:EpochTime":\d+/, '"AWS:EpochTime":4102444800'],
    ] as const) {
      const wider = toUrlText(Buffer.from(text.toString().replace(from, to)));
      expect(wider).not.toBe(policy);
      expect((await fetched(one.replace(policy, wider))).code).toBe("AccessDenied");
      const forged = { cookie: cookie.replace(policy, wider) };
      expect((await fetched(cdn.publicUrl("private/b/320.webp"), forged)).code).toBe("AccessDenied");
    }
  });

  test("is not to be had through media/, nor is what the CDN is not for, even signed", async () => {
    for (const path of ["/media/../private/b/320.webp", "/media/%2e%2e/private/b/320.webp"])
      expect((await fetched(`${cdn.publicUrl("")}${path.slice(1)}`)).status, path).toBe(403);
    for (const key of ["tmp/uploads/c", "claims/c"]) {
      const answer = await fetched(await cdn.signedUrl(key, 60));
      expect(answer).toMatchObject({ status: 403, code: "AccessDenied" });
      expect(answer.text).not.toContain("bytes");
    }
  });

  test("shuts when the address expires, though the CDN still has it", async () => {
    const address = await cdn.signedUrl("private/b/320.webp", 60);
    const cookie = await cookieFor("private/b/", 60);
    const bare = cdn.publicUrl("private/b/320.webp");
    expect((await fetched(address)).status).toBe(200);
    expect((await fetched(bare, { cookie })).status).toBe(200);
    system.app.cloud.clock.advance(121_000);
    expect((await fetched(address)).code).toBe("AccessDenied");
    expect((await fetched(bare, { cookie })).code).toBe("AccessDenied");
    expect((await fetched(await cdn.signedUrl("private/b/320.webp", 60))).headers.get("x-cache")).toMatch(
      /Hit/,
    );
  });
});

test("an attachment is opened by its signed address alone, under the name that was signed, and only ever saved", async () => {
  const name = "attachment; filename=\"a_b.html\"; filename*=UTF-8''a%2Ab.html";
  const address = await cdn.signedUrl("attachments/c", 60, { "response-content-disposition": name });
  for (const [signed, disposition] of [
    [address, name],
    [await cdn.signedUrl("attachments/c", 60), "attachment"],
  ] as const) {
    const answer = await fetched(signed);
    expect(answer).toMatchObject({ status: 200, text: "bytes of attachments/c" });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-disposition": disposition,
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; sandbox",
      "cache-control": "private, no-store",
      "x-cache": "Miss from cloudfront",
    });
  }
  expect((await fetched(cdn.publicUrl("attachments/c"))).code).toBe("MissingKey");
  for (const changed of [
    address.replace("attachment%3B", "inline%3B"),
    address.replace(/response-content-disposition=[^&]+&/, ""),
    `${address}&response-content-type=text%2Fhtml`,
  ])
    expect((await fetched(changed)).code).toBe("AccessDenied");
});
