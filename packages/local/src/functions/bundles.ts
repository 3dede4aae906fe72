/** The code of all functions: built at the start, kept over starts, built anew when sources change. */
import { type FSWatcher, readdirSync, rmSync, watch } from "node:fs";
import { basename, join } from "node:path";
import type { StateFolder } from "../cloud/types.ts";
import type { FunctionSpec } from "../plan/types.ts";
import { type Bundle, BundleError, Bundler } from "./bundle.ts";
import { FileMarks } from "./bundle-manifest.ts";

export interface Bundles {
  /** Builds what is not as it was left. Never rejects for code that does not build. */
  start(): Promise<void>;
  /** What runs, or why nothing can. */
  get(functionName: string): Bundle | BundleError;
  /** Builds what has changed. @returns Names of the functions whose code is another now. */
  reload(): Promise<string[]>;
  stop(): Promise<void>;
}

interface Entry {
  name: string;
  folder: string;
  bundler: Bundler;
  current: Bundle | BundleError;
}

/** Built code is no state: it follows from the sources, and outlives a fresh start. */
export const BUNDLES = "bundles";

/** Editors write a file in several steps, and a checkout many files. */
const SETTLE_MS = 40;

export function createBundles(options: {
  appDir: string;
  functions: FunctionSpec[];
  state: StateFolder;
  watch: boolean;
  /** The code of a function is another now, or does not build any more. */
  changed(functionName: string): void;
  log(message: string): void;
}): Bundles {
  const { log } = options;
  const entries = new Map<string, Entry>();
  const watchers = new Map<string, FSWatcher>();
  let settling: NodeJS.Timeout | undefined;
  let work = Promise.resolve<unknown>(undefined);
  let stopped = false;

  async function build(entry: Entry): Promise<boolean> {
    const before = entry.current;
    try {
      entry.current = await entry.bundler.build();
    } catch (error) {
      entry.current = error instanceof BundleError ? error : new BundleError((error as Error).message, []);
      if (before instanceof BundleError && before.message === entry.current.message) return false;
      log(
        `function ${entry.name} does not build, its invocations fail until it does:\n${indent(entry.current.message)}`,
      );
      return true;
    }
    if (before instanceof BundleError) return true;
    return before.hash !== entry.current.hash;
  }

  async function refresh(): Promise<string[]> {
    const marks = new FileMarks();
    const changed = await Promise.all(
      [...entries.values()].map(async (entry) => {
        const failed = entry.current instanceof BundleError;
        const fresh = failed ? undefined : entry.bundler.fresh(marks);
        return !fresh && (await build(entry)) ? entry.name : undefined;
      }),
    );
    watchSources();
    return changed.filter((name) => name !== undefined);
  }

  /** One refresh at a time. */
  function reload(): Promise<string[]> {
    const next = work.then(async () => {
      if (stopped) return [];
      const names = await refresh();
      for (const name of names) options.changed(name);
      return names;
    });
    work = next.catch(() => {});
    return next;
  }

  function watchSources() {
    if (!options.watch || stopped) return;
    const wanted = new Set<string>();
    for (const { bundler, current } of entries.values()) {
      for (const folder of bundler.folders()) wanted.add(folder);
      if (current instanceof BundleError) for (const folder of current.folders) wanted.add(folder);
    }
    for (const [folder, watcher] of watchers)
      if (!wanted.delete(folder)) {
        watcher.close();
        watchers.delete(folder);
      }
    for (const folder of wanted) {
      try {
        const watcher = watch(folder, { persistent: false }, settle);
        watcher.on("error", () => {
          watchers.delete(folder); // the folder is gone
          settle();
        });
        watchers.set(folder, watcher);
      } catch {
        // An import leads to a folder that is not there; its parent is watched as the folder of the importing file.
      }
    }
  }
  function settle() {
    clearTimeout(settling);
    settling = setTimeout(() => {
      reload().catch((error: Error) => log(`while looking at changed sources: ${error.message}`));
    }, SETTLE_MS);
  }

  return {
    async start() {
      const marks = new FileMarks();
      await Promise.all(
        options.functions.map(async (fn) => {
          const folder = options.state.folder(BUNDLES, fn.name);
          const bundler = new Bundler({
            appDir: options.appDir,
            build: fn.build,
            folder,
            keepContext: options.watch,
          });
          const entry: Entry = {
            name: fn.name,
            folder,
            bundler,
            current: new BundleError("not built yet", []),
          };
          entries.set(fn.name, entry);
          const fresh = bundler.fresh(marks);
          if (fresh) entry.current = fresh;
          else await build(entry);
          removeOld(entry);
        }),
      );
      watchSources();
    },
    get(functionName) {
      return (
        entries.get(functionName)?.current ?? new BundleError(`there is no function ${functionName}`, [])
      );
    },
    reload,
    async stop() {
      stopped = true;
      clearTimeout(settling);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
      await work;
      await Promise.all([...entries.values()].map(({ bundler }) => bundler.stop()));
    },
  };
}

/** Versions that no process can be running any more: this is a start. */
function removeOld({ folder, current }: Entry) {
  if (current instanceof BundleError) return;
  const keep = new Set([basename(current.taskRoot), "manifest.json"]);
  for (const name of readdirSync(folder))
    if (!keep.has(name)) rmSync(join(folder, name), { recursive: true, force: true });
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
