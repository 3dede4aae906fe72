import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ensurePlatform } from "../../src/synth/platform.ts";
import { config } from "./support.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sst-platform-"));
  writeFileSync(join(dir, "sst.config.ts"), config(""));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** An SST whose `install` is the given script. */
function fakeSst(install: string, version = "3.19.3") {
  const folder = join(dir, "node_modules", "sst");
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "sst", version, main: "index.js", type: "module" }),
  );
  writeFileSync(join(folder, "index.js"), "");
  writeFileSync(join(folder, "bin", "sst.mjs"), install);
}
const unpack = (version: string) => `
  import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
  for (const name of ["@pulumi/pulumi", "@pulumi/aws"]) mkdirSync(".sst/platform/node_modules/" + name, { recursive: true });
  writeFileSync(".sst/platform/version", "${version}");
  writeFileSync(".sst/provider-lock.json", JSON.stringify([{ name: "aws", package: "@pulumi/aws", version: "6.66.2", alias: "aws" }]));
  appendFileSync("installs", [process.argv.slice(2).join(" "), process.env.SST_NO_BUN, process.env.AWS_ACCESS_KEY_ID].join("|") + "\\n");
`;

describe("ensurePlatform", () => {
  test("installs once, by SST's own command with dummy credentials, and tells how it goes", async () => {
    fakeSst(unpack("3.19.3"));
    const lines: string[] = [];
    expect(await ensurePlatform(dir, "anna", (line) => lines.push(line))).toEqual({
      version: "3.19.3",
      installed: true,
    });
    expect(await ensurePlatform(dir, "anna")).toEqual({ version: "3.19.3", installed: false });
    const { readFileSync } = await import("node:fs");
    expect(readFileSync(join(dir, "installs"), "utf8")).toBe("install --stage anna|1|none\n");
    expect(lines[0]).toMatch(
      /installing the platform of SST 3\.19\.3 .* \(it is not there; once, about 30 s\)/,
    );
  });

  test("two that start at once install once", async () => {
    fakeSst(unpack("3.19.3"));
    const results = await Promise.all([ensurePlatform(dir, "test"), ensurePlatform(dir, "test")]);
    expect(results.filter(({ installed }) => installed)).toHaveLength(1);
  });

  test("installs again for another version of SST, and for another version of a provider", async () => {
    fakeSst(unpack("3.19.3"));
    await ensurePlatform(dir, "test");
    fakeSst(unpack("3.20.0"), "3.20.0");
    const lines: string[] = [];
    expect((await ensurePlatform(dir, "test", (line) => lines.push(line))).installed).toBe(true);
    expect(lines[0]).toContain("it is of SST 3.19.3");
    writeFileSync(join(dir, "sst.config.ts"), config("").replace('region: "eu-west-1"', 'version: "6.70.0"'));
    await expect(ensurePlatform(dir, "test")).rejects.toThrow(
      /the provider "aws" is of version 6\.66\.2 instead of 6\.70\.0; remove .*\.sst and try again/,
    );
  });

  test("without a network it says that the first time needs one", async () => {
    fakeSst(`console.error("npm error code ENOTFOUND"); process.exit(1);`);
    await expect(ensurePlatform(dir, "test")).rejects.toThrow(
      /`sst install` failed: it needs a network the first time, .*\n {2}npm error code ENOTFOUND/,
    );
  });
});
