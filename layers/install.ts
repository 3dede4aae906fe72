/** Installs what a layer's lock file names, for Lambda's platform, in a folder of its own. */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type LayerName, layerPackages } from "./contents.ts";
import { lambda } from "./lock.ts";
import { packagesIn } from "./prune.ts";

/** A layer cannot be built. The message says what to do. */
export class LayerError extends Error {
  override readonly name = "LayerError";
}

/**
 * @param folder Empty; `node_modules` is made below it.
 * @throws LayerError
 */
export async function install(root: string, layer: LayerName, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const file of ["package.json", "package-lock.json"])
    copyFileSync(join(root, "layers", layer, file), join(folder, file));
  // Install scripts would run on this machine, for this machine.
  const options = [
    "--ignore-scripts",
    "--omit=dev",
    "--no-audit",
    "--no-fund",
    "--workspaces=false",
    `--os=${lambda.os}`,
    `--cpu=${lambda.cpu}`,
    `--libc=${lambda.libc}`,
  ];
  const { code, output } = await npm(["ci", ...options], folder);
  if (code !== 0) throw explain(layer, output);
  compare(layer, layerPackages(root, layer), installed(join(folder, "node_modules"), "node_modules"));
}

async function npm(args: string[], cwd: string): Promise<{ code: number | null; output: string }> {
  // The npm that runs this script, where one does.
  const own = process.env.npm_execpath;
  const [command, first] = own ? [process.execPath, [own]] : ["npm", []];
  const child = spawn(command, [...first, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(new LayerError(`npm does not start: ${error.message}`)));
    child.once("close", resolve);
  });
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, output: out + err };
}

/** What went wrong, in one sentence, from npm's own words. */
export function explain(layer: LayerName, output: string): LayerError {
  const lines = output.split("\n").map((line) => line.replace(/^npm (?:error|ERR!) ?/, "").trim());
  const code = lines.find((line) => line.startsWith("code "))?.slice("code ".length);
  const says = lines.find((line) => line !== "" && !/^(?:code |npm )/.test(line));
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "ECONNREFUSED":
    case "ECONNRESET":
    case "ETIMEDOUT":
    case "ERR_SOCKET_TIMEOUT":
    case "ENOTCACHED":
      return new LayerError(
        `layer ${layer}: the npm registry is not reached (${code}): check the network and \`npm config get registry\`, then run npm run layers again`,
      );
    case "ETARGET":
    case "E404":
    case "EINTEGRITY":
      return new LayerError(
        `layer ${layer}: the registry has not got what layers/${layer}/package-lock.json names (${code}: ${says}): install a version that exists with npm install, then run npm run layers -- --lock`,
      );
    case "EUSAGE":
      return new LayerError(
        `layer ${layer}: layers/${layer}/package.json and its lock file disagree: run npm run layers -- --lock`,
      );
    default:
      return new LayerError(`layer ${layer}: npm ci failed${code ? ` (${code})` : ""}: ${says ?? output}`);
  }
}

interface Installed {
  path: string;
  version: string;
}

function installed(folder: string, path: string): Installed[] {
  if (!existsSync(folder)) return [];
  return packagesIn(folder).flatMap((name) => {
    const { version } = JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")) as {
      version: string;
    };
    const place = `${path}/${name}`;
    return [
      { path: place, version },
      ...installed(join(folder, name, "node_modules"), `${place}/node_modules`),
    ];
  });
}

/**
 * npm leaves an optional package out in silence when it cannot have it, a picture decoder's binary among them.
 * @throws LayerError naming each package that is missing, not asked for, or of another version.
 */
export function compare(layer: LayerName, wanted: readonly Installed[], found: readonly Installed[]): void {
  const versions = new Map(found.map(({ path, version }) => [path, version]));
  const known = new Set(wanted.map(({ path }) => path));
  const wrong = [
    ...wanted
      .filter(({ path, version }) => versions.get(path) !== version)
      .map(({ path, version }) => `${path} is ${versions.get(path) ?? "missing"}, not ${version}`),
    ...found.filter(({ path }) => !known.has(path)).map(({ path }) => `${path} was not asked for`),
  ];
  if (wrong.length > 0)
    throw new LayerError(
      `layer ${layer}: npm installed something other than layers/${layer}/package-lock.json names: ${wrong.join("; ")}`,
    );
}
