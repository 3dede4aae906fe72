/** Bundles on the real Node 22, laid out as on Lambda: what a function leaves out is found in its layers. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { FunctionBuild } from "@frontdesk/local";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LayerName, layerNames, namesInLayers } from "../../layers/contents.ts";
import { root } from "../../scripts/run/root.ts";
import { deploy, linkedEnvironment, nodePath, runtimeFlags, unpackLayers } from "../support/lambda.ts";
import { graphOf } from "./support/graphs.ts";

/** Milliseconds, on a machine that does other things too. */
const PATIENCE = 180_000;
const run = promisify(execFile);
/** Below no folder that has a node_modules. */
const folder = mkdtempSync(join(tmpdir(), "frontdesk-lambda-"));
const opt = join(folder, "opt");
beforeAll(async () => {
  unpackLayers(layerNames, opt);
  await graphOf("production");
}, PATIENCE);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a module as the runtime does. @param layers Whether `/opt` is there. */
async function evaluate(code: string, layers: boolean, env: Record<string, string> = {}) {
  const { stdout } = await run(process.execPath, [...runtimeFlags, "--input-type=module", "-e", code], {
    cwd: folder,
    env: { ...env, NODE_PATH: nodePath(layers ? opt : join(folder, "nowhere"), folder) },
  });
  return JSON.parse(stdout) as unknown;
}

/** Loads the handler and then all that it would load late. */
const loadAll = (files: string[], exportName: string) => `
  const modules = [];
  for (const file of ${JSON.stringify(files.map((file) => pathToFileURL(file).href))}) modules.push(await import(file));
  console.log(JSON.stringify(typeof modules[0][${JSON.stringify(exportName)}]));
  process.exit(0);`;

async function modulesOf(fn: FunctionBuild): Promise<{ files: string[]; exportName: string }> {
  const task = join(folder, fn.id);
  const { file, exportName } = await deploy(fn, task);
  const others = readdirSync(task)
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => join(task, name));
  return { files: [file, ...others.filter((other) => other !== file)], exportName };
}

describe("on Lambda's Node", { timeout: PATIENCE }, () => {
  test("every function loads, with everything that it would load late", async () => {
    const { functions } = await graphOf("production");
    for (const fn of Object.values(functions)) {
      const { files, exportName } = await modulesOf(fn);
      await expect(evaluate(loadAll(files, exportName), true, linkedEnvironment(fn)), fn.id).resolves.toBe(
        "function",
      );
    }
  });

  test("without its layer a function does not: what it leaves out is nowhere else", async () => {
    const { functions } = await graphOf("production");
    const fn = functions.EmailConsumer;
    if (!fn) throw new Error("there is no EmailConsumer");
    const { files, exportName } = await modulesOf(fn);
    await expect(evaluate(loadAll(files, exportName), false, linkedEnvironment(fn))).rejects.toThrow(
      /Cannot find module '(pg|iconv-lite|ioredis)'/,
    );
  });

  test("why by require: Node's own `import` does not look into a layer", async () => {
    const task = join(folder, "plain");
    mkdirSync(task, { recursive: true });
    writeFileSync(join(task, "bundle.mjs"), `import pg from "pg"; export const handler = async () => pg;`);
    const load = `await import(${JSON.stringify(pathToFileURL(join(task, "bundle.mjs")).href)}); console.log("1")`;
    await expect(evaluate(load, true)).rejects.toThrow(/ERR_MODULE_NOT_FOUND[\s\S]*Cannot find package 'pg'/);
  });
});

describe("what is pruned is not missed", { timeout: PATIENCE }, () => {
  const works: Record<LayerName, string> = {
    data: `const { Pool, types } = require("pg"); const { Redis } = require("ioredis");
      new Redis({ lazyConnect: true }).disconnect(); return new Pool().totalCount === 0 && types.builtins.INT8 === 20;`,
    image: `const sharp = require("sharp");
      const png = await sharp({ create: { width: 8, height: 4, channels: 3, background: "red" } }).png().toBuffer();
      const sizes = [];
      for (const format of ["avif", "webp", "jpeg"]) sizes.push((await sharp(await sharp(png).resize(4).toFormat(format).toBuffer()).metadata()).width);
      return sizes.join() === "4,4,4";`,
    mail: `const iconv = require("iconv-lite");
      return ["shift_jis", "gb18030", "big5", "euc-kr", "koi8-r", "utf-7", "cp862"].every((name) => iconv.decode(iconv.encode("a", name), name) === "a");`,
  };
  test.each(
    layerNames,
  )("the packages of layer %s work from it alone, on this machine's binaries", async (layer) => {
    const code = `const require = (await import("node:module")).createRequire(${JSON.stringify(pathToFileURL(join(folder, "x.mjs")).href)});
      console.log(JSON.stringify(await (async () => { ${works[layer]} })()));`;
    await expect(evaluate(code, true)).resolves.toBe(true);
    await expect(evaluate(code, false)).rejects.toThrow("Cannot find module");
  });

  test("each package of a layer can be asked for by its name", async () => {
    const code = (names: string[]) => `
      const require = (await import("node:module")).createRequire(${JSON.stringify(pathToFileURL(join(folder, "x.mjs")).href)});
      const missing = [];
      for (const name of ${JSON.stringify(names)}) try { require.resolve(name) } catch (error) { missing.push(error.message) }
      console.log(JSON.stringify(missing));`;
    // Of the picture layer's, those with binaries are named after Lambda's platform, which this machine need not be.
    const names = namesInLayers(root, layerNames).filter((name) => !name.startsWith("@img/sharp-"));
    await expect(evaluate(code(names), true)).resolves.toEqual([]);
  });
});
