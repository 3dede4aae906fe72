/** Makes what is deployed of one function: its module, what lies beside it, and the packages it leaves out. */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import {
  type BuildContext,
  type BuildFailure,
  type BuildResult,
  context,
  type OutputFile,
  version,
} from "esbuild";
import type { FunctionBuild } from "../graph/types.ts";
import {
  configurationFiles,
  FileMarks,
  filesBelow,
  isFresh,
  type Manifest,
  ownFolders,
} from "./bundle-manifest.ts";
import {
  bundleName,
  bundleOptions,
  handlerSource,
  installedPackages,
  madeModule,
  moduleFolders,
  pluginsFile,
} from "./bundle-options.ts";

export interface Bundle {
  /** SHA-256 of everything in it, hex. */
  hash: string;
  /** Its folder. */
  taskRoot: string;
  /** Absolute path of the module. */
  file: string;
  exportName: string;
  /** As Lambda names it: `bundle.handler`. */
  handler: string;
}

/** The function's code cannot be built. The message has a line for each error: `file:line:column: text`. */
export class BundleError extends Error {
  /** Folders in which a change may mend it. */
  readonly folders: string[];
  constructor(message: string, folders: string[]) {
    super(message);
    this.name = "BundleError";
    this.folders = folders;
  }
}

/** What esbuild has to say of a function whose code is deployed as it is. */
const nothingBuilt = { outputFiles: [], metafile: { inputs: {}, outputs: {} } };
type Built = Pick<BuildResult<{ metafile: true; write: false }>, "outputFiles" | "metafile">;

interface Copy {
  from: string;
  /** Relative to the function's folder. */
  to: string;
}

/** Bundles one function, and remembers over the end of the process what it was made from. */
export class Bundler {
  readonly #appDir: string;
  readonly #build: FunctionBuild;
  /** `<state>/functions/<name>`; each version of the code has a folder of its own below. */
  readonly #folder: string;
  /** Never written; as deep as the real folder, so that source maps lead to the sources. */
  readonly #outdir: string;
  readonly #keepContext: boolean;
  #context: BuildContext<{ metafile: true; write: false }> | undefined;
  #manifest: Manifest | undefined;

  constructor(options: { appDir: string; build: FunctionBuild; folder: string; keepContext: boolean }) {
    this.#appDir = options.appDir;
    this.#build = options.build;
    this.#folder = options.folder;
    this.#outdir = join(options.folder, "out");
    this.#keepContext = options.keepContext;
    this.#manifest = readManifest(join(options.folder, "manifest.json"));
  }

  /** The bundle that was made last, if nothing that it was made from has changed. */
  fresh(marks: FileMarks): Bundle | undefined {
    const manifest = this.#manifest;
    if (!manifest || !isFresh(manifest, this.#key(), marks) || !this.#hasSource()) return undefined;
    const bundle = this.#bundle(manifest.hash);
    if (!existsSync(bundle.file)) return undefined;
    this.#link(bundle.taskRoot, manifest.packages);
    return bundle;
  }

  /** Folders to watch: those of the app's own sources. */
  folders(): Set<string> {
    return ownFolders(Object.keys(this.#manifest?.files ?? {}));
  }

  /** @throws BundleError */
  async build(): Promise<Bundle> {
    const builtAt = Date.now();
    const made = this.#made();
    const result: Built = made ? nothingBuilt : await this.#run();
    const copies = this.#copies(made ? this.#build.bundle : undefined);
    const hash = createHash("sha256");
    // Source maps follow the rest.
    for (const { path, contents } of result.outputFiles)
      if (!path.endsWith(".map"))
        hash
          .update(`${relative(this.#outdir, path)}\0`)
          .update(contents)
          .update("\0");
    for (const { from, to } of copies)
      for (const file of filesBelow(from))
        hash
          .update(`${join(to, relative(from, file))}\0`)
          .update(readFileSync(file))
          .update("\0");
    const bundle = this.#bundle(hash.digest("hex"));
    if (!existsSync(bundle.file)) this.#write(bundle.taskRoot, result.outputFiles, copies);

    const marks = new FileMarks();
    const sources = [
      ...Object.keys(result.metafile.inputs)
        .map((path) => resolve(this.#appDir, path))
        .filter((path) => existsSync(path)),
      ...copies.flatMap(({ from }) => filesBelow(from)),
    ];
    const packages = this.#packages(result);
    const plugins = pluginsFile(this.#appDir, this.#build);
    const read = [...sources, ...configurationFiles(this.#appDir, sources), ...(plugins ? [plugins] : [])];
    this.#manifest = {
      key: this.#key(),
      hash: bundle.hash,
      files: Object.fromEntries(read.map((path) => [path, marks.mark(path, builtAt)])),
      folders: Object.fromEntries([...ownFolders(sources)].map((path) => [path, marks.folder(path)])),
      packages,
    };
    writeFileSync(join(this.#folder, "manifest.json"), JSON.stringify(this.#manifest));
    this.#link(bundle.taskRoot, packages);
    return bundle;
  }

  async stop(): Promise<void> {
    await this.#context?.dispose();
  }

  /** @throws BundleError when the handler leads to no file. */
  #made(): boolean {
    try {
      return madeModule(this.#appDir, this.#build) !== undefined;
    } catch (error) {
      throw this.#failure(error as Error);
    }
  }

  async #run(): Promise<BuildResult<{ metafile: true; write: false }>> {
    try {
      this.#context ??= await context(await bundleOptions(this.#appDir, this.#build, this.#outdir));
      return await this.#context.rebuild();
    } catch (error) {
      throw this.#failure(error as Error);
    } finally {
      if (!this.#keepContext) {
        await this.#context?.dispose();
        this.#context = undefined;
      }
    }
  }

  #failure(error: Error & Partial<BuildFailure>): BundleError {
    const { errors } = error;
    const handlerFolder = dirname(resolve(this.#appDir, this.#build.handler));
    if (!errors?.length) return new BundleError(error.message, [handlerFolder]);
    const folders = new Set([...this.folders(), handlerFolder]);
    for (const { location, text } of errors) {
      if (!location) continue;
      const folder = dirname(resolve(this.#appDir, location.file));
      folders.add(folder);
      const missing = /^Could not resolve "(\.[^"]*)"/.exec(text)?.[1];
      if (missing) folders.add(dirname(resolve(folder, missing)));
    }
    const lines = errors.map(({ location, text }) =>
      location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text,
    );
    return new BundleError(lines.join("\n"), [...folders]);
  }

  #hasSource(): boolean {
    try {
      return handlerSource(this.#appDir, this.#build.handler).source !== "";
    } catch {
      return false; // building says so
    }
  }

  #key(): string {
    const { links, ...build } = this.#build; // links are environment, not code
    return createHash("sha256")
      .update(JSON.stringify({ form: 3, version, appDir: this.#appDir, build }))
      .digest("base64");
  }

  #bundle(hash: string): Bundle {
    const taskRoot = join(this.#folder, hash.slice(0, 16));
    const { exportName } = handlerSource(this.#appDir, this.#build.handler);
    const name = madeModule(this.#appDir, this.#build) ?? bundleName(this.#build);
    const handler = `${name.slice(0, -extname(name).length)}.${exportName}`;
    return { hash, taskRoot, file: join(taskRoot, name), exportName, handler };
  }

  /** @param made Folder that is deployed as it is. */
  #copies(made?: string): Copy[] {
    const own = made === undefined ? [] : [{ from: resolve(this.#appDir, made), to: "." }];
    const further = (this.#build.copyFiles ?? []).map(({ from, to }) => {
      const source = resolve(this.#appDir, from);
      if (!existsSync(source)) throw new BundleError(`copyFiles: there is no ${source}`, [dirname(source)]);
      const target = to ?? from;
      const place = isAbsolute(target) ? relative(this.#appDir, target) : target;
      if (relative(".", place).startsWith(".."))
        throw new BundleError(`copyFiles: "${place}" would leave the function's folder`, []);
      return { from: source, to: place };
    });
    return [...own, ...further];
  }

  #write(taskRoot: string, files: OutputFile[], copies: Copy[]) {
    const temporary = `${taskRoot}.${process.pid}.tmp`;
    rmSync(temporary, { recursive: true, force: true });
    for (const file of files) {
      const path = join(temporary, relative(this.#outdir, file.path));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, file.contents);
    }
    for (const { from, to } of copies) cpSync(from, join(temporary, to), { recursive: true });
    rmSync(taskRoot, { recursive: true, force: true });
    renameSync(temporary, taskRoot);
  }

  /** Packages that the bundle leaves to `node_modules`, each with the folder of a file that asks for it. */
  #packages(result: Built): Record<string, string> {
    const root = dirname(resolve(this.#appDir, this.#build.handler));
    const packages: Record<string, string> = {};
    for (const [path, input] of Object.entries(result.metafile.inputs))
      for (const { external, path: wanted } of input.imports) {
        const name = external && !isBuiltin(wanted) ? packageName(wanted) : undefined;
        if (name) packages[name] ??= dirname(resolve(this.#appDir, path));
      }
    for (const name of installedPackages(this.#build)) packages[name] = root;
    // Lambda's Node.js runtimes bring the SDK; code that was bundled elsewhere counts on it.
    if (result === nothingBuilt) packages["@aws-sdk"] = root;
    return packages;
  }

  /** Node finds them beside the bundle, wherever the state folder is; their own dependencies from where they are. */
  #link(taskRoot: string, packages: Record<string, string>) {
    const handlerFolder = dirname(resolve(this.#appDir, this.#build.handler));
    for (const [name, folder] of Object.entries(packages)) {
      const target = [...moduleFolders(handlerFolder), ...moduleFolders(folder)]
        .map((candidate) => join(candidate, name))
        .find((candidate) => existsSync(candidate));
      const link = join(taskRoot, "node_modules", name);
      const before = lstatSync(link, { throwIfNoEntry: false });
      if (before && !before.isSymbolicLink()) continue; // the app copies it there itself
      rmSync(link, { force: true });
      if (!target) continue; // optional ones such as pg-native; a needed one is missed by name when it is imported
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(target, link);
    }
  }
}

/** `@scope/name/path` -> `@scope/name`; undefined for what is no package. */
function packageName(path: string): string | undefined {
  return /^((?:@[\w.-]+\/)?\w[\w.-]*)(?:\/|$)/.exec(path)?.[1];
}

function readManifest(path: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Manifest;
  } catch {
    return undefined; // none yet, or cut off by a kill: it is made again
  }
}
