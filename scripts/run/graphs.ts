/** The graphs that tests and generated documents look at: the real program on the real platform, once per stage and content. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensurePlatform, exclusively, type Graph, synthesise } from "@frontdesk/local";
import { root, workFolder } from "./root.ts";

const known = new Map<string, Promise<Graph>>();

interface Given {
  /** As `sst dev` evaluates the program. */
  dev?: boolean;
  /** What the stage's settings file says, instead of the one in `settings`. */
  settings?: Record<string, unknown>;
}

/** Kept below `.frontdesk` by the hash of whatever it follows from. */
export function graphOf(stage: string, { dev = false, settings }: Given = {}): Promise<Graph> {
  const hash = settings
    ? `-${createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 8)}`
    : "";
  const key = `${stage}${dev ? "-dev" : ""}${hash}`;
  const promise = known.get(key) ?? load(stage, dev, key, settings);
  known.set(key, promise);
  return promise;
}

async function load(stage: string, dev: boolean, key: string, settings: Given["settings"]): Promise<Graph> {
  const folder = join(workFolder, "test-graphs");
  const file = join(folder, `${key}-${contentHash()}.json`);
  return exclusively(`${file}.lock`, async () => {
    if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Graph;
    await ensurePlatform(root, stage, (line) => console.error(line));
    const settingsFolder = join(folder, `${key}-settings`);
    if (settings) {
      mkdirSync(settingsFolder, { recursive: true });
      writeFileSync(join(settingsFolder, `${stage}.json`), JSON.stringify(settings));
    }
    const graph = await synthesise({
      appDir: root,
      stage,
      dev,
      accountId: "123456789012",
      // Fixed, so that graphs can be compared; nothing is ever reached with what follows from it.
      secretSeed: "infrastructure tests",
      secrets: { GoogleClientSecret: "not-a-real-client-secret" },
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        ...(settings && { SETTINGS_FOLDER: settingsFolder }),
      },
    });
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(graph));
    renameSync(`${file}.${process.pid}`, file);
    return graph;
  });
}

function contentHash(): string {
  const hash = createHash("sha256");
  const add = (path: string) => {
    if (!existsSync(path)) return;
    hash.update(path).update(readFileSync(path));
  };
  add(join(root, "sst.config.ts"));
  add(join(root, ".sst/platform/version"));
  add(join(root, ".sst/provider-lock.json"));
  for (const folder of [
    "infra",
    "layers",
    "settings",
    "packages/local/src/synth",
    "packages/core/migrations",
  ])
    if (existsSync(join(root, folder)))
      for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).toSorted())
        if (/\.(ts|json|sql)$/.test(name)) add(join(root, folder, name));
  return hash.digest("hex").slice(0, 16);
}
