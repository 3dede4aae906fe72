/**
 * How SST 3.19.3 bundles a Node.js function (`pkg/runtime/node/build.go` in its source): the same options lead to the
 * same module, so what runs here is what is deployed.
 */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildOptions, Loader, Plugin } from "esbuild";
import type { FunctionBuild } from "../graph/types.ts";

/** The `nodejs` arguments of `sst.aws.Function`. */
interface NodeProperties {
  loader?: Record<string, Loader>;
  /** Packages left out of the bundle: names, or names with versions. */
  install?: string[] | Record<string, string>;
  banner?: string;
  esbuild?: Pick<
    BuildOptions,
    "target" | "sourcemap" | "keepNames" | "define" | "external" | "nodePaths" | "mainFields" | "conditions"
  >;
  minify?: boolean;
  format?: "cjs" | "esm";
  splitting?: boolean;
  /** Path of a module that exports esbuild plugins. */
  plugins?: string;
}

/** Native packages that SST never bundles. */
const alwaysExternal = ["sharp", "pg-native"];
const targets: Record<string, string> = {
  "nodejs24.x": "es2024",
  "nodejs22.x": "es2023",
  "nodejs20.x": "es2023",
  "nodejs18.x": "es2022",
};
const extensions = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"];

/** The source file and the export of `path/to/file.export`. @throws Error when there is no such file. */
export function handlerSource(appDir: string, handler: string): { source: string; exportName: string } {
  const dot = handler.lastIndexOf(".");
  const base = handler.slice(0, dot);
  const exportName = handler.slice(dot + 1);
  const found = extensions.map((extension) => resolve(appDir, base + extension)).find(existsSync);
  if (dot <= 0 || !exportName || !found)
    throw new Error(
      `handler "${handler}" leads to no file: expected "path/to/file.export" below ${appDir}, with one of ${extensions.join(" ")}`,
    );
  return { source: found, exportName };
}

/**
 * The module of a function whose `bundle` is deployed as it is. Undefined for a function that is bundled here: one
 * without `bundle`, and one whose `bundle` is no JavaScript yet.
 * @throws Error when the handler leads to no file.
 */
export function madeModule(appDir: string, build: FunctionBuild): string | undefined {
  if (!build.bundle) return undefined;
  const { source } = handlerSource(appDir, build.handler);
  return /\.[mc]?js$/.test(source) ? relative(resolve(appDir, build.bundle), source) : undefined;
}

/** File name of the module that the options make. */
export function bundleName(build: FunctionBuild): string {
  return properties(build).format === "cjs" ? "bundle.cjs" : "bundle.mjs";
}

/** Names of packages that the function wants beside its bundle though nothing may import them. */
export function installedPackages(build: FunctionBuild): string[] {
  const { install } = properties(build);
  return Array.isArray(install) ? install : Object.keys(install ?? {});
}

/** Path of the module with the function's own esbuild plugins, if it has any. */
export function pluginsFile(appDir: string, build: FunctionBuild): string | undefined {
  const { plugins } = properties(build);
  return plugins ? resolve(appDir, plugins) : undefined;
}

/** @param outdir Where the module will be; nothing is written there. */
export async function bundleOptions(
  appDir: string,
  build: FunctionBuild,
  outdir: string,
): Promise<BuildOptions & { metafile: true; write: false }> {
  const node = properties(build);
  const esbuild = node.esbuild ?? {};
  const cjs = node.format === "cjs";
  const { source } = handlerSource(appDir, build.handler);
  const plugins = pluginsFile(appDir, build);
  return {
    absWorkingDir: appDir,
    entryPoints: [{ in: source, out: "bundle" }],
    outdir,
    outExtension: { ".js": cjs ? ".cjs" : ".mjs" },
    bundle: true,
    write: false,
    metafile: true,
    logLevel: "silent",
    platform: "node",
    format: cjs ? "cjs" : "esm",
    target: esbuild.target ?? targets[build.runtime] ?? "es2023",
    mainFields: esbuild.mainFields ?? (cjs ? ["main"] : ["module", "main"]),
    ...(esbuild.conditions && { conditions: esbuild.conditions }),
    ...(esbuild.nodePaths && { nodePaths: esbuild.nodePaths }),
    ...(esbuild.define && { define: esbuild.define }),
    external: [...alwaysExternal, ...installedPackages(build), ...(esbuild.external ?? [])],
    loader: node.loader ?? {},
    keepNames: esbuild.keepNames ?? true,
    minify: node.minify ?? false,
    // Deployed without, unless asked for; here stack traces shall name the app's own lines.
    sourcemap: esbuild.sourcemap ?? "linked",
    sourcesContent: false,
    splitting: (node.splitting ?? false) && !cjs,
    banner: { js: cjs ? (node.banner ?? "") : moduleBanner(node.banner) },
    inject: cjs ? [] : [SHIMS],
    plugins: [...(cjs ? [] : [shims]), ...(plugins ? await loadPlugins(plugins) : [])],
  };
}

function properties(build: FunctionBuild): NodeProperties {
  return build.properties as NodeProperties;
}

/** CommonJS packages inside an ES module want `require`, under exactly this name (esbuild's helper looks for it). */
function moduleBanner(own = ""): string {
  return [
    `import { createRequire as createRequireOfBundle } from "module";`,
    `const require = createRequireOfBundle(import.meta.url);`,
    own,
  ].join("\n");
}

const SHIMS = "sst:esm-shims";
/** `__filename` and `__dirname` of the bundle, where bundled code names them. */
const shims: Plugin = {
  name: SHIMS,
  setup(build) {
    build.onResolve({ filter: /^sst:esm-shims$/ }, () => ({
      path: SHIMS,
      namespace: SHIMS,
      sideEffects: false,
    }));
    build.onLoad({ filter: /.*/, namespace: SHIMS }, () => ({
      loader: "js",
      contents: `
        import { fileURLToPath } from "node:url";
        const file = () => fileURLToPath(import.meta.url);
        export const __filename = /* @__PURE__ */ file();
        export const __dirname = /* @__PURE__ */ fileURLToPath(new URL(".", import.meta.url)).replace(/.$/, "");`,
    }));
  },
};

async function loadPlugins(file: string): Promise<Plugin[]> {
  const module = (await import(pathToFileURL(file).href)) as { default?: Plugin[] };
  if (!Array.isArray(module.default))
    throw new Error(`${file} must export a list of esbuild plugins as its default`);
  return module.default;
}

/** Folders in which Node would look for packages, seen from a file or folder. */
export function moduleFolders(from: string): string[] {
  const folders: string[] = [];
  for (let at = from; ; at = resolve(at, "..")) {
    folders.push(join(at, "node_modules"));
    if (at === resolve(at, "..")) return folders;
  }
}
