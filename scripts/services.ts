/**
 * `npm run services -- --stage <you>`: Postgres and Redis of this machine for `npx sst dev --stage <you>`, with the
 * schema of this checkout and the mailboxes of the stage's settings. Data are kept between runs. Ctrl-C stops both.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as actor from "@frontdesk/core/actor";
import { type ConfigInput, provide } from "@frontdesk/core/config";
import { bootstrap, migrate } from "@frontdesk/core/migrations";
import { ensurePlatform, startServices, synthesise } from "@frontdesk/local";
import { z } from "zod";
import { stopOnSignals } from "./run/ctrl-c.ts";
import { isStage } from "./run/options.ts";
import { root, workFolder } from "./run/root.ts";

/** What the functions are told under `sst dev`: infra/database.ts, infra/cache.ts. */
const Links = z.object({
  Database: z.looseObject({
    host: z.literal("localhost"),
    port: z.number(),
    local: z.literal(true),
    name: z.string(),
    region: z.string(),
    appUser: z.string(),
    migratorUser: z.string(),
  }),
  Cache: z.looseObject({ host: z.literal("localhost"), port: z.number() }),
  // Checked where it is read, by core's own schema.
  Settings: z.custom<ConfigInput["Settings"]>((value) => typeof value === "object"),
  JobsQueue: z.custom<ConfigInput["JobsQueue"]>((value) => typeof value === "object"),
});

function stageOf(): string {
  try {
    const { stage } = parseArgs({ options: { stage: { type: "string" } } }).values;
    if (stage === undefined || !isStage(stage))
      throw new Error("--stage names the personal stage that sst dev is run with, e.g. --stage anna");
    return stage;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nusage: npm run services -- --stage name\n`);
    process.exit(2);
  }
}

const stage = stageOf();
const { signal, onStop, stopped } = stopOnSignals();
const say = (line: string) => process.stdout.write(`${line}\n`);
try {
  await ensurePlatform(root, stage, say);
  const graph = await synthesise({ appDir: root, stage, dev: true, signal });
  const { Database, Cache, Settings, JobsQueue } = Links.parse(graph.links);
  const stop = await startServices({
    folder: join(workFolder, "state", `services-${stage}`),
    ports: { database: Database.port, cache: Cache.port },
    database: Database.name,
    users: [Database.appUser, Database.migratorUser],
    prepare: (superuser) =>
      bootstrap(superuser, {
        database: Database.name,
        appUser: Database.appUser,
        migratorUser: Database.migratorUser,
        login: { kind: "trusted" },
      }),
    log: say,
    signal,
  });
  onStop(stop);
  provide({ Database, Settings, JobsQueue });
  const { applied, mailboxes } = await actor.provide(
    { actor: { kind: "system", name: "migrator" } },
    migrate,
  );
  say(`migrated: ${applied.length} applied now; ${mailboxes} mailboxes`);
  say(`ready. In another terminal: npx sst dev --stage ${stage}. Ctrl-C stops.`);
  await stopped;
  process.exit(0);
} catch (error) {
  if (signal.aborted) {
    await stopped;
    process.exit(130);
  }
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
