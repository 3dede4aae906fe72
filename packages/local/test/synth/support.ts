import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type SynthesiseOptions, synthesise } from "../../src/synth/index.ts";
import { ensurePlatform } from "../../src/synth/platform.ts";

const here = dirname(fileURLToPath(import.meta.url));
/** Any app's platform serves: it is the same for all apps of one SST version. The repository's is there already. */
const platformOwner = resolve(here, "../../../..");

let ready: Promise<unknown> | undefined;

export interface App {
  dir: string;
  synthesise(options?: Partial<SynthesiseOptions>): ReturnType<typeof synthesise>;
  remove(): void;
}

/** An SST app in a folder of its own: a copy of `apps/<name>`, or the given files. */
export async function makeApp(source: string | Record<string, string>): Promise<App> {
  ready ??= ensurePlatform(platformOwner, "local", (line) => console.error(line));
  await ready;
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "sst-app-")));
  if (typeof source === "string") cpSync(join(here, "apps", source), dir, { recursive: true });
  else
    for (const [name, text] of Object.entries(source)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text);
    }
  mkdirSync(join(dir, ".sst"));
  symlinkSync(join(platformOwner, ".sst", "platform"), join(dir, ".sst", "platform"));
  cpSync(join(platformOwner, ".sst", "provider-lock.json"), join(dir, ".sst", "provider-lock.json"));
  return {
    dir,
    synthesise: (options) =>
      synthesise({ appDir: dir, stage: "test", env: { PATH: process.env.PATH }, ...options }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** `sst.config.ts` with the given body of `run()`. */
export const config = (run: string) => `
export default $config({
  app() {
    return { name: "small", home: "aws", providers: { aws: { region: "eu-west-1" } } };
  },
  async run() {
${run}
  },
});
`;
