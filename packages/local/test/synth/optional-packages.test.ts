import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { optionalPackages } from "../../src/synth/bundle.ts";

const folder = mkdtempSync(join(tmpdir(), "optional-packages-"));
beforeAll(() => {
  for (const [name, source] of Object.entries({
    present: "export const here = 1;",
    lazy: 'export const load = () => import("absent"); export const other = () => import("present");',
    eager: 'export { thing } from "absent";',
  })) {
    const own = join(folder, "node_modules", name);
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "index.js"), source);
    writeFileSync(join(own, "package.json"), JSON.stringify({ name, type: "module", main: "index.js" }));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bundle = (contents: string) =>
  build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
    logLevel: "silent",
    plugins: [optionalPackages],
  });

it("what a package loads only when it needs it may be absent, wherever the app lies", async () => {
  const { outputFiles } = await bundle('export * from "lazy";');
  expect(outputFiles[0]?.text).toContain('import("absent")');
  expect(outputFiles[0]?.text).not.toContain('import("present")');
});

it("what a package needs at once, and what the app's own code names, must be there", async () => {
  await expect(bundle('export * from "eager";')).rejects.toThrow('Could not resolve "absent"');
  await expect(bundle('await import("absent");')).rejects.toThrow('Could not resolve "absent"');
});
