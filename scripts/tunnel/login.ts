/** How psql is let in: a password file that no argument, environment or terminal shows. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Signer } from "@aws-sdk/rds-signer";
import { aws } from "./programs.ts";

export interface Way {
  /** The database's own name, which its certificate and the token name; the tunnel's end is on loopback. */
  host: string;
  /** Port of the database itself. */
  port: number;
  localPort: number;
  database: string;
  user: string;
  region: string;
}

/** An IAM token lasts 15 minutes from when it is made; connections that it opened last on. */
export const tokenMinutes = 15;

export async function iamToken({ host, port, user, region }: Way): Promise<string> {
  try {
    return await new Signer({ hostname: host, port, username: user, region }).getAuthToken();
  } catch (error) {
    throw new Error(`no IAM token for ${user}: ${(error as Error).message}`);
  }
}

export async function masterPassword(secretArn: string, region: string): Promise<string> {
  const text = await aws(
    ...["secretsmanager", "get-secret-value", "--secret-id", secretArn, "--region", region],
    ...["--query", "SecretString", "--output", "text"],
  );
  try {
    const { password } = JSON.parse(text) as { password?: unknown };
    if (typeof password === "string") return password;
  } catch {
    // The answer may hold a secret, so it is not told.
  }
  throw new Error(`${secretArn} holds no password`);
}

export interface PasswordFile {
  path: string;
  write(way: Way, password: string): void;
  remove(): void;
}

/** A file of libpq's (`man psql`, PGPASSFILE) in a folder of its own, readable by this user alone. */
export function createPasswordFile(): PasswordFile {
  const folder = mkdtempSync(join(tmpdir(), "frontdesk-tunnel-"));
  const path = join(folder, "pgpass");
  return {
    path,
    write({ host, localPort, database, user }, password) {
      const fields = [host, String(localPort), database, user, password];
      // libpq splits at colons, and a token has some.
      writeFileSync(path, `${fields.map((field) => field.replace(/[\\:]/g, "\\$&")).join(":")}\n`, {
        mode: 0o600,
      });
      chmodSync(path, 0o600);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Connection string for libpq: verified TLS under the database's own name, over the tunnel. */
export function connectionString({ host, localPort, database, user }: Way, ca: string): string {
  return [
    `host=${host}`,
    "hostaddr=127.0.0.1",
    `port=${localPort}`,
    `dbname=${database}`,
    `user=${user}`,
    "sslmode=verify-full",
    `sslrootcert=${ca}`,
    // A cluster that paused takes a while to come back.
    "connect_timeout=60",
  ].join(" ");
}
