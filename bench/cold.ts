/**
 * Cold start: importing each function's module, laid out with its layers as on Lambda, against the same libraries whole
 * in one module, and against an empty handler. Milliseconds of CPU (user and system, V8's threads included), which a
 * machine that does other things at the same time does not stretch.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import {
  bundleOptions,
  ensurePlatform,
  type FunctionBuild,
  handlerSource,
  synthesise,
} from "@frontdesk/local";
import { build, type Metafile, type Plugin } from "esbuild";
import { layerNames } from "../layers/contents.ts";
import { root } from "../scripts/run/root.ts";
import { deploy, linkedEnvironment, nodePath, runtimeFlags, unpackLayers } from "../test/support/lambda.ts";
import { median, type Row } from "./row.ts";

const PAIRS = 5;
const TARGET = 0.25;
const run = promisify(execFile);
const script = join(import.meta.dirname, "support/import.mjs");

interface Side {
  file: string;
  env: Record<string, string>;
}

async function cpuOf({ file, env }: Side): Promise<number> {
  const { stdout } = await run(process.execPath, [...runtimeFlags, script, pathToFileURL(file).href], {
    env,
  });
  return (JSON.parse(stdout) as { cpu: number }).cpu;
}

/** What our own sources ask of packages, late or early, each with a folder from which it is found. */
function librariesOf({ inputs }: Metafile): Map<string, string> {
  const libraries = new Map<string, string>();
  for (const [path, { imports }] of Object.entries(inputs)) {
    if (path.includes("node_modules/")) continue;
    for (const { original, path: wanted, external } of imports) {
      const name = original ?? (external ? wanted : "");
      if (/^[@a-z][\w./-]*$/i.test(name) && !isBuiltin(name)) libraries.set(name, dirname(join(root, path)));
    }
  }
  return libraries;
}

/** Machine code, which no module can hold: on both sides the layer's, by `require`. */
const native = ["sharp"];

/** Every library of a function at once, nothing left out and nothing shaken off, in one module with its handler. */
async function whole(fn: FunctionBuild, libraries: Map<string, string>, folder: string): Promise<string> {
  const { source, exportName } = handlerSource(root, fn.handler);
  const {
    entryPoints,
    plugins = [],
    ...options
  } = await bundleOptions(root, { ...fn, properties: {} }, folder);
  const names = [...libraries.keys()].filter((name) => !native.includes(name));
  const required = native.filter((name) => libraries.has(name));
  const asked: Plugin = {
    name: "libraries",
    setup(build) {
      build.onResolve({ filter: /^library:/ }, ({ path, kind }) => {
        const name = path.slice("library:".length);
        return build.resolve(name, { kind, resolveDir: libraries.get(name) ?? root });
      });
    },
  };
  const { outputFiles } = await build({
    ...options,
    splitting: false,
    external: ["pg-native", ...native],
    plugins: [...plugins, asked],
    stdin: {
      contents: [
        ...names.map((name, index) => `import * as library${index} from "library:${name}";`),
        `globalThis.libraries = [${[...names.map((_, index) => `library${index}`), ...required.map((name) => `require("${name}")`)].join()}];`,
        `export { ${exportName} } from ${JSON.stringify(source)};`,
      ].join("\n"),
      resolveDir: root,
      loader: "js",
    },
  });
  const module = outputFiles.find(({ path }) => path.endsWith(".mjs"));
  if (!module) throw new Error(`${fn.id}: nothing was built`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "whole.mjs");
  writeFileSync(file, module.contents);
  return file;
}

/** Import of a handler with one AWS client or four of them, asked for late or at once. */
async function growth(folder: string): Promise<string> {
  const clients = ["client-s3", "client-sqs", "client-secrets-manager", "client-apigatewaymanagementapi"];
  const measure = async (count: number, late: boolean) => {
    const names = clients.slice(0, count).map((name) => `@aws-sdk/${name}`);
    const contents = late
      ? `export const handler = () => Promise.all([${names.map((name) => `import("${name}")`).join()}]);`
      : `${names.map((name, index) => `import * as c${index} from "${name}";`).join("")} export const handler = () => [${names.map((_, index) => `c${index}`).join()}];`;
    const out = join(folder, `growth-${count}-${late}`);
    await build({
      stdin: { contents, resolveDir: join(root, "packages/core"), loader: "js" },
      bundle: true,
      platform: "node",
      format: "esm",
      splitting: true,
      outdir: out,
      outExtension: { ".js": ".mjs" },
      mainFields: ["module", "main"],
      banner: {
        js: `import { createRequire as topLevelCreateRequire } from "module"; const require = topLevelCreateRequire(import.meta.url);`,
      },
      logLevel: "silent",
    });
    const times: number[] = [];
    for (let round = 0; round < PAIRS; round++)
      times.push(await cpuOf({ file: join(out, "stdin.mjs"), env: { PATH: process.env.PATH ?? "" } }));
    return median(times);
  };
  const [early1, early4] = [await measure(1, false), await measure(4, false)];
  const [late1, late4] = [await measure(1, true), await measure(4, true)];
  return `four AWS clients in place of one: ${early1.toFixed(0)} to ${early4.toFixed(0)} ms imported at once, ${late1.toFixed(1)} to ${late4.toFixed(1)} ms imported late`;
}

export async function coldStart(): Promise<Row> {
  await ensurePlatform(root, "local", (line) => process.stderr.write(`${line}\n`));
  const graph = await synthesise({ appDir: root, stage: "local" });
  const folder = mkdtempSync(join(tmpdir(), "frontdesk-cold-"));
  try {
    const opt = join(folder, "opt");
    unpackLayers(layerNames, opt);
    const empty: Side = { file: join(folder, "empty.mjs"), env: { PATH: process.env.PATH ?? "" } };
    writeFileSync(empty.file, "export const handler = async () => {};");

    const details: Row["details"] = {};
    const emptyTimes: number[] = [];
    const ratios: { name: string; ratio: number }[] = [];
    for (const fn of Object.values(graph.functions)) {
      const task = join(folder, fn.id, "task");
      const deployed = await deploy(fn, task);
      const libraries = librariesOf(deployed.metafile);
      const candidate: Side = {
        file: deployed.file,
        env: { ...linkedEnvironment(fn), NODE_PATH: nodePath(opt, task) },
      };
      const reference: Side = {
        file: await whole(fn, libraries, join(folder, fn.id, "whole")),
        env: candidate.env,
      };
      await cpuOf(candidate);
      await cpuOf(reference);
      const own: number[] = [];
      const theirs: number[] = [];
      const paired: number[] = [];
      for (let pair = 0; pair < PAIRS; pair++) {
        const a = await cpuOf(candidate);
        const b = await cpuOf(reference);
        emptyTimes.push(await cpuOf(empty));
        own.push(a);
        theirs.push(b);
        paired.push(a / b);
      }
      const ratio = median(paired);
      ratios.push({ name: fn.id, ratio });
      process.stderr.write(`cold: ${fn.id} ${ratio.toFixed(3)}\n`);
      details[fn.id] =
        `${ratio.toFixed(3)} (${median(own).toFixed(0)} of ${median(theirs).toFixed(0)} ms; ${libraries.size} libraries)`;
    }
    details["an empty handler (ms)"] = median(emptyTimes);
    const worst = ratios.reduce((a, b) => (a.ratio >= b.ratio ? a : b));
    details.slowest = worst.name;
    return {
      name: "cold start of each function",
      against:
        "the same libraries whole in one module, CPU time of importing it; the slowest function counts",
      target: `<= ${TARGET}`,
      ratio: worst.ratio,
      reached: worst.ratio <= TARGET,
      details,
      growth: await growth(folder),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
