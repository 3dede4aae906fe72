/** Turns `sst.config.ts` into modules that Node can load, in the way of SST's own command line. */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, realpathSync, renameSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, extname, join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Loader, type Plugin, version } from "esbuild";
import { SynthesisError } from "./errors.ts";
import type { AppDescription } from "./protocol.ts";

const banner = [
  'import { createRequire as __createRequire } from "node:module";',
  'import { fileURLToPath as __toPath } from "node:url";',
  "const require = __createRequire(import.meta.url);",
  'const __dirname = __toPath(new URL(".", import.meta.url));',
].join("");

/** Finds the app's configuration. @throws SynthesisError when the folder is no SST app. */
export function configFile(appDir: string): string {
  const file = join(appDir, "sst.config.ts");
  if (!existsSync(file))
    throw new SynthesisError(`${appDir} has no sst.config.ts: give the folder of an SST v3 app`);
  return file;
}

/**
 * Runs `app()` alone. It needs neither the platform nor its packages.
 * @throws SynthesisError with what is wrong in it.
 */
export async function evaluateApp(
  appDir: string,
  stage: string,
  workDir: string,
): Promise<Record<string, unknown>> {
  if (!/^[a-zA-Z0-9-]+$/.test(stage))
    throw new SynthesisError(`"${stage}" is no stage name: letters, digits and dashes only`);
  const file = configFile(appDir);
  const outfile = join(workDir, `app.${randomUUID()}.mjs`);
  await build({
    stdin: {
      contents: `import mod from ${JSON.stringify(file)};\nexport default mod;`,
      resolveDir: appDir,
      loader: "ts",
      sourcefile: "synth-app.ts",
    },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    outfile,
    logLevel: "silent",
    banner: { js: `${banner}const $config = (input) => input;` },
    define: { $input: JSON.stringify({ stage }) },
    external,
    plugins: [noTopLevelImports],
  });
  try {
    const loaded = (await import(pathToFileURL(outfile).href)) as { default?: unknown };
    const config = loaded.default as { app?: unknown; run?: unknown } | undefined;
    if (typeof config?.app !== "function" || typeof config.run !== "function")
      throw new SynthesisError("sst.config.ts must `export default $config({ app() {…}, async run() {…} })`");
    const app = (await config.app({ stage })) as Record<string, unknown> | undefined;
    if (typeof app?.name !== "string" || !/^[a-zA-Z][a-zA-Z0-9-]*$/.test(app.name))
      throw new SynthesisError("app() of sst.config.ts must return a `name` of letters, digits and dashes");
    if (!["aws", "cloudflare", "local"].includes(String(app.home)))
      throw new SynthesisError('app() of sst.config.ts must return `home`: "aws", "cloudflare" or "local"');
    return app;
  } finally {
    rmSync(outfile, { force: true });
  }
}

/** Completes what `app()` returned with what SST's command line adds before it runs the program. */
export function completeApp(
  app: Record<string, unknown>,
  stage: string,
  fallbackRegion: string,
): AppDescription {
  const providers: Record<string, Record<string, unknown>> = {};
  for (const [name, value] of Object.entries((app.providers ?? {}) as Record<string, unknown>)) {
    if (value === false) continue;
    providers[name] =
      typeof value === "string"
        ? { version: value }
        : typeof value === "object" && value !== null
          ? { ...value }
          : {};
  }
  if (app.home === "aws" || "aws" in providers) {
    const aws = providers.aws ?? {};
    const tags = (aws.defaultTags as { tags?: Record<string, string> } | undefined)?.tags;
    providers.aws = {
      ...aws,
      region: aws.region ?? fallbackRegion,
      defaultTags: { tags: { ...tags, "sst:app": String(app.name), "sst:stage": stage } },
    };
  }
  return {
    ...app,
    name: String(app.name),
    stage,
    home: String(app.home),
    removal: String(app.removal ?? "retain"),
    protect: app.protect === true,
    providers,
  };
}

/** What every program shares, and the program itself, as files in the platform's folder: its packages resolve from there. */
export interface Program {
  /** Module whose `run` starts a program: `src/auto/run.ts` of SST. */
  platform: string;
  /** Module whose default export is the app's configuration, and its source map. Removed by the caller. */
  config: string;
  map: string;
}

const external = [
  "@pulumi/*",
  "@pulumiverse/*",
  "@sst-provider/*",
  "@aws-sdk/*",
  "undici",
  "esbuild",
  "archiver",
  "glob",
];

/**
 * Bundles the program. SST's command line makes one bundle with `$app` and `$cli` written into it; here the platform
 * is a bundle of its own, which all apps and stages share and which is made once, and the two are globals.
 */
export async function bundleProgram(
  appDir: string,
  providers: { alias: string; package: string }[],
): Promise<Program> {
  const folder = realpathSync(join(appDir, ".sst", "platform"));
  const platform = await bundlePlatform(folder);
  const config = join(folder, `sst.config.${process.pid}.${randomUUID()}.mjs`);
  await build({
    entryPoints: [configFile(appDir)],
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2023",
    mainFields: ["module", "main"],
    nodePaths: [join(folder, "node_modules")],
    absWorkingDir: appDir,
    outfile: config,
    logLevel: "silent",
    sourcemap: "external",
    sourcesContent: false,
    external: [...external, platform],
    banner: { js: banner },
    plugins: [
      programGlobals(folder, [
        ...providers.map(({ alias, package: name }) => `import * as ${alias} from ${JSON.stringify(name)};`),
        `import { sst } from ${JSON.stringify(platform)};`,
        ...shims.map((name) => `import { ${name} } from ${JSON.stringify(platform)};`),
      ]),
    ],
  });
  return { platform, config, map: `${config}.map` };
}

/** What `src/shim/run.js` of SST gives to every file besides the providers. */
const shims = [
  "$linkable",
  "$output",
  "$apply",
  "$resolve",
  "$interpolate",
  "$concat",
  "$jsonParse",
  "$jsonStringify",
  "$util",
  "$asset",
  "$config",
  "$transform",
  "$secrets",
];

async function bundlePlatform(folder: string): Promise<string> {
  const rules = createHash("sha256")
    .update(`${version}\0${stableNames}\0${optionalPackages.setup}\0${shims}`)
    .digest("hex")
    .slice(0, 12);
  const file = join(folder, `sst.local.${rules}.mjs`);
  if (existsSync(file)) return file;
  const making = `${file}.${process.pid}.${randomUUID()}`;
  await build({
    stdin: {
      contents: `
        export { run } from "./src/auto/run.ts";
        export * as sst from "./src/components";
        export { ${shims.join(", ")} } from "./src/shim/run.js";`,
      resolveDir: folder,
      loader: "ts",
      sourcefile: "synth-platform.ts",
    },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2023",
    mainFields: ["module", "main"],
    outfile: making,
    logLevel: "silent",
    external,
    banner: { js: banner },
    inject: [join(folder, "src/shim/run.js")],
    plugins: [stableNames(folder), optionalPackages],
  });
  renameSync(making, file);
  return file;
}

/** SST refuses static imports in `sst.config.ts`, because the globals are not there yet when they run. */
const noTopLevelImports: Plugin = {
  name: "no-top-level-imports",
  setup(build) {
    build.onResolve({ filter: /.*/ }, ({ importer, kind, path }) =>
      basename(importer) === "sst.config.ts" && kind === "import-statement"
        ? {
            errors: [
              {
                text: `sst.config.ts imports "${path}" at its top: move it into run() as await import("${path}")`,
              },
            ],
          }
        : undefined,
    );
  },
};

/**
 * `aws`, `sst`, `$app` and the other names that SST gives to an app's files, as imports at the start of each (on its
 * first line, so that line numbers stay).
 */
function programGlobals(platform: string, imports: string[]): Plugin {
  const named = imports.map((line) => ({ line, name: /(\S+)(?: })? from/.exec(line)?.[1] ?? "" }));
  return {
    name: "program-globals",
    setup(build) {
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path }) => {
        if (path.startsWith(platform) || path.includes(`${sep}node_modules${sep}`)) return undefined;
        const source = await readFile(path, "utf8");
        const lines = named
          .filter(({ name }) => source.includes(name) && !declares(source, name))
          .map(({ line }) => line);
        const extension = extname(path)
          .replace(/^\.[cm]/, ".")
          .slice(1);
        return { contents: lines.join("") + source, loader: extension as Loader };
      });
    },
  };
}
/** Whether a file brings the name itself: then its own meaning counts. */
function declares(source: string, plain: string): boolean {
  const name = `(?<![\\w$])${plain.replace("$", "\\$")}(?![\\w$])`;
  return (
    new RegExp(`^\\s*(?:export\\s+)?(?:const|let|var|function|class|enum|namespace)\\s+${name}`, "m").test(
      source,
    ) || new RegExp(`^\\s*import\\b[^;"']*${name}[^;"']*from`, "m").test(source)
  );
}

/**
 * Packages load others that may be absent only when they need them (vite its lightningcss), so what is not installed
 * stays a call that fails when it is made. Whether it is installed must not hang on what lies above the app's folder.
 */
export const optionalPackages: Plugin = {
  name: "optional-packages",
  setup(build) {
    const asked = Symbol("asked");
    build.onResolve({ filter: /^[^./]/ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      if (kind === "import-statement" || pluginData === asked) return undefined;
      if (!importer.includes(`${sep}node_modules${sep}`)) return undefined;
      const { errors } = await build.resolve(path, { importer, kind, resolveDir, pluginData: asked });
      return errors.length > 0 ? { path, external: true } : undefined;
    });
  },
};

/**
 * SST ends physical names in eight random letters and keeps them in its state. There is no state here, so the
 * letters follow from app, stage and logical name instead; a second use of a name gets other letters, as on AWS.
 */
function stableNames(platform: string): Plugin {
  const file = join(platform, "src/components/naming.ts");
  return {
    name: "stable-names",
    setup(build) {
      build.onLoad({ filter: /[\\/]components[\\/]naming\.ts$/ }, async ({ path }) => {
        if (path !== file) return undefined;
        const source = await readFile(path, "utf8");
        const random = 'crypto.randomBytes(8).toString("hex")';
        if (!source.includes(random))
          throw new SynthesisError(
            "this version of SST names resources in a way that is not known here; use sst 3.19.3",
          );
        return {
          contents: `${source.replace(random, "__stableLetters(name)")}
            const __uses = new Map<string, number>();
            function __stableLetters(name: string) {
              const use = (__uses.get(name) ?? 0) + 1;
              __uses.set(name, use);
              return [$app.name, $app.stage, name, use].join("/");
            }`,
          loader: "ts" as const,
        };
      });
    },
  };
}
