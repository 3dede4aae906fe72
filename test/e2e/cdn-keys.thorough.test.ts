/** The keys that sign the CDN's addresses rotate: three deployments over the same data. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as cdn from "@frontdesk/core/cdn";
import * as secrets from "@frontdesk/core/secrets";
import type { Graph } from "@frontdesk/local";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { graphOf } from "../../scripts/run/graphs.ts";
import { cookieFor, fetched as fetchedFrom, putObject, signHere } from "./support/cdn.ts";
import { type System, startSystem } from "./support/system.ts";

const DAY = 24 * 3600;
const QUARTER_MS = 15 * 60_000;
const folder = mkdtempSync(join(tmpdir(), "frontdesk-cdn-"));
const stateDir = join(folder, "state");

let system: System;
let stopSigning: () => Promise<void>;
const fetched = (address: string, headers: Record<string, string> = {}) =>
  fetchedFrom(system, address, headers);

/** Starts, or deploys anew over the same data, with the CDN's key of a number. */
async function deploy(cdnKey: number) {
  const graph = await graphOf("local", { settings: { cdnKey } });
  system = await startSystem({
    stateDir,
    ...(cdnKey === 1 && { template: inject("templateState") }),
    change: (own: Graph) => Object.assign(own, structuredClone(graph)),
  });
  stopSigning = signHere(system);
}
async function end() {
  await stopSigning?.();
  await system?.stop();
}

beforeAll(async () => {
  await deploy(1);
  for (const key of ["private/b/320.webp", "private/b/640.webp"]) await putObject(system, key);
});
afterAll(async () => {
  await end();
  rmSync(folder, { recursive: true, force: true });
});

test("a rotation interrupts nobody; after the second one, what was signed before the first is dead", async () => {
  const keyOf = (address: string) => /Key-Pair-Id=(\w+)/.exec(address)?.[1];
  system.app.cloud.clock.advance(QUARTER_MS);
  secrets.forget(String(system.graph.links.Cdn?.secretArn));
  const first = await cdn.signedUrl("private/b/320.webp", 30 * DAY);
  const cookie = await cookieFor("private/b/", 30 * DAY);
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
    const byCookie = await fetched(cdn.publicUrl("private/b/320.webp"), { cookie });
    for (const answer of [await fetched(first), byCookie])
      expect(answer).toMatchObject(cdnKey === 2 ? { status: 200 } : { status: 403, code: "InvalidKey" });
  }
});
