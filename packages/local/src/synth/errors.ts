import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { relative, resolve } from "node:path";

/** A failure that the user can mend: its message is complete, its stack is of no interest. */
export class SynthesisError extends Error {
  override readonly name = "SynthesisError";
}

/** Where the program's bundle and its source map are; known once it is bundled. */
export interface BundlePlace {
  config: string;
  map: string;
}

/** One readable text for whatever a program threw: no stack, but the first line of the app's own files. */
export function describe(error: unknown, appDir: string, bundle?: BundlePlace): string {
  if (!(error instanceof Error)) return typeof error === "string" ? error : JSON.stringify(error);
  const { secretName, errors } = error as {
    secretName?: unknown;
    errors?: { text?: string; location?: { file: string; line: number } | null }[];
  };
  if (typeof secretName === "string")
    return `the secret "${secretName}" has no value: set SST_SECRET_${secretName} in the environment or in .env, or give the sst.Secret a placeholder`;
  if (Array.isArray(errors) && errors.length > 0)
    return errors
      .map(({ text, location }) => (location ? `${location.file}:${location.line}: ${text}` : text))
      .join("\n");
  const place = error instanceof SynthesisError || !bundle ? undefined : origin(error, appDir, bundle);
  const message = [error, ...causes(error)].map((one) => one.message).join(": ");
  return place ? `${message} (${place})` : message;
}

/** What a program that failed may have missed: a deployment runs the commands that build sites, and here nobody does. */
export function missingBuilds(builds: { command: string; folder: string }[]): string {
  const lines = builds.map(({ command, folder }) => `\n  ${command} (in ${folder})`);
  return lines.length === 0
    ? ""
    : `\nsites are not built here; if a build is what it lacks, run it and start again:${lines.join("")}`;
}

/** `fetch failed` alone says nothing. */
function causes({ cause }: Error): Error[] {
  return cause instanceof Error ? [cause, ...causes(cause)] : [];
}

/**
 * File and line in the app. Mapped here, and only when something failed: Node's own source map support formats every
 * stack that Pulumi takes, which is two of each resource and a third of the time.
 */
function origin(error: Error, appDir: string, bundle: BundlePlace): string | undefined {
  const frames = (error.stack ?? "").split("\n").filter((line) => line.includes(bundle.config));
  if (frames.length === 0) return undefined;
  let map: SourceMap;
  try {
    map = new SourceMap(JSON.parse(readFileSync(bundle.map, "utf8")));
  } catch {
    return undefined;
  }
  for (const frame of frames) {
    const [, line, column] = /:(\d+):(\d+)\)?$/.exec(frame) ?? [];
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1);
    if (!("originalSource" in entry)) continue;
    const file = relative(appDir, resolve(bundle.config, "..", entry.originalSource));
    if (!file.includes("node_modules")) return `${file}:${entry.originalLine + 1}`;
  }
  return undefined;
}
