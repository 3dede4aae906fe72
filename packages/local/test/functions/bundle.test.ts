import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { developer, functionSpec, startLambda, type TestLambda } from "./support.ts";

/** An app of its own for each test. */
let app: string;
let test: TestLambda | undefined;
beforeEach(() => {
  app = mkdtempSync(join(tmpdir(), "local-bundle-"));
});
afterEach(async () => {
  await test?.[Symbol.asyncDispose]();
  test = undefined;
  rmSync(app, { recursive: true, force: true });
});

function write(files: Record<string, string>) {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(app, name)), { recursive: true });
    writeFileSync(join(app, name), content);
  }
}
async function start(
  handlers: (string | ReturnType<typeof functionSpec>)[],
  options: { watch?: boolean; stateDir?: string } = {},
) {
  const specs = handlers.map((handler) => (typeof handler === "string" ? functionSpec(handler) : handler));
  test = await startLambda(specs, { appDir: app, ...options });
  return test;
}
const withProperties = (handler: string, properties: Record<string, unknown>, more: object = {}) =>
  functionSpec(handler, { build: { properties, ...more } });

describe("a function's code", () => {
  it("is bundled with what it imports, TypeScript and CommonJS alike", async () => {
    write({
      "src/index.ts": `import { shout } from "./shout"; import cjs from "old"; export const handler = async (): Promise<string> => shout(cjs.name) + typeof require + __dirname.length;`,
      "src/shout.ts": `export const shout = (text: string) => text.toUpperCase();`,
      "node_modules/old/index.js": `const path = require("path"); module.exports = { name: path.basename("/a/old") };`,
    });
    const { call } = await start(["src/index.handler"]);
    expect((await call("src/index.handler")).value).toMatch(/^OLDfunction\d+$/);
  });

  it("may be a module that was bundled before, with the same helpers at its top", async () => {
    write({
      "dist/index.mjs": `import { createRequire as topLevelCreateRequire } from "module";
        const require = topLevelCreateRequire(import.meta.url);
        export const handler = async () => require("path").basename("/a/made");`,
    });
    const { call } = await start(["dist/index.handler"]);
    expect((await call("dist/index.handler")).value).toBe("made");
  });

  it("runs as it is where it is a folder that was made before, with what lies beside it and the runtime's SDK", async () => {
    write({
      "dist/server/index.mjs": `import { name } from "@aws-sdk/client-any";
        export const handler = async () => [name, (await import("./" + "part.mjs")).default, import.meta.url.startsWith("file://" + process.env.LAMBDA_TASK_ROOT), process.env._HANDLER];`,
      "dist/server/part.mjs": "export default 1;",
      "node_modules/@aws-sdk/client-any/index.js": `exports.name = "sdk";`,
    });
    const spec = functionSpec("dist/server/index.handler", { build: { bundle: "dist" } });
    const { call } = await start([spec]);
    expect((await call("dist/server/index.handler")).value).toEqual(["sdk", 1, true, "server/index.handler"]);
    write({ "dist/server/part.mjs": "export default 2;" });
    await test?.[Symbol.asyncDispose]();
    const again = await start([spec], { stateDir: test?.cloud.state.root as string });
    expect((await again.call("dist/server/index.handler")).value).toEqual([
      "sdk",
      2,
      true,
      "server/index.handler",
    ]);
  });

  it("knows its own folder by __dirname, and finds there what was copied beside it", async () => {
    write({
      "src/index.ts": `import { readFileSync } from "node:fs"; import { join } from "node:path";
        export const handler = async () => [readFileSync(join(__dirname, "texts/a.txt"), "utf8"), readFileSync("renamed.txt", "utf8"), __dirname === process.env.LAMBDA_TASK_ROOT];`,
      "texts/a.txt": "in a folder",
      "other/b.txt": "under another name",
    });
    const copyFiles = [{ from: "texts" }, { from: join(app, "other/b.txt"), to: "renamed.txt" }];
    const { call } = await start([withProperties("src/index.handler", {}, { copyFiles })]);
    expect((await call("src/index.handler")).value).toEqual(["in a folder", "under another name", true]);
  });

  it("is not copied out of its own folder", async () => {
    write({ "src/index.ts": `export const handler = async () => 1;`, "a.txt": "a" });
    const { call } = await start([
      withProperties("src/index.handler", {}, { copyFiles: [{ from: "a.txt", to: "../../b.txt" }] }),
    ]);
    expect((await call("src/index.handler")).value).toMatchObject({
      errorMessage: 'copyFiles: "../../b.txt" would leave the function\'s folder',
    });
  });

  it("takes SST's options: format, banner, loader, define, splitting, minify", async () => {
    write({
      "src/cjs.ts": `exports.handler = async () => [typeof module, __filename.endsWith("bundle.cjs")];`,
      "src/options.ts": `import text from "./page.html"; declare const FLAG: string;
        export const handler = async () => [text, FLAG, (globalThis as { banner?: number }).banner, (await import("./lazy")).lazy];`,
      "src/lazy.ts": `export const lazy = "later";`,
      "src/page.html": "<p>",
    });
    const options = {
      loader: { ".html": "text" },
      banner: "globalThis.banner = 1;",
      esbuild: { define: { FLAG: '"set"' } },
      splitting: true,
      minify: true,
    };
    const { call, cloud } = await start([
      withProperties("src/cjs.handler", { format: "cjs" }),
      withProperties("src/options.handler", options),
    ]);
    expect((await call("src/cjs.handler")).value).toEqual(["object", true]);
    expect((await call("src/options.handler")).value).toEqual(["<p>", "set", 1, "later"]);
    const root = join(cloud.state.root, "bundles", "src-options-handler");
    const version = readdirSync(root).find((entry) => existsSync(join(root, entry, "bundle.mjs")));
    const modules = readdirSync(join(root, String(version))).filter((file) => file.endsWith(".mjs"));
    expect(modules.length, "what is imported later is a file of its own").toBeGreaterThan(1);
  });

  it("finds packages left out of the bundle where the app has them, the nearest first", async () => {
    write({
      "packages/one/src/index.ts": `import near from "near"; import far from "@scope/far/part.js";
        export const handler = async () => [near, far, (await import("kept")).default];`,
      "packages/one/node_modules/near/package.json": `{"name":"near","type":"module","exports":"./index.js"}`,
      "packages/one/node_modules/near/index.js": `export default "near";`,
      "node_modules/near/index.js": `module.exports = "wrong";`,
      "node_modules/@scope/far/part.js": `module.exports = require("inner");`,
      "node_modules/@scope/far/node_modules/inner/index.js": `module.exports = "far";`,
      "node_modules/kept/index.js": `module.exports = "kept";`,
    });
    const { call } = await start([
      withProperties("packages/one/src/index.handler", {
        install: ["near"],
        esbuild: { external: ["@scope/*", "kept"] },
      }),
    ]);
    expect((await call("packages/one/src/index.handler")).value).toEqual(["near", "far", "kept"]);
  });

  it("misses a package that is left out and not installed by name, when it is invoked", async () => {
    write({ "src/index.js": `import nowhere from "nowhere"; export const handler = async () => nowhere;` });
    const { call } = await start([withProperties("src/index.handler", { install: { nowhere: "1.0.0" } })]);
    expect(await call("src/index.handler")).toMatchObject({
      error: true,
      value: { errorType: "Runtime.ImportModuleError", errorMessage: expect.stringContaining("'nowhere'") },
    });
  });

  it("takes the app's own esbuild plugins", async () => {
    write({
      "plugins.mjs": `export default [{ name: "virtual", setup(build) {
        build.onResolve({ filter: /^virtual$/ }, () => ({ path: "virtual", namespace: "virtual" }));
        build.onLoad({ filter: /.*/, namespace: "virtual" }, () => ({ contents: "export default 42" }));
      } }];`,
      "src/index.js": `import answer from "virtual"; export const handler = async () => answer;`,
    });
    const { call } = await start([withProperties("src/index.handler", { plugins: "plugins.mjs" })]);
    expect((await call("src/index.handler")).value).toBe(42);
  });
});

describe("code that does not build", () => {
  it("is told once with file, line and column, and fails its own invocations only", async () => {
    write({
      "src/good.ts": `export const handler = async () => "good";`,
      "src/bad.ts": `export const handler = async () => {\n  return 1 +;\n};`,
      "src/lost.ts": `import "./nowhere";\nexport const handler = async () => 1;`,
    });
    const { call, logs, lambda, observations } = await start([
      "src/good.handler",
      "src/bad.handler",
      "src/lost.handler",
      "src/none.handler",
    ]);
    expect(await call("src/good.handler")).toEqual({ error: false, value: "good" });
    expect(await call("src/bad.handler")).toMatchObject({
      error: true,
      value: {
        errorType: "BundleError",
        errorMessage: expect.stringMatching(/^src\/bad\.ts:2:13: Unexpected ";"/),
      },
    });
    expect(await call("src/lost.handler")).toMatchObject({
      value: { errorMessage: expect.stringMatching(/^src\/lost\.ts:1:8: Could not resolve "\.\/nowhere"/) },
    });
    expect(await call("src/none.handler")).toMatchObject({
      value: { errorMessage: expect.stringContaining('handler "src/none.handler" leads to no file') },
    });
    await lambda.reload();
    expect(logs.filter((line) => line.includes("src-bad-handler does not build"))).toHaveLength(1);
    expect(observations.filter(({ kind }) => kind === "lambda.end")).toHaveLength(4);
  });

  it("works as soon as it is mended", async () => {
    write({ "src/index.ts": `import { a } from "./a"; export const handler = async () => a;` });
    const { call, lambda } = await start(["src/index.handler"]);
    expect((await call("src/index.handler")).error).toBe(true);
    write({ "src/a.ts": `export const a = 1;` });
    expect(await lambda.reload()).toEqual(["src-index-handler"]);
    expect(await call("src/index.handler")).toEqual({ error: false, value: 1 });
    write({ "src/a.ts": `export const a = ;` });
    expect(await lambda.reload()).toEqual(["src-index-handler"]);
    expect((await call("src/index.handler")).error).toBe(true);
  });
});

describe("a change of the sources", () => {
  const sources = {
    "src/one.ts": `import { shared } from "./shared"; export const handler = async () => "one " + shared;`,
    "src/two.ts": `export const handler = async () => "two";`,
    "src/shared.ts": `export const shared = 1;`,
  };

  it("reloads the functions that it touches and no other, without being asked", async () => {
    write(sources);
    const { call, next } = await start(["src/one.handler", "src/two.handler"], { watch: true });
    expect((await call("src/one.handler")).value).toBe("one 1");
    const reloads: string[] = [];
    test?.cloud.observer.on(({ kind, resource }) => void (kind === "local.reload" && reloads.push(resource)));
    const reloaded = () => next(({ kind }) => kind === "local.reload");
    let reload = reloaded();
    write({ "src/shared.ts": `export const shared = 2;` });
    await reload;
    expect((await call("src/one.handler")).value).toBe("one 2");
    reload = reloaded();
    write({ "src/shared.ts": `export const shared = ;` });
    expect((await reload).detail.error).toContain("src/shared.ts:1:");
    expect((await call("src/one.handler")).error).toBe(true);
    reload = reloaded();
    write({ "src/shared.ts": `export const shared = 3;` });
    await reload;
    expect((await call("src/one.handler")).value).toBe("one 3");
    expect(new Set(reloads)).toEqual(new Set(["src-one-handler"]));
  });

  it("lets invocations under way finish with the code that they began with", async () => {
    write({
      "src/slow.ts": `export const handler = async () => { console.log("begun"); await new Promise((r) => setTimeout(r, 200)); return (await import("./version")).version; };`,
      "src/version.ts": `export const version = 1;`,
    });
    const { call, lambda, next } = await start([withProperties("src/slow.handler", { splitting: true })]);
    const begun = next(({ kind }) => kind === "lambda.log");
    const old = call("src/slow.handler");
    await begun;
    write({ "src/version.ts": `export const version = 2;` });
    await lambda.reload();
    expect((await old).value).toBe(1);
    expect((await call("src/slow.handler")).value).toBe(2);
  });

  it("without one the next start builds nothing; with one it builds what is touched", async () => {
    write(sources);
    const stateDir = join(app, ".state");
    const bundles = (name: string) => join(stateDir, "bundles", name);
    const first = await start(["src/one.handler", "src/two.handler"], { stateDir });
    const hashes = () => first.cloud.plan.functions.map(({ arn }) => test?.lambda.codeHash(arn));
    const before = hashes();
    await first.lambda.stop();
    const marker = join(bundles("src-two-handler"), "manifest.json");
    const longAgo = new Date("2020-01-01");
    utimesSync(marker, longAgo, longAgo);
    // Touched without a change, as a checkout does.
    utimesSync(join(app, "src/two.ts"), new Date(), new Date());
    write({ "src/shared.ts": `export const shared = "changed";` });

    const second = await start(["src/one.handler", "src/two.handler"], { stateDir });
    const { statSync } = await import("node:fs");
    expect(statSync(marker).mtime, "the second function was not built").toEqual(longAgo);
    expect(hashes()[1]).toBe(before[1]);
    expect(hashes()[0]).not.toBe(before[0]);
    expect((await second.call("src/one.handler")).value).toBe("one changed");
    expect(readdirSync(bundles("src-one-handler")), "old versions are gone").toHaveLength(2);
  });

  it("of a new file that an import now leads to is seen too", async () => {
    write({
      "src/index.ts": `import { a } from "./lib"; export const handler = async () => a;`,
      "src/lib.js": `export const a = "js";`,
    });
    const { call, lambda } = await start(["src/index.handler"]);
    expect((await call("src/index.handler")).value).toBe("js");
    write({ "src/lib.ts": `export const a = "ts";` });
    await lambda.reload();
    expect((await call("src/index.handler")).value).toBe("ts");
  });
});

it("ten functions that share their imports start warm from what was built", async () => {
  write({ "src/shared.ts": `export const shared = 1;` });
  const handlers = Array.from({ length: 10 }, (_, index) => `src/f${index}.handler`);
  for (const handler of handlers)
    write({
      [`${handler.split(".")[0]}.ts`]: `import { shared } from "./shared"; export const handler = async () => shared;`,
    });
  const stateDir = join(app, ".state");
  const first = await start(handlers, { stateDir });
  await first.lambda.stop();
  const second = await start(handlers, { stateDir });
  const answers = await Promise.all(
    handlers.map((handler) => second.lambda.invoke(developer, second.arn(handler), {})),
  );
  expect(answers.map(({ payload }) => payload)).toEqual(Array(10).fill("1"));
});
