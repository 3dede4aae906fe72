import { createHash } from "node:crypto";
import type { ClientBase } from "pg";
import { lockKey } from "./bootstrap.ts";

/** One migration as drizzle-kit wrote it. */
export interface Migration {
  /** File name without its ending, e.g. `0000_mail`. */
  tag: string;
  statements: readonly string[];
}

/** A migration that was applied has been changed since, or is missing: nothing was run. */
export class MigrationMismatch extends Error {
  override readonly name = "MigrationMismatch";
}

/**
 * Applies what is not applied yet, in order, as the schema's owner: all of it or nothing. Two at once take turns, and
 * the second finds nothing to do.
 * @returns Tags of what was applied now.
 */
export async function apply(
  client: ClientBase,
  migrations: readonly Migration[],
  options: { appUser: string },
): Promise<string[]> {
  const applied: string[] = [];
  await client.query("begin");
  try {
    await client.query("select pg_advisory_xact_lock($1)", [lockKey]);
    await client.query("create schema if not exists frontdesk");
    await client.query(
      `create table if not exists frontdesk.migrations
         (tag text primary key, hash text not null, applied_at timestamptz(3) not null default now())`,
    );
    const { rows } = await client.query<{ tag: string; hash: string }>(
      "select tag, hash from frontdesk.migrations order by tag",
    );
    check(rows, migrations);
    for (const migration of migrations.slice(rows.length)) {
      for (const statement of migration.statements) await client.query(statement);
      await client.query("insert into frontdesk.migrations (tag, hash) values ($1, $2)", [
        migration.tag,
        hashOf(migration),
      ]);
      applied.push(migration.tag);
    }
    await grant(client, options.appUser);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
  return applied;
}

/** Rows, not tables: the application can neither change the schema nor see the list of migrations. */
async function grant(client: ClientBase, appUser: string): Promise<void> {
  const app = client.escapeIdentifier(appUser);
  await client.query(`grant usage on schema frontdesk to ${app}`);
  await client.query(`grant select, insert, update, delete on all tables in schema frontdesk to ${app}`);
  await client.query(`revoke all on frontdesk.migrations from ${app}`);
}

function check(applied: { tag: string; hash: string }[], migrations: readonly Migration[]): void {
  for (const [index, row] of applied.entries()) {
    const migration = migrations[index];
    if (migration?.tag !== row.tag)
      throw new MigrationMismatch(
        `the database has migration ${row.tag}, this release has ${migration?.tag ?? "none"} in its place: deploy a release that contains it`,
      );
    if (hashOf(migration) !== row.hash)
      throw new MigrationMismatch(
        `migration ${row.tag} was changed after it was applied: add a new one instead`,
      );
  }
}

function hashOf(migration: Migration): string {
  return createHash("sha256").update(migration.statements.join("\n")).digest("hex");
}
