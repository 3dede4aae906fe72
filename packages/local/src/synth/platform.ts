import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { completeApp, evaluateApp } from "./bundle.ts";
import { SynthesisError } from "./errors.ts";
import { exclusively } from "./exclusively.ts";

/**
 * Unpacks SST's platform into `.sst/platform` of the app and installs the packages of its providers, by SST's own
 * `sst install`: about 30 s and a network the first time, nothing afterwards. Pulumi and Bun are not downloaded.
 *
 * @param onProgress One line whenever there is something to tell.
 * @returns Version of the platform, and whether it was installed just now.
 * @throws SynthesisError when SST is missing or cannot install.
 */
export async function ensurePlatform(
  appDir: string,
  stage: string,
  onProgress: (line: string) => void = () => {},
): Promise<{ version: string; installed: boolean }> {
  const root = resolve(appDir);
  const sst = findSst(root);
  const workDir = mkdtempSync(join(tmpdir(), "sst-app-"));
  let providers: Record<string, Record<string, unknown>>;
  try {
    providers = completeApp(await evaluateApp(root, stage, workDir), stage, "us-east-1").providers;
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
  if (!whyInstall(root, sst.version, providers)) return { version: sst.version, installed: false };
  return exclusively(join(root, ".sst", "install.lock"), () =>
    installOnce(root, stage, sst, providers, onProgress),
  );
}

async function installOnce(
  root: string,
  stage: string,
  sst: { binary: string; version: string },
  providers: Record<string, Record<string, unknown>>,
  onProgress: (line: string) => void,
) {
  // Another process may have done it meanwhile.
  const reason = whyInstall(root, sst.version, providers);
  if (!reason) return { version: sst.version, installed: false };
  onProgress(
    `installing the platform of SST ${sst.version} into ${join(root, ".sst")} (${reason}; once, about 30 s)`,
  );
  const started = Date.now();
  await install(sst.binary, root, stage, onProgress);
  const left = whyInstall(root, sst.version, providers);
  if (left)
    throw new SynthesisError(
      `\`sst install\` came to an end, but ${left}; remove ${join(root, ".sst")} and try again`,
    );
  onProgress(`installed in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  return { version: sst.version, installed: true };
}

/** @returns What is missing or of another version; undefined when all is there. */
function whyInstall(
  root: string,
  version: string,
  providers: Record<string, Record<string, unknown>>,
): string | undefined {
  const platform = join(root, ".sst", "platform");
  const found = read(join(platform, "version"))?.trim();
  if (!found) return "it is not there";
  if (found !== version) return `it is of SST ${found}`;
  if (!existsSync(join(platform, "node_modules", "@pulumi", "pulumi"))) return "its packages are not there";
  const lock = JSON.parse(read(join(root, ".sst", "provider-lock.json")) ?? "[]") as {
    name: string;
    package: string;
    version: string;
  }[];
  for (const [name, settings] of Object.entries(providers)) {
    const entry = lock.find((candidate) => candidate.name === name || candidate.package === name);
    if (!entry) return `the provider "${name}" is not there`;
    if (typeof settings.version === "string" && settings.version !== entry.version)
      return `the provider "${name}" is of version ${entry.version} instead of ${settings.version}`;
    if (!existsSync(join(platform, "node_modules", entry.package)))
      return `the package ${entry.package} is not there`;
  }
  return undefined;
}

/** SST of the app, else the one beside this package. */
function findSst(root: string): { binary: string; version: string } {
  for (const from of [join(root, "package.json"), import.meta.url]) {
    try {
      // `sst` exports no package.json, so look beside its entry point.
      let folder = dirname(createRequire(from).resolve("sst"));
      while (!existsSync(join(folder, "bin", "sst.mjs")) && dirname(folder) !== folder)
        folder = dirname(folder);
      const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
        version: string;
      };
      return { binary: join(folder, "bin", "sst.mjs"), version };
    } catch {
      // Not here: try the next place.
    }
  }
  throw new SynthesisError(
    `SST is not installed for ${root}: run \`npm install --save-exact sst@3.19.3\` there`,
  );
}

function install(
  binary: string,
  root: string,
  stage: string,
  onProgress: (line: string) => void,
): Promise<void> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, [binary, "install", "--stage", stage], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        // It looks for credentials without using them; none of this machine's are needed.
        AWS_ACCESS_KEY_ID: "none",
        AWS_SECRET_ACCESS_KEY: "none",
        AWS_PROFILE: "",
        SST_TELEMETRY_DISABLED: "1",
        SST_SKIP_DEPENDENCY_CHECK: "1",
        SST_NO_BUN: "1",
      },
    });
    const tail: string[] = [];
    const take = (chunk: string) => {
      for (const line of chunk.split("\n")) {
        if (line.trim() === "") continue;
        tail.push(line.trim());
        if (tail.length > 15) tail.shift();
      }
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    const started = Date.now();
    const ticker = setInterval(
      () => onProgress(`still installing, ${((Date.now() - started) / 1000).toFixed(0)} s`),
      10_000,
    );
    const limit = setTimeout(() => child.kill("SIGKILL"), 10 * 60_000);
    child.once("error", reject);
    child.once("close", (code) => {
      clearInterval(ticker);
      clearTimeout(limit);
      if (code === 0) return done();
      const said = tail.join("\n  ");
      const offline = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|network|no such host|i\/o timeout/i.test(said);
      reject(
        new SynthesisError(
          `\`sst install\` failed${offline ? ": it needs a network the first time, to fetch the providers from the npm registry" : ""}\n  ${said}`,
        ),
      );
    });
  });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
