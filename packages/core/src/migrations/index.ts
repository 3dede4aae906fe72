/** What runs before traffic on every deployment: roles, schema, mailboxes, built-in schedules. Each step may be repeated. */
import type { ClientConfig } from "pg";
import * as z from "zod";
import { now, sleep } from "../clock/index.ts";
import { config, has } from "../config/index.ts";
import * as database from "../database/index.ts";
import { describe } from "../error/index.ts";
import * as log from "../log/index.ts";
import * as mailboxes from "../mailboxes/index.ts";
import { ensureBuiltIn } from "../schedules/index.ts";
import { secretJson } from "../secrets/index.ts";
import { bootstrap, type Login } from "./bootstrap.ts";
import { apply } from "./runner.ts";
import { migrations } from "./statements.generated.ts";

export { type BootstrapOptions, bootstrap, type Login } from "./bootstrap.ts";
export { apply, type Migration, MigrationMismatch } from "./runner.ts";
export { scramVerifier } from "./scram.ts";
export { migrations } from "./statements.generated.ts";

export interface Migrated {
  /** Tags of the migrations applied now. */
  applied: string[];
  /** Active mailboxes, those of the settings. */
  mailboxes: number;
}

/** A cluster that slept at zero capacity takes up to half a minute to wake. */
const patienceMs = 90_000;

/**
 * Brings the database to this release. On permanent stages the master sets both roles' passwords from their secrets
 * each time. On the others it is needed once: as long as the migrator can log in, it is left alone, because since
 * PostgreSQL 16 the maker of a role is its member, and Aurora may count the roles' `rds_iam` as the master's too.
 */
export async function migrate(): Promise<Migrated> {
  const link = config("Database");
  const settings = config("Settings");
  const { poolFromConfig } = await import("../pool/index.ts");
  const migrator = poolFromConfig("migrator");
  const restore = database.provide(migrator);
  try {
    if (settings.permanent) await asMaster();
    await withPatience(async () => {
      try {
        (await migrator.connect()).release();
      } catch (error) {
        if (settings.permanent || !isRefusedLogin(error)) throw error;
        await asMaster();
        (await migrator.connect()).release();
      }
      // The proxy may hold the password of before for a moment.
    }, settings.permanent);
    const client = await migrator.connect();
    let applied: string[];
    try {
      applied = await apply(client, migrations, { appUser: link.appUser });
    } finally {
      client.release();
    }
    const active = await mailboxes.sync(settings.mailboxes);
    await ensureBuiltIn();
    log.info("database is up to date", { applied, mailboxes: active });
    return { applied, mailboxes: active };
  } finally {
    restore();
    await migrator.end();
  }
}

const userSecret = z.object({ username: z.string().min(1), password: z.string().min(1) });

async function asMaster(): Promise<void> {
  const link = config("Database");
  const master = config("DatabaseMaster");
  const { username, password } = await secretJson(master.secretArn, link.region, userSecret);
  const login = await loginOf();
  const options: ClientConfig = {
    host: master.host,
    port: master.port,
    database: link.name,
    user: username,
    password,
    ssl: { rejectUnauthorized: true, servername: master.host },
    connectionTimeoutMillis: 10_000,
    application_name: "frontdesk-bootstrap",
  };
  const { default: pg } = await import("../database/pg.cjs");
  await withPatience(async () => {
    const client = new pg.Client(options);
    // A cut connection also fails the query that waits; unheard, the event would end the process.
    client.on("error", () => undefined);
    try {
      await client.connect();
      await bootstrap(client, {
        database: link.name,
        appUser: link.appUser,
        migratorUser: link.migratorUser,
        login,
      });
    } finally {
      await client.end().catch(() => undefined);
    }
  });
}

async function loginOf(): Promise<Login> {
  if (!config("Settings").permanent) return { kind: "iam" };
  if (!has("DatabaseSecrets"))
    throw new Error("DatabaseSecrets is not linked to the migrator, and a permanent stage needs it");
  const { region } = config("Database");
  const { appSecretArn, migratorSecretArn } = config("DatabaseSecrets");
  const [app, migrator] = await Promise.all([
    secretJson(appSecretArn, region, userSecret),
    secretJson(migratorSecretArn, region, userSecret),
  ]);
  return { kind: "password", app: app.password, migrator: migrator.password };
}

/** Class 28 of PostgreSQL's error codes: invalid authorization. */
function isRefusedLogin(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" && code.startsWith("28");
}

/** @param alsoRefused A refused login may pass, too. */
async function withPatience(step: () => Promise<void>, alsoRefused = false): Promise<void> {
  const until = now() + patienceMs;
  for (let wait = 500; ; wait = Math.min(wait * 2, 5_000)) {
    try {
      return await step();
    } catch (error) {
      const passing = isPassing(error) || (alsoRefused && isRefusedLogin(error));
      if (!passing || now() + wait > until) throw error;
      log.warn("the database is not ready", { error: describe(error) });
      await sleep(wait);
    }
  }
}

/** Not there yet; or a deadlock with another deployment. Anything else does not get better by waiting. */
function isPassing(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === "string")
    return /^(?:ECONN|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|57P|08|40|53)/.test(code);
  return typeof message === "string" && /timeout|terminated/i.test(message);
}
