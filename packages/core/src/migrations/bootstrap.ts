import type { ClientBase } from "pg";
import { scramVerifier } from "./scram.ts";

/** How the two roles log in. */
export type Login =
  /** Straight to the cluster with IAM tokens: members of `rds_iam`, which have no password login. */
  | { kind: "iam" }
  /** Behind RDS Proxy, which logs in by password: not members of `rds_iam`. */
  | { kind: "password"; app: string; migrator: string }
  /** A server of this machine that lets both in: `npm run services`. */
  | { kind: "trusted" };

export interface BootstrapOptions {
  database: string;
  appUser: string;
  migratorUser: string;
  login: Login;
}

/** Two deployments at once take turns. The lock is the transaction's, not the session's. */
export const lockKey = 7_203_114;

/**
 * Defaults of the application's sessions. They are set on the role, since a SET in the session pins it behind RDS
 * Proxy. A statement that runs longer than the consumer's own timeout helps nobody.
 */
const appSettings = {
  statement_timeout: "15s",
  lock_timeout: "10s",
  idle_in_transaction_session_timeout: "30s",
};
const migratorSettings = { lock_timeout: "10s", statement_timeout: "5min" };

/**
 * Makes the two roles as the cluster's master, in one transaction, repeatable. Neither becomes a role of the master's:
 * a membership would reach `rds_iam` and take the master's own password login away.
 */
export async function bootstrap(master: ClientBase, options: BootstrapOptions): Promise<void> {
  const { appUser, migratorUser, login } = options;
  await master.query("begin");
  try {
    await master.query("select pg_advisory_xact_lock($1)", [lockKey]);
    const roles = await existing(master, [appUser, migratorUser, "rds_iam"]);
    if (login.kind === "iam" && !roles.has("rds_iam"))
      throw new Error("the cluster has no role rds_iam: switch IAM database authentication on");

    for (const user of [migratorUser, appUser]) {
      const name = master.escapeIdentifier(user);
      if (!roles.has(user)) await master.query(`create role ${name} login`);
      const settings = user === appUser ? appSettings : migratorSettings;
      for (const [key, value] of Object.entries(settings))
        await master.query(`alter role ${name} set ${key} = ${master.escapeLiteral(value)}`);
      if (login.kind === "iam") await master.query(`grant rds_iam to ${name}`);
      else if (login.kind === "password") {
        if (roles.has("rds_iam") && (await isMember(master, user)))
          await master.query(`revoke rds_iam from ${name}`);
        const password = user === appUser ? login.app : login.migrator;
        await master.query(`alter role ${name} password ${master.escapeLiteral(scramVerifier(password))}`);
      }
    }
    // The migrator makes the schema itself and so owns it.
    const database = master.escapeIdentifier(options.database);
    await master.query(`grant create on database ${database} to ${master.escapeIdentifier(migratorUser)}`);
    await master.query("commit");
  } catch (error) {
    await master.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function existing(client: ClientBase, names: string[]): Promise<Set<string>> {
  const { rows } = await client.query<{ rolname: string }>(
    "select rolname from pg_roles where rolname = any($1)",
    [names],
  );
  return new Set(rows.map((row) => row.rolname));
}

async function isMember(client: ClientBase, user: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_auth_members m
       join pg_roles r on r.oid = m.roleid join pg_roles u on u.oid = m.member
      where r.rolname = 'rds_iam' and u.rolname = $1`,
    [user],
  );
  return rowCount !== 0;
}
