/** Knows which file of the app declares each resource: by the stack of its constructor. */
import { AsyncLocalStorage } from "node:async_hooks";
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { relative, resolve } from "node:path";
import type { BundlePlace } from "./errors.ts";
import type { Pulumi } from "./pulumi.ts";

export interface Declarations {
  /** File by URN, relative to the app's folder. What has no entry is declared where its parent is. */
  files(): Promise<Map<string, string>>;
}

/** A place in the program, and the one that handed the callback on to an output. Stacks are formatted when asked for. */
interface Place {
  at: Error;
  from: Place | undefined;
}

/** Deep enough for a component in a component in a helper in a module. */
const FRAMES = 60;

/** Call inside the stack, before the program. */
export function watchDeclarations(pulumi: Pulumi, appDir: string, bundle: BundlePlace): Declarations {
  const places = new AsyncLocalStorage<Place>();
  const here = (): Place => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    const at = new Error();
    Error.stackTraceLimit = limit;
    return { at, from: places.getStore() };
  };

  // SST makes resources in callbacks of outputs, whose stacks do not lead back to the app.
  const { apply } = pulumi.Output.prototype;
  pulumi.Output.prototype.apply = function (callback, ...rest) {
    const place = here();
    return apply.call(this, (value) => places.run(place, callback, value), ...rest);
  };

  const declared: { urn: Promise<unknown>; place: Place }[] = [];
  pulumi.runtime.registerStackTransformation(({ resource }) => {
    const place = here();
    // The URN is set by Pulumi right after the transformations have run.
    queueMicrotask(() => declared.push({ urn: resource.urn.promise(), place }));
    return undefined;
  });
  return {
    async files() {
      const fileOf = reader(appDir, bundle);
      const files = new Map<string, string>();
      for (const { urn, place } of declared) {
        const file = fileOf(place);
        if (file) files.set(String(await urn), file);
      }
      return files;
    },
  };
}

function reader(appDir: string, bundle: BundlePlace): (place: Place) => string | undefined {
  let map: SourceMap | undefined;
  const known = new Map<Place, string | undefined>();
  const inStack = ({ at }: Place) => {
    const frames = (at.stack ?? "").split("\n").filter((line) => line.includes(bundle.config));
    // esbuild makes a function of each imported module and names it by the module's path. The innermost of them is
    // the module that declares; what stands before it are helpers that it calls.
    for (const frame of frames) {
      const name = /^\s*at (?:async )?(\S+\.[cm]?[jt]sx?) \(/.exec(frame)?.[1];
      if (name) return name;
    }
    const [, line, column] = /:(\d+):(\d+)\)?$/.exec(frames.at(-1) ?? "") ?? [];
    if (line === undefined || column === undefined) return undefined;
    map ??= new SourceMap(JSON.parse(readFileSync(bundle.map, "utf8")));
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
    return "originalSource" in entry
      ? relative(appDir, resolve(bundle.config, "..", entry.originalSource))
      : undefined;
  };
  const fileOf = (place: Place): string | undefined => {
    if (!known.has(place)) known.set(place, inStack(place) ?? (place.from && fileOf(place.from)));
    return known.get(place);
  };
  return fileOf;
}
