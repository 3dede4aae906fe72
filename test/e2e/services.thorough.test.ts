import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as cache from "@frontdesk/core/cache";
import { provide } from "@frontdesk/core/config";
import * as database from "@frontdesk/core/database";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { copyRepository } from "./support/copy.ts";

let base: string;
let folder: string;
const ports = { databasePort: 54_387, cachePort: 63_787 };

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "frontdesk-services-"));
  folder = join(base, "copy");
  copyRepository(folder);
  const settings = join(folder, "settings");
  writeFileSync(join(base, "anna.json"), JSON.stringify({ dev: ports }));
  rmSync(settings, { recursive: true, force: true });
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

async function services(): Promise<{ said(): string; interrupt(): Promise<number | null> }> {
  const child = spawn(
    process.execPath,
    ["--no-warnings", "--experimental-strip-types", "scripts/services.ts", "--stage", "anna"],
    { cwd: folder, env: { ...process.env, SETTINGS_FOLDER: base }, stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  const ended = once(child, "exit");
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        said += chunk;
        if (said.includes("ready.")) resolve();
      });
    void ended.then(() => reject(new Error(`it ended:\n${said}`)));
  });
  await ready;
  return {
    said: () => said,
    async interrupt() {
      child.kill("SIGINT");
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}

test("npm run services has the schema, the mailboxes and a cache for functions on this machine, keeps data, and stops on Ctrl-C", async () => {
  const restore = provide({
    Settings: {
      stage: "anna",
      permanent: false,
      homeRegion: "ca-central-1",
      mailRegion: "us-east-1",
      mailDomain: "anna.in.frontdesk.example",
      workspaceDomain: "frontdesk.example",
      mailboxes: [{ address: "jobs@anna.in.frontdesk.example", name: "Jobs" }],
      allowedOrigins: [],
      jobHistoryDays: 30,
      logLevel: "error",
    },
    Database: {
      host: "localhost",
      port: ports.databasePort,
      local: true,
      name: "frontdesk",
      region: "ca-central-1",
      appUser: "frontdesk_app",
      migratorUser: "frontdesk_migrator",
    },
    Cache: { host: "localhost", port: ports.cachePort, local: true, secretArn: "none" },
  });
  let loads = 0;
  try {
    const first = await services();
    const names = () =>
      database.use(({ query }) =>
        query<{ name: string }>("select name from frontdesk.mailboxes order by name"),
      );
    expect((await names()).map(({ name }) => name)).toEqual(["Hello", "Jobs", "Payroll", "Support"]);
    // What the application may not do on AWS it may not do here.
    await expect(database.use(({ query }) => query("drop table frontdesk.mailboxes"))).rejects.toThrow();
    const asked = async () => cache.remember("members", "who", z.string(), async () => String(++loads));
    expect([await asked(), await asked()]).toEqual(["1", "1"]);
    await database.close();
    await cache.close();
    expect(await first.interrupt()).toBe(0);

    const second = await services();
    expect(second.said()).toContain("migrated: 0 applied now");
    await database.close();
    expect(await second.interrupt()).toBe(0);
  } finally {
    await database.close();
    await cache.close();
    restore();
  }
});
