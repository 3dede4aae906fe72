/** Roles and rights as RDS sets them up (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html). */

import type { Pool } from "pg";
import pg from "pg";
import type { DatabaseSpec } from "../plan/types.ts";
import { matchesVerifier } from "./scram.ts";
import { SUPERUSER } from "./server.ts";

/**
 * Order matters: the first line that matches decides. The socket behind is entered by the front alone, which has
 * checked the token of whoever is trusted here. The master administers rds_iam, which Postgres counts as membership
 * too, but logs in by password.
 */
export function authenticationRules(masterUsername: string): string[] {
  return [
    `local all ${SUPERUSER} trust`,
    `local all "${masterUsername.replaceAll('"', '""')}" scram-sha-256`,
    "local all +rds_iam trust",
    "local all all scram-sha-256",
  ];
}

/** Roles that rds_superuser may use and hand on. */
const monitoring = [
  "pg_monitor",
  "pg_signal_backend",
  "pg_checkpoint",
  "pg_read_all_data",
  "pg_write_all_data",
  "pg_create_subscription",
  "rds_password",
  "rds_replication",
];

/** Idempotent: an earlier start may have been cut short, and the plan's password may have changed since. */
export async function bootstrap(admin: Pool, spec: DatabaseSpec): Promise<void> {
  const { escapeIdentifier, escapeLiteral } = pg;
  const master = escapeIdentifier(spec.masterUsername);
  const { rows } = await admin.query<{ rolname: string; rolpassword: string | null }>(
    "select rolname, rolpassword from pg_authid where rolname = any($1)",
    [["rds_iam", "rds_superuser", spec.masterUsername]],
  );
  const existing = new Map(rows.map((row) => [row.rolname, row.rolpassword]));

  if (existing.size < 3) {
    const statements = ["begin"];
    if (!existing.has("rds_superuser")) {
      for (const role of ["rds_iam", "rds_password", "rds_replication", "rds_superuser"])
        statements.push(`create role ${role} nologin`);
      statements.push(`grant ${monitoring.join(", ")} to rds_superuser with admin option`);
    }
    if (!existing.has(spec.masterUsername))
      statements.push(
        `create role ${master} login createdb createrole nosuperuser`,
        `grant rds_superuser to ${master} with admin option`,
        // May hand it on, and is not bound by it.
        `grant rds_iam to ${master} with admin option, inherit false, set false`,
      );
    statements.push("commit");
    await admin.query(statements.join(";"));
  }

  const password = spec.masterPassword;
  if (password !== undefined && !(await matchesVerifier(existing.get(spec.masterUsername) ?? "", password)))
    await admin.query(`alter role ${master} password ${escapeLiteral(password)}`);

  const found = await admin.query("select from pg_database where datname = $1", [spec.databaseName]);
  // Not possible in a transaction block.
  if (found.rowCount === 0)
    await admin.query(`create database ${escapeIdentifier(spec.databaseName)} owner ${master}`);
}

/**
 * Whether the role has rds_iam in a way that confers something: by inheritance or by SET ROLE. Administering it
 * alone, as the master does, is not that; superusers, who may everything, are not meant.
 */
export async function isIamUser(admin: Pool, user: string): Promise<boolean> {
  const { rows } = await admin.query<{ iam: boolean }>({
    name: "is-iam-user",
    text: `select not rolsuper and (pg_has_role(oid, 'rds_iam', 'USAGE') or pg_has_role(oid, 'rds_iam', 'SET')) as iam
             from pg_roles where rolname = $1`,
    values: [user],
  });
  return rows[0]?.iam ?? false;
}
