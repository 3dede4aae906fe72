/** A function as Lambda lays it out, in a folder: its bundle as SST builds it, and its layers below `opt`. */
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { bundleOptions, type FunctionBuild, handlerSource } from "@frontdesk/local";
import { build, type Metafile } from "esbuild";
import { type LayerName, layerPackages } from "../../layers/contents.ts";
import { prune } from "../../layers/prune.ts";
import { root } from "../../scripts/run/root.ts";

export interface Deployed {
  /** The module that Lambda imports. */
  file: string;
  exportName: string;
  metafile: Metafile;
}

/** Builds a function into `folder`, with the options that SST is given for it. */
export async function deploy(fn: FunctionBuild, folder: string): Promise<Deployed> {
  const options = await bundleOptions(root, fn, folder);
  const { outputFiles, metafile } = await build(options);
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, contents);
  }
  const { exportName } = handlerSource(root, fn.handler);
  const entry = outputFiles.find(({ path }) => /^bundle\.[cm]js$/.test(basename(path)));
  if (!entry) throw new Error(`${fn.handler} was built to ${outputFiles.map(({ path }) => path).join(", ")}`);
  return { file: entry.path, exportName, metafile };
}

/** npm's words for the machine that this runs on. */
function thisMachine() {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return { os: process.platform, cpu: process.arch, libc: header.glibcVersionRuntime ? "glibc" : "musl" };
}

/**
 * Layers with this machine's binaries, from the repository's own packages, pruned as the real ones are.
 * @param folder Stands for `/opt`.
 */
export function unpackLayers(layers: readonly LayerName[], folder: string): void {
  for (const layer of layers)
    for (const { path } of layerPackages(root, layer, thisMachine())) {
      const from = [join(root, "packages/core", path), join(root, path)].find(existsSync);
      if (!from) throw new Error(`${path} is not installed: run npm ci`);
      cpSync(from, join(folder, "nodejs", path), {
        recursive: true,
        dereference: true,
        // What lies inside of a package is named by itself.
        filter: (source) => !relative(from, source).split("/").includes("node_modules"),
      });
    }
  if (layers.length > 0) prune(join(folder, "nodejs", "node_modules"));
}

/**
 * Flags and search path of the nodejs22.x runtime.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html (flags),
 * https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html (paths)
 */
export const runtimeFlags = ["--no-experimental-require-module", "--no-experimental-detect-module"];
export function nodePath(opt: string, task: string): string {
  return [join(opt, "nodejs/node22/node_modules"), join(opt, "nodejs/node_modules"), task].join(":");
}

/** What SST gives a function beside its code, with nothing behind the addresses. */
export function linkedEnvironment(fn: FunctionBuild): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    AWS_REGION: "ca-central-1",
    AWS_LAMBDA_FUNCTION_NAME: "function",
    SST_RESOURCE_App: JSON.stringify({ name: "frontdesk", stage: "test" }),
    ...Object.fromEntries(
      Object.entries(fn.links).map(([name, properties]) => [
        `SST_RESOURCE_${name}`,
        JSON.stringify(properties),
      ]),
    ),
  };
}
