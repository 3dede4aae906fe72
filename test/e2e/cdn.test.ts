/** Who may fetch what from the CDN, and until when: signed by core, checked by the CDN that the graph declares. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as awsClients from "@frontdesk/core/aws";
import * as cdn from "@frontdesk/core/cdn";
import { provide as provideClock } from "@frontdesk/core/clock";
import { type ConfigInput, provide as provideConfig } from "@frontdesk/core/config";
import * as secrets from "@frontdesk/core/secrets";
import type { Graph } from "@frontdesk/local";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { graphOf } from "../../scripts/run/graphs.ts";
import { type System, startSystem } from "./support/system.ts";

const DAY = 24 * 3600;
const QUARTER_MS = 15 * 60_000;
const folder = mkdtempSync(join(tmpdir(), "frontdesk-cdn-"));
const stateDir = join(folder, "state");

let system: System;
let stopSigning: () => Promise<void>;

/** Starts, or deploys anew over the same data, with the CDN's key of a number. */
async function deploy(cdnKey: number) {
  const graph = await graphOf("local", { settings: { cdnKey } });
  system = await startSystem({
    stateDir,
    ...(cdnKey === 1 && { template: inject("templateState") }),
    change: (own: Graph) => Object.assign(own, structuredClone(graph)),
  });
  stopSigning = signHere();
}
async function end() {
  await stopSigning();
  await system.stop();
}

/** Core signs in this process, as a function with the API's rights would. */
function signHere() {
  const { developer, addresses, graph, app } = system;
  vi.stubEnv("AWS_ENDPOINT_URL", addresses.aws);
  vi.stubEnv("AWS_ACCESS_KEY_ID", developer.credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", developer.credentials.secretAccessKey);
  vi.stubEnv("AWS_SESSION_TOKEN", developer.credentials.sessionToken);
  const { Cdn, Settings } = graph.links as unknown as ConfigInput;
  const restoreConfig = provideConfig({ Cdn, Settings });
  const { clock } = app.cloud;
  const restoreClock = provideClock({ now: clock.now, sleep: (ms) => clock.sleep(ms) });
  return async () => {
    await awsClients.close();
    secrets.forget(Cdn.secretArn);
    restoreClock();
    restoreConfig();
    vi.unstubAllEnvs();
  };
}

/** As a browser would, if the CDN's name led to this machine. */
async function fetched(address: string, headers: Record<string, string> = {}) {
  const { pathname, search } = new URL(address);
  const answer = await fetch(system.addresses.cdn + pathname + search, { headers });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, code: /<Code>(\w+)/.exec(text)?.[1] };
}
const put = (key: string) =>
  system.app.ports.s3.put(
    { kind: "developer" },
    String(system.graph.links.HomeBucket?.name),
    key,
    Buffer.from(`bytes of ${key}`),
    { contentType: "image/webp" },
  );

beforeAll(async () => {
  await deploy(1);
  for (const key of ["media/a/320.webp", "private/b/320.webp", "private/b/640.webp", "attachments/c"])
    await put(key);
}, 180_000);
afterAll(async () => {
  await end();
  rmSync(folder, { recursive: true, force: true });
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
    const cookies = await cdn.signedCookies("private/b/", 60);
    const cookie = Object.entries(cookies)
      .map((pair) => pair.join("="))
      .join("; ");
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
  });

  test("is not to be had through media/, nor are attachments, even signed", async () => {
    for (const path of ["/media/../private/b/320.webp", "/media/%2e%2e/private/b/320.webp"])
      expect((await fetched(`${cdn.publicUrl("")}${path.slice(1)}`)).status, path).toBe(403);
    const attachment = await fetched(await cdn.signedUrl("attachments/c", 60));
    expect(attachment).toMatchObject({ status: 403, code: "AccessDenied" });
    expect(attachment.text).not.toContain("bytes");
  });

  test("shuts when the address expires, though the CDN still has it", async () => {
    const address = await cdn.signedUrl("private/b/320.webp", 60);
    expect((await fetched(address)).status).toBe(200);
    system.app.cloud.clock.advance(121_000);
    expect((await fetched(address)).code).toBe("AccessDenied");
    expect((await fetched(await cdn.signedUrl("private/b/320.webp", 60))).headers.get("x-cache")).toMatch(
      /Hit/,
    );
  });
});

test("a rotation interrupts nobody; after the second one, what was signed before the first is dead", async () => {
  const keyOf = (address: string) => /Key-Pair-Id=(\w+)/.exec(address)?.[1];
  system.app.cloud.clock.advance(QUARTER_MS);
  secrets.forget(String(system.graph.links.Cdn?.secretArn));
  const first = await cdn.signedUrl("private/b/320.webp", 30 * DAY);
  for (const cdnKey of [2, 3]) {
    const before = await cdn.signedUrl("private/b/640.webp", 30 * DAY);
    await end();
    await deploy(cdnKey);
    const during = await cdn.signedUrl("private/b/640.webp", 30 * DAY);
    expect((await fetched(before)).status).toBe(200);
    expect((await fetched(during)).status).toBe(200);
    expect(keyOf(during)).toBe(keyOf(before));
    system.app.cloud.clock.advance(QUARTER_MS);
    const after = await cdn.signedUrl("private/b/640.webp", 30 * DAY);
    expect((await fetched(after)).status).toBe(200);
    expect(keyOf(after)).not.toBe(keyOf(before));
    expect(await fetched(first)).toMatchObject(
      cdnKey === 2 ? { status: 200 } : { status: 403, code: "InvalidKey" },
    );
  }
}, 180_000);
